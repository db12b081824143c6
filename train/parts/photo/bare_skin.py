"""Ears, and a bald scalp: where the fitted head has them, moved to where the picture shows skin that nothing covers.

No landmark lies on an ear, so that the fitted ear is off by a good part of its width. It is a prior: the closer to it,
the less must a colour look like the skin of the cheek rather than like what lies behind the ear.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.labels.morphology import box_of, fill_holes, inverse, largest_component, smooth_outline

F32 = npt.NDArray[np.float32]

_REACH = 0.10  # of the face height: skin further than that from the fitted ear is not ear
_NEAR = 0.12  # of the face height: the skin of the face that gives the colour
_FURTHEST = 0.35  # of the face height: nothing further from the fitted ear is looked at
_BEYOND = (0.07, 0.18)  # of the face height, from the fitted ear: what lies behind it
_SPREAD = 0.035  # of the face height: the fitted ear's error, one sigma
_COLOUR = 0.6  # weight of the colours against the place
_MOST_SURE = 4.0  # of colours, as log likelihood
_NEITHER = 12.0  # squared sigmas: a colour further from skin than that is something else
_LEAST_SAMPLE = 30  # pixels
_LEAST_FITTED = 0.0012  # of the face height squared: of the fitted ear; it may stand out less than the real one
_LEAST_AREA = 0.0035  # of the face height squared: smaller ears are left to the background
_SMOOTHING = 0.008  # of the face height


def bare_skin(rgb: U8, fitted: U8, face: U8, taken: U8, height: float, trust: float = 1.5) -> U8:
    """(H, W) uint8: 1 where this part of the head is visible; all 0 where too little of it is.

    Args:
        rgb: (H, W, 3) uint8.
        fitted: (H, W) uint8: 1 where the fitted head shows it.
        face: (H, W) uint8: 1 on the visible face.
        taken: (H, W) uint8: 1 where something else is: the face, hair, what covers them.
        height: of the face, in pixels.
        trust: what the fitted head says for skin at most, as log likelihood; with 0 the colour alone must tell.
    """
    whole = np.zeros_like(fitted)
    if fitted.sum() < _LEAST_FITTED * height**2:
        return whole
    around = _around(fitted, _FURTHEST * height)
    found = _found(rgb[around], fitted[around], face[around], taken[around], height, trust)
    if found.sum() >= _LEAST_AREA * height**2:
        whole[around] = found
    return whole


def _around(mask: U8, margin: float) -> tuple[slice, slice]:
    left, top, right, bottom = box_of(mask)
    rows = slice(max(0, int(top - margin)), int(bottom + margin) + 1)
    return rows, slice(max(0, int(left - margin)), int(right + margin) + 1)


def _found(rgb: U8, fitted: U8, face: U8, taken: U8, height: float, trust: float) -> U8:
    outside = cv2.distanceTransform(inverse(fitted), cv2.DIST_L2, 5) / height
    inside = cv2.distanceTransform(fitted, cv2.DIST_L2, 5) / height
    near = face & (outside < _NEAR).astype(np.uint8)
    if near.sum() < _LEAST_SAMPLE:  # in profile the face's contour ends before the ear
        near = face
    if near.sum() < _LEAST_SAMPLE:
        return np.zeros_like(fitted)
    place = np.clip((inside - outside) / _SPREAD, -3, trust)
    score = place + _COLOUR * _skin_rather_than_background(rgb, near, _behind(fitted, outside, taken), height)
    free = inverse(taken)
    found = ((score > 0) & (outside < _REACH)).astype(np.uint8) & free
    found = largest_component(smooth_outline(found, _SMOOTHING * height + 0.3) & free)
    return fill_holes(found, np.zeros_like(found))


def _behind(fitted: U8, outside: F32, taken: U8) -> U8:
    """(H, W) uint8: 1 on what lies behind the ear; not on the neck below it, which is skin, too."""
    behind = (outside > _BEYOND[0]) & (outside < _BEYOND[1]) & (taken == 0)
    behind[np.flatnonzero(fitted.any(axis=1))[-1] :] = False
    return behind.astype(np.uint8)


def _skin_rather_than_background(rgb: U8, skin: U8, background: U8, height: float) -> F32:
    """(H, W): log of how much likelier each colour is among the skin's than among the background's."""
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), 0.006 * height + 0.3), cv2.COLOR_RGB2LAB).astype(np.float32)
    from_skin, skin_volume = _squared_distance(lab, lab[skin > 0])
    if background.sum() < _LEAST_SAMPLE:
        return np.clip((_NEITHER - from_skin) / 2, -_MOST_SURE, _MOST_SURE)
    from_behind, volume = _squared_distance(lab, lab[background > 0])
    # What is like neither, such as a cap, is not skin only because it differs even more from what lies behind.
    from_other = np.minimum(from_behind + volume - skin_volume, _NEITHER)
    return np.clip((from_other - from_skin) / 2, -_MOST_SURE, _MOST_SURE)


def _squared_distance(lab: F32, sample: F32) -> tuple[F32, float]:
    """(H, W) Mahalanobis distance squared, and the log of the covariance's determinant."""
    covariance = np.cov(sample.T) + np.diag([100.0, 6.0, 6.0])  # an ear lies in another light than the cheek
    offset = lab - np.median(sample, axis=0).astype(np.float32)
    squared = np.einsum("hwi,ij,hwj->hw", offset, np.linalg.inv(covariance).astype(np.float32), offset)
    return squared, float(np.linalg.slogdet(covariance)[1])
