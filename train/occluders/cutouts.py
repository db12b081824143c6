"""Cut-out occluders: read once with their colours multiplied by alpha, then warped and recoloured in the crop.

Warping comes first because a crop has fewer pixels than a cut-out; colours multiplied by alpha leave no rim when they
are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from realtime.frames.types import U8
from train.data.split import Split, occluder_split

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]
Colouring = Callable[[U8], U8]
"""(H, W, 3) uint8 RGB -> the same in other colours."""

MID_GREY_LAB = np.array((128, 128, 128), np.float32)
_HALVE_BELOW = 0.55  # a bilinear warp would skip pixels: halve the cut-out first


def read_cutouts(folder: Path, split: Split, size_px: int) -> list[tuple[str, U8]]:
    """(stem, (size_px, size_px, 4) uint8 RGBA, RGB multiplied by alpha) of each picture on one side of the split.

    A picture keeps its shape, in the middle of the lower edge. Raises DataError where there is none.
    """
    found = []
    for path in sorted(folder.glob("*")):
        bgra = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4 or occluder_split(path.stem, folder.parent) != split:
            continue
        scale = size_px / max(bgra.shape[:2])
        averages = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        bgra = cv2.resize(bgra, None, fx=scale, fy=scale, interpolation=averages)
        spare_y, spare_x = size_px - bgra.shape[0], size_px - bgra.shape[1]
        bgra = cv2.copyMakeBorder(bgra, spare_y, 0, spare_x // 2, spare_x - spare_x // 2, cv2.BORDER_CONSTANT)
        alpha = cv2.extractChannel(bgra, 3)
        rgb = cv2.multiply(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), cv2.merge([alpha] * 3), scale=1 / 255)
        found.append((path.stem, cv2.merge([*cv2.split(rgb), alpha]).astype(np.uint8)))
    if not found:
        raise DataError(
            f"no RGBA picture for split {split!r} in {folder}; expected hands, masks and objects as .webp or .png"
        )
    return found


def warp_cutout(
    rgba: U8, affine: npt.NDArray[np.floating], size: int, colouring: Colouring | None = None
) -> tuple[F32, F32]:
    """Warp a cut-out into a crop and recolour it there.

    Args:
        affine: (2, 3): pixels of the cut-out -> pixels of the crop.

    Returns:
        (size, size, 3) float32 RGB 0..255 multiplied by alpha, and (size, size) float32 alpha 0..1.
    """
    linear = np.vstack([affine, [0, 0, 1]])
    scale = math.sqrt(abs(linear[0, 0] * linear[1, 1] - linear[0, 1] * linear[1, 0]))
    while scale < _HALVE_BELOW and min(rgba.shape[:2]) > 1:
        rgba = cv2.resize(rgba, (rgba.shape[1] // 2, rgba.shape[0] // 2), interpolation=cv2.INTER_AREA)
        linear = linear @ np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
        scale *= 2
    warped = cv2.warpAffine(rgba, linear[:2], (size, size), flags=cv2.INTER_LINEAR)
    alpha, rgb = cv2.extractChannel(warped, 3), cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB)
    if colouring is not None:
        alphas = cv2.merge([alpha] * 3)
        rgb = cv2.multiply(colouring(cv2.divide(rgb, alphas, scale=255)), alphas, scale=1 / 255)
    return rgb.astype(np.float32), alpha.astype(np.float32) / np.float32(255)


def median_lab(pixels: U8) -> F32:
    """(3,) median Lab colour, 0..255, of (N, 3) uint8 RGB pixels; mid grey of none."""
    if not len(pixels):
        return MID_GREY_LAB
    return np.median(cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)[0], axis=0).astype(np.float32)


def skin_colouring(rgba: U8, skin_lab: Callable[[], F32], rng: Rng) -> Colouring | None:
    """Give a hand the skin tone of the face (often), another tone (sometimes), or leave it."""
    chance = rng.random()
    if chance > 0.8:
        return None
    if chance > 0.55:
        target = np.array((rng.uniform(50, 215), rng.uniform(131, 150), rng.uniform(132, 158)), np.float32)
    else:
        target = skin_lab()
    some = rgba[::4, ::4]
    own = median_lab(some[:, :, :3][some[:, :, 3] > 250])
    target = target + rng.normal(0, (10, 2.5, 3)).astype(np.float32)
    lightness = float(np.clip(target[0] / max(own[0], 1), 0.3, 2.5))
    values = np.arange(256, dtype=np.float32)
    table = _table(values * lightness, values + target[1] - own[1], values + target[2] - own[2])
    return lambda rgb: cv2.cvtColor(cv2.LUT(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), table), cv2.COLOR_LAB2RGB)


def random_tint(rng: Rng) -> Colouring:
    """Another hue, saturation and brightness."""
    values = np.arange(256)
    hue = (values + int(rng.integers(180))) % 180
    table = _table(hue, values * rng.uniform(0.2, 1.2), values * rng.uniform(0.3, 1.1))
    return lambda rgb: cv2.cvtColor(cv2.LUT(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), table), cv2.COLOR_HSV2RGB)


def _table(*channels: npt.NDArray[np.generic]) -> U8:
    """(1, 256, 3) uint8: what each channel's value becomes."""
    return np.clip(np.stack(channels, axis=1), 0, 255).astype(np.uint8)[None]
