"""Brows from the picture: a smooth, dark band near the brow's landmarks.

FaceMesh's brow is a thin strip that lies above most brows. So the picture around each strip is straightened, with
columns that run across the brow. Dynamic programming then finds the smooth band that contains most of what is darker
than the skin above and below it. Where nothing is darker, a prior decides: the strip where brows lie on average.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.heads.contour import face_height
from train.heads.landmarks import Points
from train.parts.landmark_outlines import polygon_mask

F32 = npt.NDArray[np.float32]

# FaceMesh's upper and lower line of a brow, from the nose outwards.
LEFT_BROW = ((336, 296, 334, 293, 300), (285, 295, 282, 283, 276))
RIGHT_BROW = ((107, 66, 105, 63, 70), (55, 65, 52, 53, 46))
_LEFT_LID = (362, 398, 384, 385, 386, 387, 388, 466, 263)
_RIGHT_LID = (133, 173, 157, 158, 159, 160, 161, 246, 33)

_COLUMNS, _ROWS = 48, 48
_BEFORE, _BEHIND = 0.10, 0.14  # of the strip's length: extent inwards and outwards
_REACH = 0.085  # of the face height: extent above and below the strip's middle line
_LOWER = 0.012  # of the face height: average distance of brows below FaceMesh's middle line
_HALF_INNER, _HALF_OUTER = 0.022, 0.012  # of the face height: half a brow's thickness, at its inner and outer end
_SPREAD = 0.016  # of the face height: how fast the prior falls off outside its band
_DARK = 0.5  # of the contrast: a darker pixel is brow
_MIN_CONTRAST = 8.0
_FULL_CONTRAST = 22.0  # of 255: with a lower contrast the prior weighs more
_PRIOR = 0.55
_STEP_COST = 0.35  # of a band whose edges move by a row from one column to the next
_THINNEST, _THICKEST = 1, 14  # half rows
_HALVES = _THICKEST - _THINNEST + 1
_STEPS = tuple((a, b) for a in (0, -1, 1) for b in (0, -1, 1))  # of middle and half thickness
_START = len(_STEPS)  # in place of a step: the band begins here
_STEP_COSTS = np.array([_STEP_COST * (abs(a) + abs(b)) for a, b in _STEPS] + [0], np.float32)[:, None, None]
_COLUMN_POSITIONS = np.linspace(-_BEFORE, 1 + _BEHIND, _COLUMNS, dtype=np.float32)  # in strip lengths
_END_COST = 4.0  # per strip length beyond the strip's ends
_LID = 0.014  # of the face height above the lid: its fold and the lashes are dark, too


@dataclass(frozen=True, eq=False)
class _Strip:
    """The straightened picture around a brow."""

    middle: Points
    """(COLUMNS, 2): where each column crosses the middle line of the landmarks, in pixels."""
    across: Points
    """(COLUMNS, 2): the step from one row to the next, in pixels."""

    def places(self, rows: npt.NDArray[np.floating], columns: slice = slice(None)) -> Points:
        """(N,) rows, one for each of these columns -> (N, 2) pixels of the picture."""
        offset = self.across[columns] * (rows - (_ROWS - 1) / 2)[:, None]
        return (self.middle[columns] + offset).astype(np.float32)


def brow_mask(rgb: U8, landmarks: Points, *, left: bool) -> U8:
    """(H, W) uint8: 1 on the brow; all 0 if the landmarks show it edge-on.

    Args:
        rgb: (H, W, 3) uint8.
        landmarks: (468 or more, 2 or 3) float32, FaceMesh vertices in pixels.
        left: whether it is the subject's left brow.
    """
    height = face_height(landmarks)
    strip = _strip(landmarks, height, left)
    if not strip.across.any():  # edge-on
        return np.zeros(rgb.shape[:2], np.uint8)
    row_px = float(np.linalg.norm(strip.across[0]))
    score = _score(_straightened(rgb, strip, height), _lid_rows(landmarks, strip, height, left), row_px / height)
    columns, top, bottom = _best_band(score)
    outline = np.concatenate([strip.places(top - 0.5, columns), strip.places(bottom + 0.5, columns)[::-1]])
    return polygon_mask(outline, rgb.shape)


def _strip(landmarks: Points, height: float, left: bool) -> _Strip:
    upper, lower = LEFT_BROW if left else RIGHT_BROW
    line = (landmarks[list(upper), :2] + landmarks[list(lower), :2]) / 2
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    wanted = np.linspace(-_BEFORE, 1 + _BEHIND, _COLUMNS) * length[-1]
    middle = np.stack([_extended(wanted, length, line[:, k]) for k in range(2)], axis=1)
    ends = middle[-1] - middle[0]
    down = np.array([-ends[1], ends[0]]) / max(float(np.linalg.norm(ends)), 1e-6)
    chin = landmarks[152, :2] - line.mean(axis=0)
    down *= np.sign(down @ chin) or 1.0
    step = down * 2 * _REACH * height / (_ROWS - 1)
    return _Strip(middle.astype(np.float32), np.tile(step, (_COLUMNS, 1)).astype(np.float32))


def _extended(wanted: npt.NDArray[np.floating], at: F32, values: F32) -> npt.NDArray[np.floating]:
    """Linear interpolation that continues beyond both ends."""
    inside = np.interp(wanted, at, values)
    first = (values[1] - values[0]) / max(at[1] - at[0], 1e-6)
    last = (values[-1] - values[-2]) / max(at[-1] - at[-2], 1e-6)
    return inside + np.minimum(wanted - at[0], 0) * first + np.maximum(wanted - at[-1], 0) * last


def _straightened(rgb: U8, strip: _Strip, height: float) -> F32:
    """(ROWS, COLUMNS) luma, blurred so that single hairs vanish."""
    luma = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (0, 0), max(0.5, 0.006 * height))
    places = np.stack([strip.places(np.full(_COLUMNS, row, np.float32)) for row in range(_ROWS)]) - np.float32(0.5)
    return cv2.remap(luma, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)


def _lid_rows(landmarks: Points, strip: _Strip, height: float, left: bool) -> F32:
    """(COLUMNS,) the row below which the shadows of the lid begin."""
    lid = landmarks[list(_LEFT_LID if left else _RIGHT_LID), :2]
    along = strip.middle[-1] - strip.middle[0]
    along = along / max(float(np.linalg.norm(along)), 1e-6)
    step = strip.across[0]
    at = (strip.middle - strip.middle[0]) @ along
    place = (lid - strip.middle[0]) @ along
    # The middle line is curved, so each point of the lid is measured from the column above it.
    below = np.interp(place, at, strip.middle @ step)
    rows = (lid @ step - below) / (step @ step) + (_ROWS - 1) / 2
    order = np.argsort(place)
    row_px = float(np.linalg.norm(step))
    return (np.interp(at, place[order], rows[order]) - _LID * height / row_px).astype(np.float32)


def _score(luma: F32, lid_rows: F32, row_share: float) -> F32:
    """(ROWS, COLUMNS): score of each place for being brow; negative for a cost."""
    rows = np.arange(_ROWS, dtype=np.float32)[:, None]
    expected, half = _expected(row_share)
    dark = _skin(luma, lid_rows, expected) - luma
    beside = np.maximum(np.abs(rows - expected) - half, 0) * row_share / _SPREAD
    contrast = max(float(np.percentile(dark[beside == 0], 75)), _MIN_CONTRAST)
    seen = np.clip(dark / contrast, -1, 1.3) - _DARK
    trust = contrast / (contrast + _FULL_CONTRAST)
    prior = np.where(beside > 0, -np.minimum(beside, 3.0), 0.6) * _PRIOR
    ends = np.maximum(np.abs(_COLUMN_POSITIONS - 0.5) - 0.5, 0)
    score = 2 * trust * seen + (1.3 - trust) * prior - ends * _END_COST
    return np.where(rows > lid_rows, -3.0, score).astype(np.float32)


def _skin(luma: F32, lid_rows: F32, expected: float) -> F32:
    """(ROWS, COLUMNS): luma of the skin if there were no brow, interpolated between that above and that below it.

    The eye socket below a brow is often in shadow, so it is compared with itself rather than with the forehead.
    """
    rows = np.arange(_ROWS, dtype=np.float32)[:, None]
    above = np.where(rows < expected, luma, 0).max(axis=0)
    below = np.where((rows > expected) & (rows < np.maximum(lid_rows, expected + 3)), luma, 0).max(axis=0)
    pair = np.stack([above, np.minimum(above, below)]).astype(np.float32)
    first, last = cv2.GaussianBlur(pair, (0, 0), sigmaX=4, sigmaY=1e-3, borderType=cv2.BORDER_REPLICATE)
    share = np.clip((rows - expected + 6) / 12, 0, 1)
    return (first + (last - first) * share).astype(np.float32)


def _expected(row_share: float) -> tuple[float, F32]:
    """The middle row of the prior, and (COLUMNS,) its half thickness."""
    half = (_HALF_INNER + (_HALF_OUTER - _HALF_INNER) * _COLUMN_POSITIONS.clip(0, 1)) / row_share
    return (_ROWS - 1) / 2 + _LOWER / row_share, half.astype(np.float32)


def _best_band(score: F32) -> tuple[slice, F32, F32]:
    """The columns of the band with the highest score, and its first and last row in each of them.

    A state is the band's middle and half thickness. From one column to the next each changes by at most one row. The
    band begins and ends where extending it would only cost.
    """
    summed = np.vstack([np.zeros((1, _COLUMNS), np.float32), np.cumsum(score, axis=0)])
    middles, halves = np.meshgrid(np.arange(_ROWS), np.arange(_THINNEST, _THICKEST + 1), indexing="ij")
    top, bottom = np.clip(middles - halves, 0, _ROWS - 1), np.clip(middles + halves, 0, _ROWS - 1)
    gains = summed[bottom + 1] - summed[top]  # (middles, halves, columns)
    best = np.empty_like(gains)
    came = np.full(gains.shape, _START, np.int64)
    best[:, :, 0] = gains[:, :, 0]
    padded, nothing = np.full((_ROWS + 2, _HALVES + 2), -1e9, np.float32), np.zeros((_ROWS, _HALVES), np.float32)
    for column in range(1, _COLUMNS):
        padded[1:-1, 1:-1] = best[:, :, column - 1]
        options = np.stack([padded[1 - a : 1 - a + _ROWS, 1 - b : 1 - b + _HALVES] for a, b in _STEPS] + [nothing])
        options -= _STEP_COSTS
        came[:, :, column] = options.argmax(axis=0)
        best[:, :, column] = gains[:, :, column] + options.max(axis=0)
    middle, half, last = (int(k) for k in np.unravel_index(int(best.argmax()), best.shape))
    column, rows = last, []
    while True:
        rows.append((top[middle, half], bottom[middle, half]))
        step = int(came[middle, half, column])
        if step == _START:
            break
        middle, half, column = middle - _STEPS[step][0], half - _STEPS[step][1], column - 1
    first_row, last_row = np.array(rows[::-1], np.float32).T
    return slice(column, last + 1), first_row, last_row
