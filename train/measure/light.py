"""The same crop in another light, as a camera with a fixed exposure would take it.

Colour suffers "in very bright or dark scenarios", depth does not (Cross-Domain Mutual Learning, section 1).

Light is linear where a picture is not: values are decoded with a gamma of 2.2, changed, and encoded to 8 bits again.

dark    1/256 of the light, eight stops: an office of 300 lux turned into a room that a screen lights (1 lux). What
        reaches a pixel is photons (8,000 electrons fill it; Poisson) and the sensor's read noise (2.5 electrons).
glare   8 times the light, three stops. What a pixel cannot hold is lost; a share of all light spreads around bright
        places in the lens (bloom) and over the whole picture (veil).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_GAMMA = 2.2
_DARK_GAIN, _GLARE_GAIN = 1 / 256, 8.0
_FULL_WELL, _READ_NOISE = 8000.0, 2.5  # electrons
_BLOOM_SHARE, _BLOOM_WIDTH = 0.12, 0.08  # of the light; of the crop's side
_VEIL_SHARE = 0.05


def normal(rgb: U8, rng: Rng) -> U8:
    """(S, S, 3) uint8, unchanged."""
    return rgb


def dark(rgb: U8, rng: Rng) -> U8:
    """(S, S, 3) uint8 with eight stops less light, and the noise of so few photons."""
    electrons = rng.poisson(_linear(rgb) * np.float32(_DARK_GAIN * _FULL_WELL)).astype(np.float32)
    electrons += rng.normal(0, _READ_NOISE, rgb.shape).astype(np.float32)
    return _encoded(electrons / np.float32(_FULL_WELL))


def glare(rgb: U8, rng: Rng) -> U8:
    """(S, S, 3) uint8 with three stops more light, clipped, with bloom and veil."""
    light = _linear(rgb) * np.float32(_GLARE_GAIN)
    halo = cv2.GaussianBlur(light, (0, 0), _BLOOM_WIDTH * len(rgb))
    veil = light.mean(axis=(0, 1))
    kept = 1 - _BLOOM_SHARE - _VEIL_SHARE
    return _encoded(kept * light + _BLOOM_SHARE * halo + _VEIL_SHARE * veil)


LIGHTS: Mapping[str, Callable[[U8, Rng], U8]] = {"normal": normal, "dark": dark, "glare": glare}


def _linear(rgb: U8) -> F32:
    return (rgb.astype(np.float32) / 255) ** np.float32(_GAMMA)


def _encoded(linear: F32) -> U8:
    return np.rint(255 * np.clip(linear, 0, 1) ** (1 / _GAMMA)).astype(np.uint8)
