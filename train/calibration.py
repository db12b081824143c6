"""Crops that look like real use, to measure int8 scales on and to compare an engine with its network.

A small set ships beside the weights as one picture, a sheet of crops, so that `unveil compile` needs no data.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from engines.errors import DataError
from engines.spec import ModelSpec
from realtime.files import is_image
from realtime.source_image import read_rgb
from realtime.types import U8
from train.data.composites import Composites
from train.data.faces import load_faces
from train.occlude import Occluders
from train.views import write_grid

_COLUMNS = 16
_SEED = 30_000


def compose(labels: Path, occluders: Path, spec: ModelSpec, count: int = 192) -> U8:
    """(count, S, S, 3) uint8 RGB: composed training crops, always the same for the same folders."""
    composites = Composites(load_faces(labels, "train"), Occluders(occluders, "train"), spec, _SEED)
    return np.stack([composites[index].rgb for index in range(count)])


def write_sheet(path: Path, crops: U8) -> Path:
    """Write crops as one PNG (no loss: the set's hash is in every manifest)."""
    return write_grid(list(crops), path, columns=_COLUMNS)


def read_crops(path: Path, spec: ModelSpec) -> U8:
    """Crops of a sheet that `write_sheet` wrote, or of a folder of pictures (each resized to the network's size).

    Returns:
        (N, S, S, 3) uint8 RGB.

    Raises:
        DataError: neither a sheet nor a folder with pictures.
        SourceError: a picture cannot be read.
    """
    if path.is_dir():
        found = [read_rgb(file) for file in sorted(path.iterdir()) if is_image(file)]
        if not found:
            raise DataError(f"no picture in {path}; expected face crops to calibrate on")
        size = (spec.size_px, spec.size_px)
        return np.stack([cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8) for rgb in found])
    rgb = read_rgb(path)
    if rgb.shape[0] % spec.size_px or rgb.shape[1] % spec.size_px:
        raise DataError(f"{path} is no sheet of {spec.size_px} px crops; expected one, or a folder of face crops")
    rows, columns = rgb.shape[0] // spec.size_px, rgb.shape[1] // spec.size_px
    tiles = rgb.reshape(rows, spec.size_px, columns, spec.size_px, 3).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(-1, spec.size_px, spec.size_px, 3))
