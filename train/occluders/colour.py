"""The colour of skin and of occluders, in Lab."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
MID_GREY_LAB = np.array((128, 128, 128), np.float32)


def median_lab(pixels: npt.NDArray[np.uint8]) -> F32:
    """(3,) median Lab colour, 0..255, of (N, 3) uint8 RGB pixels; mid grey if N is 0."""
    if not len(pixels):
        return MID_GREY_LAB
    return np.median(cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)[0], axis=0).astype(np.float32)
