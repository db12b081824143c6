"""Helen with the segment labels of Smith et al. (CVPR 2013), at either of its two sizes.

exemplars.txt, tuning.txt, testing.txt      lines "1 , 100032540_1"; here train, val and test
images/100032540_1.jpg
labels/100032540_1/100032540_1_lbl00.png ... _lbl10.png     each class's probability, 0..255
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from engines.errors import DataError
from engines.spec import CONSENSUS_LABELS, PART_LABELS
from realtime.frames.types import U8
from train.datasets import eleven_classes
from train.datasets.base import (
    Example,
    box_of,
    chosen_splits,
    consensus_from_face,
    need,
    read_gray,
    read_lines,
    read_picture,
    same_size,
)
from train.datasets.registry import MergedClasses, Reader, register
from train.datasets.with_depth import WithDepth

OBTAIN = "Helen with segment labels is at http://pages.cs.wisc.edu/~lizhang/projects/face-parsing"
_LISTS = {"train": "exemplars.txt", "val": "tuning.txt", "test": "testing.txt"}


class Helen:
    """One split: 2,000 train, 230 val, 100 test."""

    name = "helen"

    def __init__(self, folder: Path, split: str, parts: bool = False) -> None:
        self.labels: tuple[str, ...] = PART_LABELS if parts else CONSENSUS_LABELS
        self._folder, self._parts = folder, parts
        for needed in ("images", "labels"):
            need(folder / needed, OBTAIN)
        lists = [folder / _LISTS[part] for part in chosen_splits(split, tuple(_LISTS))]
        self._names = [_name(line, path) for path in lists for line in read_lines(path, OBTAIN)]

    def __len__(self) -> int:
        return len(self._names)

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return self._folder / "images" / f"{self._names[index]}.jpg"

    def __getitem__(self, index: int) -> Example:
        name = self._names[index]
        rgb = read_picture(self.picture(index), OBTAIN)
        ids = self._read_ids(name)
        same_size(f"the labels of {name}", ids, rgb)
        face = eleven_classes.face_of(ids)
        labels = eleven_classes.part_ids(ids) if self._parts else consensus_from_face(face)
        return Example(rgb, labels, None, None, box_of(face, name), name)

    def _read_ids(self, name: str) -> U8:
        folder = self._folder / "labels" / name
        maps = [read_gray(folder / f"{name}_lbl{k:02d}.png", OBTAIN) for k in range(eleven_classes.COUNT)]
        if len({one.shape for one in maps}) > 1:
            raise DataError(f"the label maps in {folder} differ in size; {OBTAIN}")
        return np.stack(maps).argmax(axis=0).astype(np.uint8)


def _name(line: str, path: Path) -> str:
    name = line.rpartition(",")[2].strip()
    if "," not in line or not name:
        raise DataError(f"{path}: got the line {line!r}, expected a number and a name (1 , 100032540_1). {OBTAIN}")
    return name


_MERGED = MergedClasses(
    "F1 of merged classes (Helen)",
    {
        "skin": ("skin",),
        "nose": ("nose",),
        "upper lip": ("upper lip",),
        "mouth": ("mouth",),
        "lower lip": ("lower lip",),
        "eyes": ("left eye", "right eye"),
        "brows": ("left brow", "right brow"),
        "whole mouth": ("upper lip", "mouth", "lower lip"),
    },
    overall=("brows", "eyes", "nose", "whole mouth"),
)
"""Table 6 of Cross-Domain Mutual Learning."""

register(Reader("helen", Helen, partial(Helen, parts=True), merged=_MERGED))
register(
    Reader(
        "helen-d",
        parts=lambda folder, split: WithDepth(Helen(folder, split, parts=True), folder, split, without_hair=True),
        merged=_MERGED,
    )
)
