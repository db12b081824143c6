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


_PQ, _HLG = 16, 18  # transfer functions, ISO/IEC 23091-2
_WHITE_NITS = 203.0  # of a white page in HDR video (ITU-R BT.2408)
_BRIGHTEST = 1000.0 / _WHITE_NITS  # becomes 255; brighter highlights are cut


@lru_cache
def sdr_curve(transfer: int) -> npt.NDArray[np.uint8] | None:
    """(256,) uint8: what an RGB value of HDR video (PQ, HLG) looks like on an ordinary screen; None for other video.

    Each channel is tone-mapped by itself (Reinhard's curve), which is enough for a network that sees ordinary pictures.
    Source: ITU-R BT.2100.
    """
    if transfer not in (_PQ, _HLG):
        return None
    light = (_light_of_pq if transfer == _PQ else _light_of_hlg)(np.arange(256) / 255) / _WHITE_NITS
    mapped = np.clip(light * (1 + light / _BRIGHTEST**2) / (1 + light), 0, 1)
    shown = np.where(mapped <= 0.0031308, 12.92 * mapped, 1.055 * mapped ** (1 / 2.4) - 0.055)  # sRGB
    return np.round(255 * shown).astype(np.uint8)


@lru_cache
def hdr_curve(transfer: int) -> npt.NDArray[np.uint8] | None:
    """(256,) uint8: the RGB value of HDR video that looks like a value on an ordinary screen; None for other video."""
    curve = sdr_curve(transfer)
    if curve is None:
        return None
    return np.searchsorted(curve, np.arange(256)).clip(0, 255).astype(np.uint8)


def _light_of_pq(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Candela per square metre of a PQ signal, 0..1 (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = signal ** (1 / m2)
    light: npt.NDArray[np.float64] = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return light


def _light_of_hlg(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Candela per square metre of an HLG signal, 0..1, on a screen of 1000 (ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    light: npt.NDArray[np.float64] = 1000 * scene**1.2
    return light
