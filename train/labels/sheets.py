"""Contact sheets: a sample of a folder's labels over their pictures, to look at before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import DataError
from realtime.frames.crop import crop_from_frame, region_from_box
from realtime.frames.resampling import centres, warp
from realtime.frames.types import U8
from realtime.video.sources.image import read_rgb
from train.labels.label_folder import read_faces, read_labels
from train.measure.label_pictures import overlay_tile, parts_overlay, write_grid

_TILES = 40
_COLUMNS = 8
_LABELS_TILE_PX = 200
_PARTS_TILE_PX, _PARTS_CROP_SCALE = 256, 2.0


def write_labels_sheet(folder: Path) -> Path:
    """Write `sheet.png`: up to 40 faces with their labels. Returns its path."""
    tiles = []
    for face in _evenly_spaced(read_faces(folder)):
        labels = read_labels(folder / face["labels"])
        tiles.append(overlay_tile(read_rgb(Path(face["image"])), labels, face["box_xyxy"], _LABELS_TILE_PX))
    return write_grid(tiles, folder / "sheet.png", columns=_COLUMNS)


def write_parts_sheet(folder: Path, faces: list[dict[str, Any]]) -> Path:
    """Write `parts_sheet.png`: up to 40 faces with their parts. Returns its path.

    Args:
        faces: for each face `image` (a path), `parts` (a path below the folder) and `box_xyxy`.

    Raises:
        DataError: a file of parts cannot be read.
    """
    tiles = []
    for face in _evenly_spaced(faces):
        parts = cv2.imread(str(folder / face["parts"]), cv2.IMREAD_GRAYSCALE)
        if parts is None:
            raise DataError(f"cannot read {folder / face['parts']}; label again with `unveil label`")
        tiles.append(parts_tile(read_rgb(Path(face["image"])), parts.astype(np.uint8), face["box_xyxy"]))
    return write_grid(tiles, folder / "parts_sheet.png", columns=_COLUMNS)


def parts_tile(rgb: U8, parts: U8, box_xyxy: tuple[float, float, float, float], tile_px: int = _PARTS_TILE_PX) -> U8:
    """(tile_px, tile_px, 3) uint8: the head's crop with its parts in colour and their outlines emphasised."""
    affine = crop_from_frame(region_from_box(box_xyxy, _PARTS_CROP_SCALE), tile_px)
    ids = cv2.warpAffine(parts, centres(affine), (tile_px, tile_px), flags=cv2.INTER_NEAREST)
    return parts_overlay(warp(rgb, affine, tile_px), ids.astype(np.uint8))


def _evenly_spaced(faces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not faces:
        return []
    return [faces[i] for i in np.linspace(0, len(faces) - 1, min(_TILES, len(faces))).astype(int)]
