"""Shapes and textures that are drawn, and two kinds of occluder that consist of them: shapes and microphones."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from train.heads.landmarks import Points
from train.occluders.scene import Patch, Scene

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_MOUTH = 13  # FaceMesh
_SUBPIXEL_BITS = 4  # polygons have corners in 1/16 pixel


def shape(scene: Scene, rng: Rng) -> Patch:
    """A blob, a polygon or a bar, anywhere on the face, with a random texture."""
    alpha = random_shape(scene.size_px, scene.random_point(rng), scene.face_side, rng)
    return Patch.from_straight_alpha(texture(scene.size_px, rng, scene.skin_lab()), alpha)


def microphone(scene: Scene, rng: Rng) -> Patch:
    """A microphone at the mouth: a round head, and a handle that leaves the crop at the bottom."""
    size_px = scene.size_px
    tip = scene.landmarks[_MOUTH] + rng.normal(0, 0.12 * scene.face_side, 2).astype(np.float32)
    radius = rng.uniform(0.08, 0.2) * scene.face_side
    lean = rng.normal(0, 0.5)
    direction = np.array([math.sin(lean), math.cos(lean)])
    x = np.arange(size_px, dtype=np.float32) - tip[0]
    y = np.arange(size_px, dtype=np.float32)[:, None] - tip[1]
    head = np.clip(radius - np.hypot(x, y) + 0.5, 0, 1)
    handle = line(size_px, tip, tip + direction * size_px * 2, radius * rng.uniform(0.8, 1.5))
    shade = np.clip(1.2 - np.hypot(x + radius / 3, y + radius / 3) / (2 * radius), 0.3, 1.2)
    grille = rng.normal(0, 14, (size_px, size_px)).astype(np.float32)
    head_colour = rng.uniform(20, 190) if rng.random() < 0.6 else rng.uniform(0, 255, 3)
    handle_colour = rng.uniform(0, 80) + rng.normal(0, 10, 3)
    rgb = np.ones((size_px, size_px, 3), np.float32) * np.float32(handle_colour)
    rgb = np.where(head[:, :, None] > 0, (np.float32(head_colour) * shade[:, :, None] + grille[:, :, None]), rgb)
    return Patch.from_straight_alpha(np.clip(rgb, 0, 255).astype(np.float32), np.maximum(head, handle))


def random_shape(size_px: int, centre: Points, face_side: float, rng: Rng) -> F32:
    """(size_px, size_px) float32 alpha of a bar (35 %), a polygon (25 %) or a smooth blob (40 %) near `centre`."""
    radius = rng.uniform(0.12, 0.5) * face_side
    kind = rng.random()
    if kind < 0.35:  # a bar, such as an arm, a stick or a strap
        angle, width = rng.uniform(0, math.pi), rng.uniform(0.05, 0.5) * face_side
        along = np.array([math.cos(angle), math.sin(angle)])
        start = centre - along * radius * rng.uniform(1, 4)
        end = centre + along * radius * rng.uniform(0.5, 4)
        return line(size_px, start, end, width)
    angles = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 8)))
    if kind < 0.6:
        radii = radius * rng.uniform(0.6, 1.4, len(angles))
    else:
        angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
        waves = sum(rng.normal(0, 0.25 / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in range(1, 5))
        radii = radius * np.clip(1 + waves, 0.2, 2)
    corners = centre + np.stack([np.cos(angles) * radii * rng.uniform(0.6, 1.6), np.sin(angles) * radii], axis=1)
    return polygon(size_px, corners)


def texture(size_px: int, rng: Rng, skin_lab: F32) -> F32:
    """(size_px, size_px, 3) float32 RGB, 0..255: a shaded colour, plain, noisy or striped.

    Args:
        skin_lab: (3,) Lab colour, 0..255. Three textures in ten have about this colour, the others any.
    """
    colour = rng.uniform(0, 255, 3)
    if rng.random() < 0.3:
        lab = np.clip(skin_lab + rng.normal(0, (14, 3, 4)), 0, 255).astype(np.uint8)
        colour = cv2.cvtColor(lab[None, None], cv2.COLOR_LAB2RGB)[0, 0].astype(np.float64)
    rgb = shaded(colour, light_ramp(size_px, rng, rng.uniform(0, 0.6)))
    kind = rng.random()
    if kind < 0.35:  # noise of a random scale
        cells = int(rng.integers(3, 48))
        noise = rng.normal(0, rng.uniform(5, 60), (cells, cells, 3)).astype(np.float32)
        rgb += cv2.resize(noise, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    elif kind < 0.55:  # stripes
        angle, period = rng.uniform(0, math.pi), rng.uniform(3, 24)
        phase = np.arange(size_px, dtype=np.float32) * np.float32(2 * math.pi / period)
        wave = np.sin(phase[:, None] * np.float32(math.sin(angle)) + phase * np.float32(math.cos(angle)))
        rgb += shaded(rng.normal(0, 50, 3), wave)
    return np.minimum(np.maximum(rgb, 0), 255)


def light_ramp(size_px: int, rng: Rng, strength: float) -> F32:
    """(size_px, size_px) float32 about 1: brightness that falls off in a random direction."""
    angle = rng.uniform(0, 2 * math.pi)
    steps = np.linspace(-1, 1, size_px, dtype=np.float32)
    steps *= np.float32(strength)
    return 1 + steps * np.float32(math.cos(angle)) + steps[:, None] * np.float32(math.sin(angle))


def shaded(colour: npt.NDArray[np.floating], light: F32) -> F32:
    """(S, S, 3) float32: a colour times the (S, S) brightness of each pixel."""
    return cv2.merge([light * np.float32(value) for value in colour])


def polygon(size_px: int, corners: npt.NDArray[np.floating]) -> F32:
    """(size_px, size_px) float32 alpha of a filled polygon with anti-aliased edges."""
    mask = np.zeros((size_px, size_px), np.uint8)
    points = np.round(corners * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    return mask.astype(np.float32) / 255


def line(size_px: int, start: npt.NDArray[np.floating], end: npt.NDArray[np.floating], width: float) -> F32:
    """(size_px, size_px) float32 alpha of a thick line with round ends."""
    mask = np.zeros((size_px, size_px), np.uint8)
    limit = 1 << 14  # OpenCV draws no line to points further away
    scaled = [np.clip(np.round(point * (1 << _SUBPIXEL_BITS)), -limit, limit) for point in (start, end)]
    first, last = (tuple(int(value) for value in point) for point in scaled)
    cv2.line(mask, first, last, 255, max(1, round(width)), cv2.LINE_AA, _SUBPIXEL_BITS)
    return mask.astype(np.float32) / 255
