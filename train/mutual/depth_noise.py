"""Imitates a depth camera: noise, holes, an occluder in front of the head and a wall behind it, seldom close."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from train.occluders import shapes

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_NOISE_M, _NOISE_SHARE = 0.002, 0.6  # largest standard deviation: structured light at half a metre
_BLUR_SHARE, _HOLES_SHARE, _EDGE_SHARE = 0.2, 0.25, 0.3
_WALL_SHARE, _CLOSE_SHARE = 0.4, 0.2  # share of all crops, share of the walls
_OCCLUDER_MEASURED_SHARE = 0.6
_OCCLUDER_NEARER_M = (0.01, 0.12)
_CLOSE_M, _FAR_M = (0.08, 0.25), (0.3, 3.0)  # behind the head's median
_TILT_M = 0.08  # of a plane across the crop


def as_measured(depth_m: F32, covered: Mask, rng: Rng) -> F32:
    """A noisy measurement of the same head.

    Args:
        depth_m: (S, S) metres, 0 where nothing was measured.
        covered: (S, S) where an occluder is.
    """
    there = depth_m > 0
    if not there.any():
        return depth_m
    seen = depth_m.copy()
    if rng.random() < _BLUR_SHARE:
        seen = _smoothed(seen, there, rng.uniform(0.5, 1.5))
    if rng.random() < _WALL_SHARE:
        behind = rng.uniform(*(_CLOSE_M if rng.random() < _CLOSE_SHARE else _FAR_M))
        wall = float(np.median(seen[there])) + _plane(len(seen), rng) + np.float32(behind)
        seen = np.where(there, np.minimum(seen, wall), wall).astype(np.float32)
    if covered.any():
        seen = _covered(seen, there, covered, rng)
    if rng.random() < _NOISE_SHARE:
        seen += (seen > 0) * rng.normal(0, rng.uniform(0, _NOISE_M), seen.shape).astype(np.float32)
    return _with_holes(seen, rng)


def _covered(seen: F32, there: Mask, covered: Mask, rng: Rng) -> F32:
    """An occluder's surface in front of the nearest point that it covers, or a hole."""
    if rng.random() >= _OCCLUDER_MEASURED_SHARE:
        return np.where(covered, 0, seen).astype(np.float32)
    under = seen[covered & there]
    nearest = float(under.min()) if under.size else float(np.median(seen[there]))
    surface = nearest - rng.uniform(*_OCCLUDER_NEARER_M) + _plane(len(seen), rng) / 4
    return np.where(covered, np.maximum(surface, 0.05), seen).astype(np.float32)


def _with_holes(seen: F32, rng: Rng) -> F32:
    """Nothing measured in a few blobs, and along edges of depth."""
    size = len(seen)
    if rng.random() < _HOLES_SHARE:
        for _ in range(rng.integers(1, 4)):
            blob = shapes.random_shape(size, rng.uniform(0.2, 0.8, 2).astype(np.float32) * size, 0.2 * size, rng)
            seen[blob > 0.5] = 0
    if rng.random() < _EDGE_SHARE:
        step = np.abs(cv2.Laplacian(seen, cv2.CV_32F))
        seen[(step > 0.02) & (rng.random(seen.shape) < 0.7)] = 0
    return seen


def _smoothed(depth_m: F32, there: Mask, sigma_px: float) -> F32:
    """A mean over what was measured nearby, where something was measured."""
    weights = cv2.GaussianBlur(there.astype(np.float32), (0, 0), sigma_px)
    sums = cv2.GaussianBlur(depth_m, (0, 0), sigma_px)
    return np.where(there, sums / np.maximum(weights, 1e-3), 0).astype(np.float32)


def _plane(size: int, rng: Rng) -> F32:
    """(size, size) metres: a random tilt about 0."""
    steps = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    slope_x, slope_y = rng.normal(0, _TILT_M, 2).astype(np.float32)
    return slope_x * steps + slope_y * steps[:, None]
