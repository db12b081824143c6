"""Light of synthetic heads: sky and ground, a key light with its shadow, a fill light, and the camera's exposure."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.parts.raster import rasterise
from train.parts.synthetic.shape import Camera
from train.parts.synthetic.surface import Picture, Surface, unit

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_SHADOW_PX = 224
_BIAS_CM = 0.5
_WRAP = 0.25  # wrapped diffuse light: skin scatters it to where the surface already faces away


@dataclass(frozen=True, eq=False)
class Light:
    """The light of a scene. Directions point to the light, in camera coordinates; colours are linear."""

    sky: F32
    ground: F32
    key_to: F32
    key: F32
    fill_to: F32
    fill: F32
    exposure: float
    """Factor of the brightness: below 1 dark, above it overexposed."""
    noise: float
    """Standard deviation of the camera's noise, of 255."""
    blur_px: float


def random_light(rng: Rng) -> Light:
    """Random light, from a dark room to overexposure. The key light is mostly in front of the face."""
    warm = rng.normal(0, 0.10)
    tint = np.array((1 + warm, 1.0, 1 - warm), np.float32) * rng.uniform(0.95, 1.05, 3).astype(np.float32)
    ambient = rng.uniform(0.08, 0.7)
    kind = rng.random()
    exposure = float(np.exp(rng.normal(0, 0.18)))
    if kind < 0.15:
        exposure = rng.uniform(0.05, 0.35)
    elif kind < 0.27:
        exposure = rng.uniform(1.7, 3.5)
    side, high = np.radians(rng.normal(0, 50)), np.radians(rng.normal(30, 25))
    to = np.array((np.sin(side) * np.cos(high), -np.sin(high), -np.cos(side) * np.cos(high)))
    other = np.array((-to[0], -abs(rng.normal(0, 0.4)), rng.uniform(-0.8, 0.6)))
    ground = tint * ambient * rng.uniform(0.2, 0.8) * rng.uniform(0.8, 1.1, 3)
    return Light(
        sky=(tint[::-1] * ambient).astype(np.float32),
        ground=ground.astype(np.float32),
        key_to=unit(to).astype(np.float32),
        key=(tint * (1.15 - ambient) * rng.uniform(0.8, 1.2)).astype(np.float32),
        fill_to=unit(other).astype(np.float32),
        fill=(rng.uniform(0, 0.3) * rng.uniform(0.6, 1.0, 3)).astype(np.float32),
        exposure=float(exposure),
        noise=float(rng.gamma(1.2, 1.6) + (4 * rng.random() if exposure < 0.4 else 0)),
        blur_px=float(max(0, rng.normal(0.3, 0.4))),
    )


def lit(picture: Picture, light: Light, surfaces: list[Surface], camera: Camera) -> F32:
    """(S, S, 3) linear light; 0 without a surface."""
    side = len(picture.depth)
    at = np.flatnonzero(picture.depth)
    row, column = np.divmod(at, side)
    pixels = np.stack([column, row], axis=1).astype(np.float32) + 0.5
    places = camera.unprojected(pixels, picture.depth.ravel()[at], side)
    normal, towards = picture.normal.reshape(-1, 3)[at], unit(-places)
    open_ = picture.open_.ravel()[at][:, None]
    up = (1 - normal[:, 1:2]) / 2
    received = (light.sky * up + light.ground * (1 - up)) * open_
    shining = np.zeros((len(at), 1), np.float32)
    shade = shadow(places, normal, light.key_to, surfaces)[:, None]
    for to, colour, reach in ((light.key_to, light.key, shade), (light.fill_to, light.fill, open_)):
        facing = np.maximum((normal @ to)[:, None] + _WRAP, 0) / (1 + _WRAP)
        received = received + colour * facing * reach
        half = unit(towards + to)
        lobe = np.maximum((normal * half).sum(axis=1, keepdims=True), 0)
        shining = shining + (0.25 * lobe**12 + lobe**48) * reach * colour.mean()
    total = picture.albedo.reshape(-1, 3)[at] * received + picture.gloss.ravel()[at][:, None] * shining
    out = np.zeros((side * side, 3), np.float32)
    out[at] = total
    return out.reshape(side, side, 3)


def shadow(places: F32, normal: F32, to: F32, surfaces: list[Surface]) -> F32:
    """(N,) share of the key light that reaches each point, by a shadow map."""
    across = unit(np.cross(to, np.array((0.1, 1.0, 0.2), np.float32)))
    frame = np.stack([across, np.cross(to, across), -to], axis=1).astype(np.float32)
    middle = places.mean(axis=0)
    scale = _SHADOW_PX / 36  # pixels per centimetre
    nearest = np.full((_SHADOW_PX, _SHADOW_PX), np.inf, np.float32)
    for surface in surfaces:
        seen = (surface.points - middle) @ frame
        pixels = np.concatenate([seen[:, :2] * scale + _SHADOW_PX / 2, seen[:, 2:] + 200], axis=1)
        hits = rasterise(pixels, surface.triangles, (_SHADOW_PX, _SHADOW_PX))
        nearest = np.where(hits.triangle >= 0, np.minimum(nearest, hits.depth), nearest)
    seen = (places + 0.15 * normal - middle) @ frame
    reach = np.zeros(len(places), np.float32)
    steps = ((-1.2, -0.5), (0.5, -1.2), (1.2, 0.5), (-0.5, 1.2), (0.0, 0.0))
    for right, down in steps:
        column, row = (seen[:, k] * scale + _SHADOW_PX / 2 + (right, down)[k] for k in range(2))
        column, row = (np.clip(v, 0, _SHADOW_PX - 1).astype(np.int64) for v in (column, row))
        reach += seen[:, 2] + 200 < nearest[row, column] + _BIAS_CM
    return reach / len(steps)


def exposed(linear: F32, light: Light, rng: Rng) -> U8:
    """(S, S, 3) linear light -> (S, S, 3) uint8 sRGB, as a camera records it."""
    if light.blur_px > 0.35:
        linear = cv2.GaussianBlur(linear, (0, 0), light.blur_px)
    bright = 1 - np.exp(-1.9 * light.exposure * np.maximum(linear, 0))  # soft clipping
    noisy = 255 * bright ** (1 / 2.2) + rng.normal(0, light.noise, linear.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)
