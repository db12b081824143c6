"""A face seen in several framings and mirrored: what a network says of it, averaged in the picture.

Outlines get smoother than a network's own pixels, and single mistakes are voted down.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import ModelSpec
from realtime.frames.crop import crop_from_frame, region_from_box
from realtime.frames.resampling import centres, warp
from realtime.frames.types import U8
from train.heads.contour import contour
from train.heads.landmarks import CHIN, FOREHEAD, Points

F32 = npt.NDArray[np.float32]
Affine = npt.NDArray[np.float64]
Parse = Callable[[U8], U8]
"""(N, S, S, 3) uint8 RGB crops -> (N, S, S, K) uint8 probabilities."""
Planes = Callable[[U8, bool], F32]
"""(S, S, K) uint8 probabilities, and whether left and right in them are those of a mirrored face -> (S, S, C) float32:
what is averaged."""

# Zoom, shift (of the face box) and degrees of each framing; each is seen mirrored, too. All lie well inside what the
# networks meet in training (train/data/augment.py).
FRAMINGS = ((1.0, 0.0, 0.0, 0.0), (1.12, 0.03, 0.02, 5.0), (0.9, -0.03, -0.02, -5.0), (1.04, 0.05, -0.04, -8.0),
            (0.96, -0.05, 0.04, 8.0))  # fmt: skip
_HAIRLINE = 0.16  # above the oval, of the face height: networks are trained on boxes that reach up to it
_RIM_PX = 4  # at a crop's border a network sees little: it counts less in the average
_MOST_PLANES = 4  # of one call of OpenCV


def seen_in_framings(parse: Parse, spec: ModelSpec, rgb: U8, landmarks: Points, planes: Planes) -> F32:
    """What a network makes of a face, averaged over framings and mirroring.

    Args:
        rgb: (H, W, 3) uint8.
        landmarks: (468 or more, 2 or 3), FaceMesh vertices in pixels.

    Returns:
        (H, W, C) float32; 0 where no framing looked.
    """
    affines = [crop_affine(landmarks, spec, *framing) for framing in FRAMINGS]
    crops = np.stack([warp(rgb, affine, spec.size_px) for affine in affines])
    parsed = parse(np.concatenate([crops, crops[:, :, ::-1]]))
    straight, mirrored = parsed[: len(affines)], parsed[len(affines) :, :, ::-1]
    both = [(planes(a, False) + planes(b, True)) / 2 for a, b in zip(straight, mirrored, strict=True)]
    return average_on_picture(both, affines, rgb.shape[:2])


def crop_affine(landmarks: Points, spec: ModelSpec, zoom: float, dx: float, dy: float, degrees: float) -> Affine:
    """(2, 3): picture -> crop with the face upright, as the landmarks say, then framed differently by the rest."""
    up = landmarks[FOREHEAD, :2] - landmarks[CHIN, :2]
    turn = math.atan2(float(up[0]), -float(up[1])) + math.radians(degrees)
    cosine, sine = math.cos(turn), math.sin(turn)
    level = np.array([[cosine, sine], [-sine, cosine]])  # turns `up` to (0, -1)
    outline = contour(landmarks, _HAIRLINE) @ level.T
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    side = max(right - left, bottom - top)
    box = (left + dx * side, top + dy * side, right + dx * side, bottom + dy * side)
    crop_from_level = crop_from_frame(region_from_box(box, spec.crop_scale / zoom), spec.size_px)
    return np.hstack([crop_from_level[:, :2] @ level, crop_from_level[:, 2:]])


def average_on_picture(crops: list[F32], affines: list[Affine], shape: tuple[int, ...]) -> F32:
    """Bring (S, S, C) planes back to the (H, W, C) picture, and average them where crops overlap."""
    height, width = shape
    total = np.zeros((height, width, crops[0].shape[2]), np.float32)
    weight = np.zeros((height, width), np.float32)
    rim = _rim_weights(crops[0].shape[0])
    for crop, affine in zip(crops, affines, strict=True):
        x0, y0, x1, y1 = _window(affine, len(rim), (width, height))
        if x1 <= x0 or y1 <= y0:
            continue
        back = cv2.invertAffineTransform(affine)
        back[:, 2] -= (x0, y0)
        to_window = centres(back)
        total[y0:y1, x0:x1] += _warped(crop * rim[:, :, None], to_window, (x1 - x0, y1 - y0))
        weight[y0:y1, x0:x1] += cv2.warpAffine(rim, to_window, (x1 - x0, y1 - y0))
    return total / np.maximum(weight, 1e-3)[:, :, None]


def _warped(planes: F32, affine: Affine, size_wh: tuple[int, int]) -> F32:
    """`cv2.warpAffine` of any number of planes."""
    some = [planes[:, :, k : k + _MOST_PLANES] for k in range(0, planes.shape[2], _MOST_PLANES)]
    return np.dstack([cv2.warpAffine(np.ascontiguousarray(part), affine, size_wh) for part in some])


def _rim_weights(size_px: int) -> F32:
    weights = np.zeros((size_px, size_px), np.float32)
    weights[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX] = 1
    return cv2.GaussianBlur(weights, (0, 0), 3).astype(np.float32)


def _window(affine: Affine, size_px: int, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    corners = np.array([[0, 0, 1], [size_px, 0, 1], [0, size_px, 1], [size_px, size_px, 1]], float)
    seen = corners @ cv2.invertAffineTransform(affine).T
    (x0, y0), (x1, y1) = np.floor(seen.min(axis=0)).astype(int), np.ceil(seen.max(axis=0)).astype(int)
    return max(0, x0), max(0, y0), min(size_wh[0], x1), min(size_wh[1], y1)
