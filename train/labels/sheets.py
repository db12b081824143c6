"""The RGB-D side of `unveil label --parts --depth`: what it adds to the folder of the labels.

parts/NAME.png      (H, W) uint8: PART_LABELS' ids, at the size of the picture
depth/NAME.png      (H, W) uint16: x depth_scale_m = metres from the camera; 0 = nothing measured
parts_sheet.png     a look at some of them
"""

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
from train.labels.pseudo_label import PseudoLabel
from train.measure.label_pictures import parts_overlay, write_grid
from train.parts.photo.labeller import DEPTH_SCALE_M, PhotoLabeller

_TILE_PX, _TILE_SCALE = 256, 2.0


def write_parts(labeller: PhotoLabeller, rgb: U8, found: PseudoLabel, name: str, output: Path) -> dict[str, Any]:
    """Label one face and write its two pictures.

    Returns:
        What its line in `faces.jsonl` holds besides that of the plain labels.

    Raises:
        Unusable: no head fits this face well.
        DataError: the folder cannot be written.
    """
    made = labeller.label(rgb, found)
    files = {"parts": f"parts/{name}.png", "depth": f"depth/{name}.png"}
    for kind, pixels in (("parts", made.parts), ("depth", made.depth)):
        target = output / files[kind]
        target.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(target), pixels):
            raise DataError(f"cannot write {target}; is the disk full or the folder read-only?")
    return {
        **files,
        "depth_scale_m": DEPTH_SCALE_M,
        "fit_error": round(made.fit_error, 5),
        "source": "photograph",
    }


def parts_tile(rgb: U8, parts: U8, box_xyxy: tuple[float, float, float, float], tile_px: int = _TILE_PX) -> U8:
    """(tile_px, tile_px, 3) uint8: the head's crop with the colours of its parts, outlines stronger."""
    affine = crop_from_frame(region_from_box(box_xyxy, _TILE_SCALE), tile_px)
    ids = cv2.warpAffine(parts, centres(affine), (tile_px, tile_px), flags=cv2.INTER_NEAREST)
    return parts_overlay(warp(rgb, affine, tile_px), ids.astype(np.uint8))


def parts_sheet(folder: Path, rows: list[dict[str, Any]], count: int = 40) -> Path:
    """Write `parts_sheet.png`: a sample of the parts over their pictures. Returns its path."""
    picked = [rows[i] for i in np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)] if rows else []
    tiles = []
    for row in picked:
        parts = cv2.imread(str(folder / row["parts"]), cv2.IMREAD_GRAYSCALE)
        if parts is None:
            raise DataError(f"cannot read {folder / row['parts']}; label again with `unveil label`")
        tiles.append(parts_tile(read_rgb(Path(row["image"])), parts.astype(np.uint8), row["box_xyxy"]))
    return write_grid(tiles, folder / "parts_sheet.png", columns=8)
