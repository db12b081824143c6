"""Part Labels: faces of LFW, funneled, labelled by superpixel as hair, face (with the neck) and background.

    parts_train.txt, parts_validation.txt, parts_test.txt       lines "Aaron_Eckhart 1"
    lfw_funneled/Aaron_Eckhart/Aaron_Eckhart_0001.jpg           250x250
    parts_lfw_funneled_gt_images/Aaron_Eckhart_0001.ppm         red hair, green face, blue background
    parts_lfw_funneled_superpixels_mat/Aaron_Eckhart/Aaron_Eckhart_0001.dat     a matrix of ids, as text

The faces are aligned: the whole picture is the crop (section 4.1). Hair has the id of the occlusion (section 4.4).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from realtime.frames.types import U8
from train.datasets.base import Example, chosen_splits, need, read_lines, read_picture, same_size
from train.datasets.registry import CLASS_TABLES, Reader, register

OBTAIN = (
    "Part Labels is at http://vis-www.cs.umass.edu/lfw/part_labels/ (label pictures, superpixels, lists), "
    "its photographs are http://vis-www.cs.umass.edu/lfw/lfw-funneled.tgz"
)
_LISTS = {"train": "parts_train.txt", "val": "parts_validation.txt", "test": "parts_test.txt"}
_PICTURES, _LABELS, _SUPERPIXELS = (
    "lfw_funneled",
    "parts_lfw_funneled_gt_images",
    "parts_lfw_funneled_superpixels_mat",
)
_ID_OF_CHANNEL = np.array([2, 1, 0], np.uint8)  # red, green, blue


class PartLabels:
    """One split: 1,500 train, 500 val, 927 test. Superpixels are read if their folder exists."""

    name = "part-labels"
    labels = ("background", "face", "hair")

    def __init__(self, folder: Path, split: str) -> None:
        for needed in (_PICTURES, _LABELS):
            need(folder / needed, OBTAIN)
        self._folder, self._has_superpixels = folder, (folder / _SUPERPIXELS).is_dir()
        lists = [folder / _LISTS[part] for part in chosen_splits(split, tuple(_LISTS))]
        self._names = [_name(line, path) for path in lists for line in read_lines(path, OBTAIN)]

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Example:
        name = self._names[index]
        person = name.rpartition("_")[0]
        rgb = read_picture(self._folder / _PICTURES / person / f"{name}.jpg", OBTAIN)
        labels = _read_labels(self._folder / _LABELS / f"{name}.ppm")
        same_size(f"the labels of {name}", labels, rgb)
        superpixels = None
        if self._has_superpixels:
            superpixels = _read_superpixels(self._folder / _SUPERPIXELS / person / f"{name}.dat")
            same_size(f"the superpixel map of {name}", superpixels, rgb)
        return Example(rgb, labels, None, superpixels, None, name)


def _name(line: str, path: Path) -> str:
    try:
        person, number = line.split()
        return f"{person}_{int(number):04d}"
    except ValueError as e:
        raise DataError(f"{path}: got the line {line!r}, expected a person and a number (Aaron_Eckhart 1)") from e


def _read_labels(path: Path) -> U8:
    colours = read_picture(path, OBTAIN)
    if not (np.sort(colours, axis=2) == (0, 0, 255)).all():
        raise DataError(f"{path} has other colours than pure red (hair), green (face), blue (background); {OBTAIN}")
    return np.asarray(_ID_OF_CHANNEL[colours.argmax(axis=2)], np.uint8)


def _read_superpixels(path: Path) -> npt.NDArray[np.int32]:
    lines = read_lines(path, OBTAIN)
    try:
        rows = [np.array(line.split(), np.int32) for line in lines]
        return np.stack(rows)
    except ValueError as e:
        raise DataError(f"{path} is damaged ({e}); expected a matrix of whole numbers as text. {OBTAIN}") from e


register(Reader("part-labels", PartLabels, tables=CLASS_TABLES))
