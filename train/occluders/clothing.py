"""Clothing that is drawn over a face: caps, hats and bands from above, scarves and collars from below."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from train.heads.landmarks import CHIN
from train.occluders.scene import Patch, Scene
from train.occluders.shapes import line, polygon, texture

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_BETWEEN_BROWS = 9  # FaceMesh


def headwear(scene: Scene, rng: Rng) -> Patch:
    """A cap, a hat or a band whose lower edge lies between the brows and the hairline; some have a brim."""
    across, up = scene.axes()
    edge = scene.landmarks[_BETWEEN_BROWS] + rng.uniform(0.1, 0.3) * up
    steps = np.linspace(-1, 1, 15)[:, None]
    wide, arch, drop = rng.uniform(1.0, 1.4), rng.normal(0.0, 0.08), rng.uniform(0.0, 0.12)
    lower = edge + steps * across * wide + (arch * (1 - steps**2) - drop * steps**2) * up
    tall = rng.uniform(0.1, 0.25) if rng.random() < 0.25 else rng.uniform(0.4, 0.9)
    upper = edge + steps[::-1] * across * wide * rng.uniform(0.7, 1.1) + tall * np.sqrt(1.05 - steps**2) * up
    alpha = polygon(scene.size_px, np.concatenate([lower, upper]))
    if rng.random() < 0.4:  # a brim
        reach = across * wide * 1.15
        brim_px = rng.uniform(0.03, 0.12) * float(np.linalg.norm(up))
        alpha = np.maximum(alpha, line(scene.size_px, edge - reach, edge + reach, brim_px))
    return _cloth(scene, alpha, rng)


def scarf(scene: Scene, rng: Rng) -> Patch:
    """A scarf or a collar from below, up to the nose at most."""
    across, up = scene.axes()
    edge = scene.landmarks[CHIN] + rng.uniform(0.05, 0.5) * up
    steps = np.linspace(-1, 1, 15)[:, None]
    wide, sag = rng.uniform(1.0, 1.3), rng.normal(0.0, 0.1)
    upper = edge + steps * across * wide + sag * (1 - steps**2) * up
    lower = edge + steps[::-1] * across * wide * rng.uniform(0.6, 1.8) - rng.uniform(0.5, 1.5) * up
    return _cloth(scene, polygon(scene.size_px, np.concatenate([upper, lower])), rng)


def _cloth(scene: Scene, alpha: F32, rng: Rng) -> Patch:
    return Patch.from_straight_alpha(texture(scene.size_px, rng, scene.skin_lab()), alpha)
