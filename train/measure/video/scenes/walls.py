"""Pictures without a face: drawn walls, and what lies beside and below people in photographs."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames.types import Mask, Rgb

_LEAST_SIDE_PX = 56  # of a piece of a photograph: a smaller one, enlarged to a frame, shows nothing


def texture(size_wh: tuple[int, int], seed: int) -> Rgb:
    """A rough wall in the colour of skin."""
    width, height = size_wh
    rng = np.random.default_rng(seed)
    sizes = [(width // cell + 1, height // cell + 1) for cell in (4, 16, 64)]
    layers = [rng.normal(0, 1, (high, wide)).astype(np.float32) * 4**rank for rank, (wide, high) in enumerate(sizes)]
    total = np.sum([cv2.resize(layer, size_wh, interpolation=cv2.INTER_CUBIC) for layer in layers], axis=0)
    skin_coloured = np.array((190, 150, 120)) + ((total - total.mean()) / total.std())[..., None] * 22
    return np.clip(skin_coloured, 0, 255).astype(np.uint8)


def bricks(size_wh: tuple[int, int], seed: int) -> Rgb:
    """A brick wall."""
    width, height = size_wh
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), (150, 140, 130), np.uint8)
    high, wide = height // 12, width // 9
    for row in range(13):
        for column in range(-1, 10):
            left, top = column * wide + (row % 2) * wide // 2, row * high
            colour = np.clip(np.array((150, 75, 55)) + rng.normal(0, 14, 3), 0, 255)
            cv2.rectangle(picture, (left + 2, top + 2), (left + wide - 3, top + high - 3), colour.tolist(), -1)
    return picture


def gradient(size_wh: tuple[int, int], seed: int) -> Rgb:
    """A plain wall, lit from a side."""
    width, height = size_wh
    rng = np.random.default_rng(seed)
    left, right = rng.uniform(40, 230, 3), rng.uniform(40, 230, 3)
    share = np.linspace(0, 1, width)[None, :, None]
    return np.repeat(left * (1 - share) + right * share, height, axis=0).astype(np.uint8)


DRAWN = {"texture": texture, "bricks": bricks, "gradient": gradient}


def beside(rgb: Rgb, person: Mask, size_wh: tuple[int, int]) -> Rgb | None:
    """What lies beside a person, above the shoulders, at the size of a frame; None where that is too little.

    Args:
        person: (H, W) uint8: 255 on the person.
    """
    height, width = person.shape
    rows = int(height * 0.55)
    taken = np.flatnonzero((person[:rows] > 16).any(axis=0))
    if not len(taken):
        return None
    left, right = int(taken[0]), width - 1 - int(taken[-1])
    piece = rgb[:rows, :left] if left >= right else rgb[:rows, width - right :]
    return _filling(piece, size_wh)


def below(rgb: Rgb, chin_y: float, face_height: float, size_wh: tuple[int, int]) -> Rgb | None:
    """Clothes and shoulders from below the chin, at the size of a frame; None where that is too little."""
    return _filling(rgb[int(chin_y + 0.4 * face_height) :], size_wh)


def _filling(piece: Rgb, size_wh: tuple[int, int]) -> Rgb | None:
    """The middle of a piece in the frame's aspect, enlarged."""
    high, wide = piece.shape[:2]
    scale = min(wide / size_wh[0], high / size_wh[1])
    part_wh = (int(size_wh[0] * scale), int(size_wh[1] * scale))
    if min(part_wh) < _LEAST_SIDE_PX:
        return None
    x, y = (wide - part_wh[0]) // 2, (high - part_wh[1]) // 2
    part = piece[y : y + part_wh[1], x : x + part_wh[0]]
    return np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_CUBIC), np.uint8)
