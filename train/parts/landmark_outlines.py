"""Masks of the parts that landmarks outline: eyes, lips, inner mouth and nose."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames.types import U8
from train.heads.landmarks import Points

# FaceMesh's rings; left is the subject's left.
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LIPS_TOP = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)  # right corner to left corner
LIPS_BOTTOM = (291, 375, 321, 405, 314, 17, 84, 181, 91, 146, 61)  # and back
MOUTH_TOP = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
MOUTH_BOTTOM = (308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78)
UPPER_LIP = (*LIPS_TOP, *MOUTH_TOP[::-1])
LOWER_LIP = (*LIPS_BOTTOM, *MOUTH_BOTTOM[::-1])
INNER_MOUTH = (*MOUTH_TOP, *MOUTH_BOTTOM)
NOSE = (
    168,
    417,
    465,
    412,
    437,
    355,
    429,
    279,
    358,
    294,
    327,
    326,
    2,
    97,
    98,
    64,
    129,
    49,
    209,
    126,
    217,
    188,
    245,
    193,
)

_SUBPIXELS = 8  # per side: OpenCV fills every pixel that an outline touches, which is too much for an eye 7 px high


def polygon_mask(outline: Points, shape: tuple[int, ...]) -> U8:
    """(H, W) uint8: 1 where at least half of the pixel lies inside the outline.

    Args:
        outline: (N, 2) float32, pixels, continuous coordinates (the first pixel's centre lies at 0.5).
        shape: of the picture, (H, W, ...).
    """
    mask = np.zeros(shape[:2], np.uint8)
    (left, top), (right, bottom) = np.floor(outline.min(axis=0)) - 1, np.ceil(outline.max(axis=0)) + 1
    x0, y0 = max(0, int(left)), max(0, int(top))
    x1, y1 = min(shape[1], int(right)), min(shape[0], int(bottom))
    if x1 <= x0 or y1 <= y0:
        return mask
    fine = np.zeros(((y1 - y0) * _SUBPIXELS, (x1 - x0) * _SUBPIXELS), np.uint8)
    bits = 4
    corners = ((outline - (x0, y0)) * _SUBPIXELS - 0.5) * (1 << bits)
    cv2.fillPoly(fine, [np.round(corners).astype(np.int32)], 255, shift=bits)
    mask[y0:y1, x0:x1] = cv2.resize(fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA) >= 128
    return mask


def ring_mask(landmarks: Points, ring: tuple[int, ...], shape: tuple[int, ...]) -> U8:
    """(H, W) uint8: 1 inside a ring of landmarks."""
    return polygon_mask(landmarks[list(ring), :2], shape)
