"""Glasses that are drawn: sunglasses and other dark eyewear, which occlude, and clear glasses, which do not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from train.heads.landmarks import Points
from train.occluders.colour import MID_GREY_LAB
from train.occluders.scene import Patch, Scene
from train.occluders.shapes import light_ramp, line, polygon, random_shape, shaded, texture

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]


def sunglasses(scene: Scene, rng: Rng) -> Patch:
    """Sunglasses of one colour, dark ones mostly."""
    lenses, frame = _lenses_and_frame(scene, rng)
    colour = rng.uniform(0, 70, 3) if rng.random() < 0.75 else rng.uniform(0, 255, 3)
    rgb = shaded(colour, light_ramp(scene.size_px, rng, 0.5))
    alpha = np.maximum(lenses * rng.uniform(0.88, 1.0), frame)
    return Patch.from_straight_alpha(np.clip(rgb, 0, 255).astype(np.float32), alpha)


def eyewear(scene: Scene, rng: Rng) -> Patch:
    """Glasses with lenses of a gradient, a mirror or highlights, in a frame of another colour."""
    size_px, eyes = scene.size_px, scene.eye_corners()
    lenses, frame = _lenses_and_frame(scene, rng, frame_width=rng.uniform(0.4, 2.0))
    centre, eye_width = _centre_and_eye_width(eyes)
    down = np.clip((np.arange(size_px, dtype=np.float32) - centre[1]) / (2 * eye_width) + 0.5, 0, 1)
    down = down[:, None] * np.ones(size_px, np.float32)  # 0 at the top of the lenses, 1 at the bottom
    top, bottom = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    if rng.random() < 0.5:  # a gradient, dark at the top
        top, bottom = rng.uniform(0, 60, 3), rng.uniform(40, 170, 3)
        lenses = lenses * np.float32(1 - rng.uniform(0, 0.4) * down)
    lens_rgb = shaded(top, 1 - down) + shaded(bottom, down)
    if rng.random() < 0.5:  # a mirror
        lens_rgb += np.float32(rng.uniform(0.1, 0.5)) * (texture(size_px, rng, MID_GREY_LAB) - 128)
    for _ in range(rng.integers(0, 3)):  # highlights, as of windows and lamps
        highlight = random_shape(size_px, centre + rng.normal(0, eye_width, 2), eye_width, rng)
        lens_rgb += highlight[:, :, None] * np.float32(rng.uniform(20, 160))
    colour = rng.uniform(0, 60, 3) if rng.random() < 0.5 else rng.uniform(0, 255, 3)
    rgb = np.where(lenses[:, :, None] > 0.3, lens_rgb, shaded(colour, light_ramp(size_px, rng, 0.3)))
    alpha = np.maximum(lenses * np.float32(rng.uniform(0.85, 1.0)), frame)
    return Patch.from_straight_alpha(np.clip(rgb, 0, 255).astype(np.float32), alpha)


def with_clear_glasses(scene: Scene, rng: Rng) -> Scene:
    """The scene with clear glasses. They belong to the face, so its labels do not change."""
    glasses = _clear_glasses(scene, rng)
    scene_share = cv2.merge([1 - glasses.alpha] * 3)
    rgb = cv2.convertScaleAbs(cv2.add(glasses.rgb, cv2.multiply(scene.rgb, scene_share, dtype=cv2.CV_32F)))
    return replace(scene, rgb=rgb)


def _clear_glasses(scene: Scene, rng: Rng) -> Patch:
    """Rims (some above the eyes only), bridge and temples, and reflections on the lenses."""
    size_px, eyes = scene.size_px, scene.eye_corners()
    lenses, frame = _lenses_and_frame(scene, rng, frame_width=rng.uniform(0.2, 0.9))
    centre, eye_width = _centre_and_eye_width(eyes)
    rim_px = max(0.6, rng.uniform(0.02, 0.14) * eye_width)
    inside = cv2.erode(lenses, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(rim_px) + 1,) * 2))
    rims = np.clip(lenses - inside, 0, 1) * np.float32(min(1.0, rim_px))
    if rng.random() < 0.4:  # no rims below the eyes
        rows = np.arange(size_px, dtype=np.float32)[:, None]
        rims = rims * np.clip(0.5 + (np.float32(centre[1]) - rows) / eye_width, rng.uniform(0, 0.5), 1)
    glare = lenses * random_shape(size_px, eyes[int(rng.integers(2))].mean(axis=0), 2 * eye_width, rng)
    alpha = np.maximum(np.maximum(rims, frame * rng.uniform(0.5, 1)), lenses * rng.uniform(0, 0.12))
    glare_strength = np.float32(rng.uniform(0, 0.4) if rng.random() < 0.3 else 0.0)
    colour = rng.uniform(0, 60, 3) if rng.random() < 0.6 else rng.uniform(0, 255, 3)
    rgb = shaded(colour, light_ramp(size_px, rng, 0.3))
    rgb += (rng.uniform(180, 255) - rgb) * (glare * inside)[:, :, None]
    alpha = np.maximum(alpha, glare * glare_strength).astype(np.float32)
    return Patch.from_straight_alpha(np.clip(rgb, 0, 255).astype(np.float32), alpha)


def _centre_and_eye_width(eyes: Sequence[Points]) -> tuple[Points, float]:
    """(2,) the point between the eyes, and the distance of an eye's corners in pixels."""
    return np.mean(np.concatenate(list(eyes)), axis=0), float(np.linalg.norm(eyes[0][0] - eyes[0][1])) + 1e-3


def _lenses_and_frame(scene: Scene, rng: Rng, frame_width: float = 1.0) -> tuple[F32, F32]:
    """(S, S) float32 each: alpha of two lenses, and of their bridge and temples; `frame_width` is a factor."""
    size_px, eyes = scene.size_px, scene.eye_corners()
    ring = _unit_lens(roundness=rng.uniform(2, 5))
    wide, high, drop = rng.uniform(0.9, 1.25), rng.uniform(0.7, 1.15), rng.uniform(0, 0.25)
    lenses = np.zeros((size_px, size_px), np.float32)
    frame = np.zeros((size_px, size_px), np.float32)
    for outer, inner in eyes:
        along = outer - inner
        length = float(np.linalg.norm(along)) + 1e-3
        axis = along / length
        normal = np.array([-axis[1], axis[0]]) * (1 if axis[0] > 0 else -1)
        centre = (outer + inner) / 2 + normal * drop * length
        corners = centre + ring[:, :1] * axis * length * wide + ring[:, 1:] * normal * length * high
        lenses = np.maximum(lenses, polygon(size_px, corners))
        temple = line(size_px, outer, outer + axis * length * 1.6, 0.12 * frame_width * length)
        frame = np.maximum(frame, temple)
    bridge_width = 0.14 * frame_width * float(np.linalg.norm(eyes[0][0] - eyes[0][1]))
    return lenses, np.maximum(frame, line(size_px, eyes[0][1], eyes[1][1], bridge_width))


def _unit_lens(roundness: float) -> npt.NDArray[np.float64]:
    """(40, 2): a superellipse of radius 1; 2 is round, higher is more like a rectangle."""
    angles = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    cos, sin = np.cos(angles), np.sin(angles)
    exponent = 2 / roundness
    return np.stack([np.sign(cos) * np.abs(cos) ** exponent, np.sign(sin) * np.abs(sin) ** exponent], axis=1)
