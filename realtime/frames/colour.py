"""YCbCr and RGB: the matrices between them, and which one a frame uses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Matrix = Literal["bt601", "bt709", "bt2020"]
_LUMA_WEIGHTS: dict[str, tuple[float, float]] = {  # (Kr, Kb): ITU-R BT.601-7, BT.709-6, BT.2020-2
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}


@dataclass(frozen=True)
class Colour:
    """Which YCbCr a frame's planes hold, with the tags that a sink writes so that players show the same colours."""

    matrix: Matrix = "bt709"
    full_range: bool = False
    """True: luma 0..255 (JPEG); False: luma 16..235 (video)."""
    primaries: int = 2
    """ISO/IEC 23091-2 code of the colour primaries; 2 is unspecified."""
    transfer: int = 2
    """ISO/IEC 23091-2 code of the transfer function; 2 is unspecified."""
    space: int = 2
    """ISO/IEC 23091-2 code of the matrix in the input; 2 is unspecified, and `matrix` is then a guess."""


@lru_cache
def rgb_from_yuv(matrix: Matrix, full_range: bool) -> npt.NDArray[np.float32]:
    """(3, 4) float32 for `cv2.transform`: YUV 0..255 -> RGB 0..255."""
    forward = yuv_from_rgb(matrix, full_range).astype(np.float64)
    inverse = np.linalg.inv(forward[:, :3])
    return np.hstack([inverse, -inverse @ forward[:, 3:]]).astype(np.float32)


@lru_cache
def yuv_from_rgb(matrix: Matrix, full_range: bool) -> npt.NDArray[np.float32]:
    """(3, 4) float32 for `cv2.transform`: RGB 0..255 -> YUV 0..255."""
    kr, kb = _LUMA_WEIGHTS[matrix]
    kg = 1 - kr - kb
    luma = np.array([kr, kg, kb])
    blue = (np.array([0, 0, 1]) - luma) / (2 * (1 - kb))
    red = (np.array([1, 0, 0]) - luma) / (2 * (1 - kr))
    if full_range:
        scale, offset = np.array([[1.0], [1.0], [1.0]]), np.array([[0.0], [128.0], [128.0]])
    else:
        scale, offset = np.array([[219 / 255], [224 / 255], [224 / 255]]), np.array([[16.0], [128.0], [128.0]])
    return np.hstack([np.stack([luma, blue, red]) * scale, offset]).astype(np.float32)


def black_yuv(full_range: bool) -> tuple[int, int, int]:
    """Black, as (Y, U, V)."""
    return (0 if full_range else 16), 128, 128
