"""Ears and bald scalps: the fitted head says about where, and the colour of skin in the picture where exactly.

No landmark lies on an ear, so the fitted ear is off by a good part of its width. It serves as a prior: each pixel has a
log likelihood by its distance to the fitted ear, and one by whether its colour is closer to the skin of the cheek or to
what is behind the ear.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.labels.morphology import box_of, fill_holes, inverse, largest_component, smooth_outline

F32 = npt.NDArray[np.float32]

_MAX_DISTANCE = 0.10  # of the face height: skin further than that from the fitted ear is not ear
_SAMPLE_DISTANCE = 0.12  # of the face height: facial skin within it gives the colour of skin
_MARGIN = 0.35  # of the face height: only pixels within it of the fitted ear are processed
_BACKGROUND_DISTANCE = (0.07, 0.18)  # of the face height: pixels between give the colour of the background
_SPREAD = 0.035  # of the face height: the fitted ear's error, one sigma
_COLOUR_WEIGHT = 0.6  # compared with the position
_MAX_COLOUR_SCORE = 4.0  # log likelihood
_OTHER_DISTANCE = 12.0  # squared sigmas: a colour further from skin than that is neither skin nor background
_MIN_SAMPLE_PX = 30
_MIN_FITTED_AREA = 0.0012  # of the face height squared; a fitted ear may stick out less than the real one
_MIN_AREA = 0.0035  # of the face height squared: smaller ears become background
_SMOOTHING = 0.008  # of the face height


def bare_skin(rgb: U8, fitted: U8, face: U8, taken: U8, height: float, max_prior: float = 1.5) -> U8:
    """(H, W) uint8: 1 where bare skin of this part of the head is visible; all 0 if too little is visible.

    Args:
        rgb: (H, W, 3) uint8.
        fitted: (H, W) uint8: 1 where the fitted head has this part.
        face: (H, W) uint8: 1 on the visible face.
        taken: (H, W) uint8: 1 on everything else: the face, hair, occlusions.
        height: the face height, in pixels.
        max_prior: largest log likelihood from the position; with 0 the colour alone must be that of skin.
    """
    mask = np.zeros_like(fitted)
    if fitted.sum() < _MIN_FITTED_AREA * height**2:
        return mask
    window = _window(fitted, _MARGIN * height)
    skin = _skin_in_window(rgb[window], fitted[window], face[window], taken[window], height, max_prior)
    if skin.sum() >= _MIN_AREA * height**2:
        mask[window] = skin
    return mask


def _window(mask: U8, margin: float) -> tuple[slice, slice]:
    left, top, right, bottom = box_of(mask)
    rows = slice(max(0, int(top - margin)), int(bottom + margin) + 1)
    return rows, slice(max(0, int(left - margin)), int(right + margin) + 1)


def _skin_in_window(rgb: U8, fitted: U8, face: U8, taken: U8, height: float, max_prior: float) -> U8:
    outside = cv2.distanceTransform(inverse(fitted), cv2.DIST_L2, 5) / height
    inside = cv2.distanceTransform(fitted, cv2.DIST_L2, 5) / height
    sample = face & (outside < _SAMPLE_DISTANCE).astype(np.uint8)
    if sample.sum() < _MIN_SAMPLE_PX:  # in profile, the contour of the face ends in front of the ear
        sample = face
    if sample.sum() < _MIN_SAMPLE_PX:
        return np.zeros_like(fitted)
    position_score = np.clip((inside - outside) / _SPREAD, -3, max_prior)
    score = position_score + _COLOUR_WEIGHT * _colour_score(rgb, sample, _behind(fitted, outside, taken), height)
    free = inverse(taken)
    visible = ((score > 0) & (outside < _MAX_DISTANCE)).astype(np.uint8) & free
    visible = largest_component(smooth_outline(visible, _SMOOTHING * height + 0.3) & free)
    return fill_holes(visible, np.zeros_like(visible))


def _behind(fitted: U8, outside: F32, taken: U8) -> U8:
    """(H, W) uint8: 1 on what is behind the ear, but not on the neck below it, which is skin, too."""
    behind = (outside > _BACKGROUND_DISTANCE[0]) & (outside < _BACKGROUND_DISTANCE[1]) & (taken == 0)
    behind[np.flatnonzero(fitted.any(axis=1))[-1] :] = False
    return behind.astype(np.uint8)


def _colour_score(rgb: U8, skin: U8, background: U8, height: float) -> F32:
    """(H, W): log likelihood ratio of skin against background for each pixel's colour."""
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), 0.006 * height + 0.3), cv2.COLOR_RGB2LAB).astype(np.float32)
    from_skin, skin_volume = _squared_distance(lab, lab[skin > 0])
    if background.sum() < _MIN_SAMPLE_PX:
        return np.clip((_OTHER_DISTANCE - from_skin) / 2, -_MAX_COLOUR_SCORE, _MAX_COLOUR_SCORE)
    from_behind, volume = _squared_distance(lab, lab[background > 0])
    # Without the limit, something else, such as a cap, would be skin if it differed even more from the background.
    from_other = np.minimum(from_behind + volume - skin_volume, _OTHER_DISTANCE)
    return np.clip((from_other - from_skin) / 2, -_MAX_COLOUR_SCORE, _MAX_COLOUR_SCORE)


def _squared_distance(lab: F32, sample: F32) -> tuple[F32, float]:
    """(H, W) Mahalanobis distance squared, and the log of the covariance's determinant."""
    covariance = np.cov(sample.T) + np.diag([100.0, 6.0, 6.0])  # an ear is lit differently from the cheek
    offset = lab - np.median(sample, axis=0).astype(np.float32)
    squared = np.einsum("hwi,ij,hwj->hw", offset, np.linalg.inv(covariance).astype(np.float32), offset)
    return squared, float(np.linalg.slogdet(covariance)[1])
