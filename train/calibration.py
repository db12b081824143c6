"""Crops that look like real use, to measure int8 scales on and to compare an engine with its network.

Small sets ship beside the weights, each as one picture, a sheet of crops, so that `unveil compile` needs no data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from engines import zoo
from engines.errors import DataError
from engines.spec import CONSENSUS_LABELS, ModelSpec
from realtime.frames.types import U8
from realtime.video.sources.image import is_image, read_rgb
from train.data.composites import Composites
from train.data.faces import load_faces
from train.measure.label_pictures import write_grid
from train.occluders.kinds import Occluders

_COLUMNS = 16
_SEED = 30_000


def compose(folders: Sequence[Path], occluders: Path, spec: ModelSpec, count: int) -> U8:
    """(count, S, S, 3) uint8 RGB: composed training crops, always the same for the same folders.

    Args:
        folders: faces with labels (of a network of the consensus' labels: one folder), or with parts and depth.

    Raises:
        DataError: a folder is not what it should be.
    """
    library = Occluders(occluders, "train")
    if spec.labels != CONSENSUS_LABELS:
        return _compose_parts(folders, library, spec, count)
    faces = [face for folder in folders for face in load_faces(folder, "train")]
    composites = Composites(faces, library, spec, _SEED)
    return np.stack([composites[index].rgb for index in range(count)])


def write_sheet(path: Path, crops: U8) -> Path:
    """Write crops as one picture: PNG loses nothing, JPEG is small (the set's hash is in every manifest)."""
    return write_grid(list(crops), path, columns=_COLUMNS)


def shipped_crops(spec: ModelSpec) -> U8:
    """The crops that ship for a network. Raises UsageError where there are none."""
    sheet = zoo.calibration(spec)
    return _resized(_tiles(sheet.path, sheet.size_px), spec)


def read_crops(path: Path, spec: ModelSpec) -> U8:
    """Crops of a sheet that `write_sheet` wrote, or of a folder of pictures (each resized to the network's size).

    Returns:
        (N, S, S, 3) uint8 RGB.

    Raises:
        DataError: neither a sheet nor a folder with pictures.
        SourceError: a picture cannot be read.
    """
    if not path.is_dir():
        return _tiles(path, spec.size_px)
    found = [read_rgb(file) for file in sorted(path.iterdir()) if is_image(file)]
    if not found:
        raise DataError(f"no picture in {path}; expected face crops to calibrate on")
    return _resized(found, spec)


def _compose_parts(folders: Sequence[Path], library: Occluders, spec: ModelSpec, count: int) -> U8:
    """As the parsers are trained: photographs and synthetic heads, and depth as a camera might measure it."""
    from train.mutual.config import MutualConfig
    from train.mutual.faces import load_faces as load_parts
    from train.mutual.samples import PartsSupply

    faces = load_parts(folders, "train", spec, most=count)
    config = MutualConfig(tuple(folders), output=Path(), depth_share=1.0, seed=_SEED)
    supply = PartsSupply(faces, library, spec, config)
    samples = [supply["all", index] for index in range(count)]
    if spec.sees_depth:
        return np.stack([np.repeat(sample.seen[:, :, None], 3, axis=2) for sample in samples])
    return np.stack([sample.rgb for sample in samples])


def _tiles(path: Path, size_px: int) -> U8:
    rgb = read_rgb(path)
    if rgb.shape[0] % size_px or rgb.shape[1] % size_px:
        raise DataError(f"{path} is no sheet of {size_px} px crops; expected one, or a folder of face crops")
    rows, columns = rgb.shape[0] // size_px, rgb.shape[1] // size_px
    tiles = rgb.reshape(rows, size_px, columns, size_px, 3).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(-1, size_px, size_px, 3))


def _resized(crops: Sequence[U8] | U8, spec: ModelSpec) -> U8:
    """To the network's size. A gray of depth is never a mean of two surfaces."""
    how = cv2.INTER_NEAREST if spec.sees_depth else cv2.INTER_AREA
    size = (spec.size_px, spec.size_px)
    return np.stack([cv2.resize(crop, size, interpolation=how).astype(np.uint8) for crop in crops])
