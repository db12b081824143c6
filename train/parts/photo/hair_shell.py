"""Hair in depth: a shell over the skull of the fitted head.

The head model has no hair, and a photograph shows only where hair is, not how far it stands out. So hair is laid over
the surface below it, thin where it ends and thicker inwards; beside the head it hangs as far away as the nearest rim.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from realtime.frames.types import U8

F32 = npt.NDArray[np.float32]

_THIN_CM, _THICK_CM = 0.4, 2.2  # at the rim, and deep inside
_RISE_CM = 1.3  # from the rim: there two thirds of the difference are reached
_SMOOTH_CM = 1.0


def hair_depth(surface: F32, hair: U8, px_per_cm: float) -> F32:
    """Depth of the hair.

    Args:
        surface: (H, W) float32: depth of the head without hair in centimetres, 0 for none.
        hair: (H, W) uint8: 1 where hair is.
        px_per_cm: of the picture, at the head.

    Returns:
        (H, W) float32 centimetres; 0 where no hair is, or nothing is known of the head.
    """
    if not hair.any() or not (surface > 0).any():
        return np.zeros_like(surface)
    under = smoothed_within(extended(surface), hair, _SMOOTH_CM * px_per_cm)
    from_rim = cv2.distanceTransform(hair, cv2.DIST_L2, 5) / px_per_cm
    thickness = _THIN_CM + (_THICK_CM - _THIN_CM) * (1 - np.exp(-from_rim / _RISE_CM))
    return np.where(hair > 0, under - thickness, 0).astype(np.float32)


def extended(surface: F32) -> F32:
    """The surface, and where there is none the depth of its nearest pixel."""
    _, (rows, columns) = distance_transform_edt(surface <= 0, return_indices=True)
    return surface[rows, columns]


def smoothed_within(depth: F32, mask: U8, sigma: float) -> F32:
    """A Gaussian blur that looks at the mask's pixels alone; elsewhere unchanged."""
    weight = mask.astype(np.float32)
    total = cv2.GaussianBlur(depth * weight, (0, 0), max(sigma, 0.3))
    seen = cv2.GaussianBlur(weight, (0, 0), max(sigma, 0.3))
    return np.where(mask > 0, total / np.maximum(seen, 1e-6), depth).astype(np.float32)
