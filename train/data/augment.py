"""Random changes to a crop: framing, light, colour, sharpness, noise and compression."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]


def random_framing(rng: Rng) -> npt.NDArray[np.float64]:
    """A random framing: the errors of detection and tracking, and the tilt of heads.

    Returns:
        (3, 3) affine in units of the full-face box's longer side, about the box's centre.
    """
    zoom = math.exp(rng.uniform(math.log(0.74), math.log(1.25)))
    degrees = rng.uniform(-50, 50) if rng.random() < 0.12 else rng.normal(0, 11)
    spread = 0.9 if rng.random() < 0.03 else 0.08  # sometimes the face is almost outside
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    stretch = np.diag([math.exp(rng.normal(0, 0.05)) * (-1 if rng.random() < 0.5 else 1), 1.0])
    framing = np.eye(3)
    framing[:2, :2] = zoom * turn @ stretch
    framing[:2, 2] = rng.normal(0, spread, 2)
    return framing


def random_look(rgb: U8, rng: Rng) -> U8:
    """Change the light, camera and compression of a crop at random: (S, S, 3) uint8 -> the same."""
    if rng.random() < 0.2:
        rgb = _low_resolution(rgb, rng.uniform(1.3, 3.6))
    pixels = _light(rgb, rng)
    if rng.random() < 0.12:
        pixels = cv2.transform(pixels, np.tile(np.array((0.299, 0.587, 0.114), np.float32), (3, 1)))
    if rng.random() < 0.25:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 1.4))
    if rng.random() < 0.35:
        pixels = cv2.add(pixels, _noise(pixels.shape, abs(rng.normal(0, 0.035)), rng))
    changed = cv2.multiply(pixels, (255.0,) * 4, dtype=cv2.CV_8U)  # clips and rounds
    return _compressed(changed, int(rng.integers(25, 90))) if rng.random() < 0.3 else changed


def _light(rgb: U8, rng: Rng) -> F32:
    """(S, S, 3) uint8 -> float32 0..1: gamma, gain, tint and saturation, then light from a side."""
    gamma = math.exp(rng.normal(0, 0.3))
    gain = math.exp(rng.normal(0, 0.25))
    if rng.random() < 0.08:
        gain *= rng.uniform(0.1, 0.4)  # in the dark
    elif rng.random() < 0.06:
        gain *= rng.uniform(1.5, 2.5)  # in glare
    tint = np.exp(rng.normal(0, 0.08, 3))
    curve = np.linspace(0, 1, 256) ** gamma
    pixels = cv2.LUT(rgb, (curve[:, None] * gain * tint).astype(np.float32)[None])
    saturation = rng.uniform(0.5, 1.4)
    pixels = cv2.transform(pixels, (saturation * np.eye(3) + (1 - saturation) / 3).astype(np.float32))
    if rng.random() < 0.25:  # light from one side
        angle, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0.2, 0.85)
        steps = np.linspace(-strength, strength, pixels.shape[0], dtype=np.float32)
        ramp = np.maximum(
            1 + steps * np.float32(math.cos(angle)) + steps[:, None] * np.float32(math.sin(angle)), np.float32(0.1)
        )
        pixels = cv2.multiply(pixels, cv2.merge([ramp] * 3))
    return np.minimum(np.maximum(pixels + np.float32(rng.normal(0, 0.04)), 0), 1)


def _noise(shape: tuple[int, ...], sigma: float, rng: Rng) -> F32:
    """Normal noise; OpenCV's generator is more than twice as fast as numpy's."""
    cv2.setRNGSeed(int(rng.integers(2**31)))
    return cv2.randn(np.empty(shape, np.float32), (0.0,) * 4, (sigma,) * 4)


def _low_resolution(rgb: U8, factor: float) -> U8:
    size = rgb.shape[0]
    small = cv2.resize(rgb, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def _compressed(rgb: U8, quality: int) -> U8:
    _, data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.uint8)
