"""Cut-out occluders: RGBA pictures of hands, masks and objects, loaded once, then warped and recoloured for each crop.

Colours are multiplied by alpha at loading, so that averaging pixels leaves no rim of background colour. A cut-out is
warped before it is recoloured, because the crop has fewer pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from realtime.frames.types import U8
from train.data.split import Split, occluder_split
from train.occluders.colour import median_lab

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]
Recolour = Callable[[U8], U8]
"""(H, W, 3) uint8 RGB -> the same picture in other colours."""

_HALVE_BELOW_SCALE = 0.55  # a bilinear warp to a smaller scale would skip pixels, so the cut-out is halved first


@dataclass(frozen=True, eq=False)
class Cutouts:
    """The cut-outs of one side of the split: (name, (H, W, 4) uint8 RGBA, RGB multiplied by alpha)."""

    hands: list[tuple[str, U8]]
    """200 x 200 pixels each."""
    masks: list[tuple[str, U8]]
    """256 x 256 pixels each."""
    objects: list[tuple[str, U8]]
    """200 x 200 pixels each."""

    @classmethod
    def load(cls, folder: Path, split: Split) -> Cutouts:
        """Load the folders `hands`, `masks` and `objects`. Raises DataError if one is missing or empty."""
        return cls(
            hands=read_cutouts(folder / "hands", split, 200),
            masks=read_cutouts(folder / "masks", split, 256),
            objects=read_cutouts(folder / "objects", split, 200),
        )


def read_cutouts(folder: Path, split: Split, size_px: int) -> list[tuple[str, U8]]:
    """Read the RGBA pictures of one side of the split, each scaled to fit a square and set on its lower edge.

    Returns:
        For each picture its file name without suffix, and (size_px, size_px, 4) uint8 RGBA, RGB multiplied by alpha.

    Raises:
        DataError: there is no such picture.
    """
    cutouts = []
    for path in sorted(folder.glob("*")):
        bgra = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4 or occluder_split(path.stem, folder.parent) != split:
            continue
        scale = size_px / max(bgra.shape[:2])
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        bgra = cv2.resize(bgra, None, fx=scale, fy=scale, interpolation=interpolation)
        above = size_px - bgra.shape[0]
        beside = size_px - bgra.shape[1]
        bgra = cv2.copyMakeBorder(bgra, above, 0, beside // 2, beside - beside // 2, cv2.BORDER_CONSTANT)
        alpha = cv2.extractChannel(bgra, 3)
        rgb = cv2.multiply(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), cv2.merge([alpha] * 3), scale=1 / 255)
        cutouts.append((path.stem, cv2.merge([*cv2.split(rgb), alpha]).astype(np.uint8)))
    if not cutouts:
        raise DataError(
            f"no RGBA picture for split {split!r} in {folder}; expected hands, masks and objects as .webp or .png"
        )
    return cutouts


def warp_cutout(
    rgba: U8, affine: npt.NDArray[np.floating], size_px: int, recolour: Recolour | None = None
) -> tuple[F32, F32]:
    """Warp a cut-out into a crop and recolour it there.

    Args:
        rgba: (H, W, 4) uint8, RGB multiplied by alpha.
        affine: (2, 3): pixels of the cut-out -> pixels of the crop.
        size_px: side of the crop.

    Returns:
        (size_px, size_px, 3) float32 RGB, 0..255, multiplied by alpha, and (size_px, size_px) float32 alpha, 0..1.
    """
    transform = np.vstack([affine, [0, 0, 1]])
    scale = math.sqrt(abs(transform[0, 0] * transform[1, 1] - transform[0, 1] * transform[1, 0]))
    while scale < _HALVE_BELOW_SCALE and min(rgba.shape[:2]) > 1:
        rgba = cv2.resize(rgba, (rgba.shape[1] // 2, rgba.shape[0] // 2), interpolation=cv2.INTER_AREA)
        transform = transform @ np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
        scale *= 2
    warped = cv2.warpAffine(rgba, transform[:2], (size_px, size_px), flags=cv2.INTER_LINEAR)
    alpha, rgb = cv2.extractChannel(warped, 3), cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB)
    if recolour is not None:
        alphas = cv2.merge([alpha] * 3)
        rgb = cv2.multiply(recolour(cv2.divide(rgb, alphas, scale=255)), alphas, scale=1 / 255)
    return rgb.astype(np.float32), alpha.astype(np.float32) / np.float32(255)


def random_skin_tone(rgba: U8, face_skin_lab: Callable[[], F32], rng: Rng) -> Recolour | None:
    """A recolouring that gives a hand the skin tone of the face (55 %) or another one (25 %); None for its own.

    Args:
        rgba: (H, W, 4) uint8, the hand.
        face_skin_lab: computes the (3,) Lab colour of the face's skin, 0..255.
    """
    chance = rng.random()
    if chance > 0.8:
        return None
    if chance > 0.55:
        target = np.array((rng.uniform(50, 215), rng.uniform(131, 150), rng.uniform(132, 158)), np.float32)
    else:
        target = face_skin_lab()
    sample = rgba[::4, ::4]
    own = median_lab(sample[:, :, :3][sample[:, :, 3] > 250])
    target = target + rng.normal(0, (10, 2.5, 3)).astype(np.float32)
    lightness = float(np.clip(target[0] / max(own[0], 1), 0.3, 2.5))
    values = np.arange(256, dtype=np.float32)
    table = _lookup_table(values * lightness, values + target[1] - own[1], values + target[2] - own[2])
    return lambda rgb: cv2.cvtColor(cv2.LUT(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), table), cv2.COLOR_LAB2RGB)


def random_tint(rng: Rng) -> Recolour:
    """A recolouring with another hue, saturation and brightness."""
    values = np.arange(256)
    hue = (values + int(rng.integers(180))) % 180
    table = _lookup_table(hue, values * rng.uniform(0.2, 1.2), values * rng.uniform(0.3, 1.1))
    return lambda rgb: cv2.cvtColor(cv2.LUT(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), table), cv2.COLOR_HSV2RGB)


def _lookup_table(*channels: npt.NDArray[np.generic]) -> U8:
    """(1, 256, 3) uint8: the new value for each old value of each channel."""
    return np.clip(np.stack(channels, axis=1), 0, 255).astype(np.uint8)[None]
