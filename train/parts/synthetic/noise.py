"""Noise for synthetic heads: smooth, fractal, and in strands."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]


def smooth(rng: Rng, shape: tuple[int, int], cells: tuple[int, int]) -> F32:
    """(H, W) smooth noise about 0, interpolated from (rows, columns) cells of standard normal noise."""
    grid = rng.standard_normal(cells, np.float32)
    return cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def fractal(rng: Rng, shape: tuple[int, int], coarsest: int, octaves: int) -> F32:
    """(H, W) noise about 0; each octave is twice as fine and half as strong as the one before."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        cells = coarsest << octave
        total += smooth(rng, shape, (min(cells, shape[0]), min(cells, shape[1]))) / (1 << octave)
    return total


def strands(rng: Rng, across: int, along: int, cells_along: int) -> F32:
    """(along, across) noise about 0 that varies fast across strands and slowly along them; it tiles across."""
    grid = rng.standard_normal((cells_along, across), np.float32)
    coarse = cv2.resize(rng.standard_normal((cells_along, across // 8), np.float32), (across, cells_along))
    grid = cv2.GaussianBlur(np.hstack([grid, grid, grid]), (0, 0), 0.8, sigmaY=0.1)[:, across : 2 * across]
    coarse[:, -8:] += (coarse[:, :1] - coarse[:, -1:]) * np.linspace(0, 1, 8, dtype=np.float32)
    return cv2.resize(grid + 0.7 * coarse, (across, along), interpolation=cv2.INTER_LINEAR)


def looked_up(texture: F32, x: F32, y: F32) -> F32:
    """(N,) texture at continuous pixels: the nearest pixel; coordinates wrap around in both directions."""
    rows = np.floor(y).astype(np.int64) % texture.shape[0]
    columns = np.floor(x).astype(np.int64) % texture.shape[1]
    return texture[rows, columns]
