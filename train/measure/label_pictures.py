"""Draws labels over pictures, and writes grids of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from engines.errors import DataError
from engines.spec import PART_LABELS
from realtime.frames.crop import crop_from_frame, region_from_box
from realtime.frames.resampling import centres, warp
from realtime.frames.types import U8
from realtime.render.palette import palette

_COLOURS = np.array([(0, 0, 0), (0, 200, 180), (255, 120, 0)], np.float32)  # background, face, occlusion


def overlay(rgb: U8, labels: U8, strength: float = 0.5) -> U8:
    """(H, W, 3) uint8: the colours of the labels over the picture. The background is unchanged."""
    mixed = rgb * (1 - strength) + _COLOURS[np.minimum(labels, 2)] * strength
    return np.where(labels[:, :, None] > 0, mixed, rgb).astype(np.uint8)


def parts_overlay(rgb: U8, ids: U8) -> U8:
    """(H, W, 3) uint8: the run time's colours of the parts over the picture, with stronger outlines."""
    edge = np.zeros(ids.shape, np.float32)
    edge[:, 1:] += ids[:, 1:] != ids[:, :-1]
    edge[1:] += ids[1:] != ids[:-1]
    strength = np.where(ids > 0, 0.35, 0.0) + 0.35 * np.minimum(edge, 1)
    picture = rgb.astype(np.float32)
    return (picture + (palette(PART_LABELS)[ids] - picture) * strength[:, :, None]).astype(np.uint8)


def overlay_tile(rgb: U8, labels: U8, box_xyxy: Sequence[float], tile_px: int, crop_scale: float = 1.5) -> U8:
    """(tile_px, tile_px, 3) uint8: the face's crop with its labels."""
    affine = crop_from_frame(region_from_box(box_xyxy, crop_scale), tile_px)
    crop = warp(rgb, affine, tile_px)
    ids = cv2.warpAffine(labels, centres(affine), (tile_px, tile_px), flags=cv2.INTER_NEAREST)
    return overlay(crop, ids.astype(np.uint8))


def write_grid(tiles: Sequence[U8], path: Path, columns: int) -> Path:
    """Write tiles of one size, row by row, as one picture. It is gray if all tiles are."""
    if not tiles:
        return path
    blank = np.zeros_like(tiles[0])
    rows = [list(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    rows[-1] += [blank] * (min(columns, len(tiles)) - len(rows[-1]))
    grid = np.vstack([np.hstack(row) for row in rows])
    is_gray = bool((grid == grid[:, :, :1]).all())
    if not cv2.imwrite(str(path), grid[:, :, 0] if is_gray else cv2.cvtColor(grid, cv2.COLOR_RGB2BGR)):
        raise DataError(f"cannot write {path}; is the folder writable?")
    return path
