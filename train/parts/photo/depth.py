"""Depth of one photograph: the fitted head, cut and filled to the outlines of the labels, and hair over it.

The head model has no hair, and a photograph shows only where hair is. So hair is a shell over the surface, thin at its
edge and thicker inside; next to the head it is as far away as the nearest edge of the head.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from engines.spec import BACKGROUND, PART_LABELS
from realtime.frames.types import U8
from train.parts.photo.mesh import FRONT, LEFT_EAR, NECK, RIGHT_EAR, SKULL

F32 = npt.NDArray[np.float32]

_HAIR = PART_LABELS.index("hair")
_EARS = ((PART_LABELS.index("left ear"), LEFT_EAR), (PART_LABELS.index("right ear"), RIGHT_EAR))
_THROAT_CM = 1.5  # how far the fitted chin may extend below the visible one
_MIN_HAIR_CM, _MAX_HAIR_CM = 0.4, 2.2  # thickness at the edge, and deep inside
_HAIR_RISE_CM = 1.3  # distance from the edge at which two thirds of the difference are reached
_HAIR_SMOOTHING_CM = 1.0


def depth_cm(surface: F32, region: U8, parts: U8, occluded: U8, px_per_cm: float) -> F32:
    """Depth of the labelled parts and of the neck.

    The outlines of the fitted head are off by a few pixels. If a label extends beyond its surface, the nearest depth of
    that surface is continued; if the surface extends beyond the label, depth there is unknown.

    Args:
        surface: (H, W) float32 centimetres: depth of the fitted head without hair; 0 outside it.
        region: (H, W) uint8: region of the mesh in each pixel, as `mesh.py` numbers them.
        parts: (H, W) uint8 ids of PART_LABELS.
        occluded: (H, W) uint8: 1 where something is in front of the face; its distance is unknown.
        px_per_cm: pixels per centimetre at the head.

    Returns:
        (H, W) float32 centimetres; 0 where depth is unknown.
    """
    free_background = (parts == BACKGROUND) & (occluded == 0)
    depth = np.where((region == NECK) & free_background, surface, 0).astype(np.float32)
    throat = (region == FRONT) & free_background
    throat &= cv2.distanceTransform((region != NECK).astype(np.uint8), cv2.DIST_L2, 3) < _THROAT_CM * px_per_cm
    _fill(depth, throat, surface, region == NECK)
    ears = [part for part, _ in _EARS]
    face = (parts > 0) & (parts != _HAIR) & ~np.isin(parts, ears)
    _fill(depth, face, surface, (region == FRONT) | (region == SKULL))
    for part, ear_region in _EARS:
        _fill(depth, parts == part, surface, region == ear_region)
    return np.where(parts == _HAIR, hair_depth(surface, (parts == _HAIR).astype(np.uint8), px_per_cm), depth)


def hair_depth(surface: F32, hair: U8, px_per_cm: float) -> F32:
    """Depth of the hair.

    Args:
        surface: (H, W) float32 centimetres: depth of the fitted head without hair; 0 outside it.
        hair: (H, W) uint8: 1 on hair.
        px_per_cm: pixels per centimetre at the head.

    Returns:
        (H, W) float32 centimetres; 0 where there is no hair, or no head at all.
    """
    if not hair.any() or not (surface > 0).any():
        return np.zeros_like(surface)
    under_hair = _blur_within(_extend(surface), hair, _HAIR_SMOOTHING_CM * px_per_cm)
    from_edge_cm = cv2.distanceTransform(hair, cv2.DIST_L2, 5) / px_per_cm
    thickness = _MIN_HAIR_CM + (_MAX_HAIR_CM - _MIN_HAIR_CM) * (1 - np.exp(-from_edge_cm / _HAIR_RISE_CM))
    return np.where(hair > 0, under_hair - thickness, 0).astype(np.float32)


def _fill(depth: F32, where: npt.NDArray[np.bool_], surface: F32, of_region: npt.NDArray[np.bool_]) -> None:
    """Set pixels of `depth` to the surface of a region, continued beyond its outline."""
    if where.any() and (of_region & (surface > 0)).any():
        depth[where] = _extend(np.where(of_region, surface, 0).astype(np.float32))[where]


def _extend(surface: F32) -> F32:
    """The surface, and outside it the depth of its nearest pixel."""
    _, (rows, columns) = distance_transform_edt(surface <= 0, return_indices=True)
    return surface[rows, columns]


def _blur_within(depth: F32, mask: U8, sigma: float) -> F32:
    """A Gaussian blur that averages the mask's pixels only; unchanged elsewhere."""
    weight = mask.astype(np.float32)
    total = cv2.GaussianBlur(depth * weight, (0, 0), max(sigma, 0.3))
    total_weight = cv2.GaussianBlur(weight, (0, 0), max(sigma, 0.3))
    return np.where(mask > 0, total / np.maximum(total_weight, 1e-6), depth).astype(np.float32)
