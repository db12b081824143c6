"""LaPa: 22,000 faces with eleven classes and 106 landmarks.

train, val, test/
    images/NAME.jpg
    labels/NAME.png         8 bit, class ids 0..10
    landmarks/NAME.txt      "106", then a line "x y" for each
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from engines.errors import DataError
from engines.spec import CONSENSUS_LABELS, PART_LABELS
from train.datasets import eleven_classes
from train.datasets.base import (
    Example,
    Points,
    box_of,
    chosen_splits,
    consensus_from_face,
    need,
    read_gray,
    read_lines,
    read_picture,
    same_size,
)
from train.datasets.registry import Reader, register
from train.datasets.with_depth import WithDepth

OBTAIN = "LaPa is at https://github.com/JDAI-CV/lapa-dataset"
SPLITS = ("train", "val", "test")


class LaPa:
    """One split: 18,168 train, 2,000 val, 2,000 test."""

    name = "lapa"

    def __init__(self, folder: Path, split: str, parts: bool = False) -> None:
        self.labels: tuple[str, ...] = PART_LABELS if parts else CONSENSUS_LABELS
        self._parts = parts
        self._pictures: list[Path] = []
        for part in chosen_splits(split, SPLITS):
            images = need(folder / part / "images", OBTAIN)
            self._pictures += sorted(images.glob("*.jpg"))
        if not self._pictures:
            raise DataError(f"no picture (.jpg) of the split {split} in {folder}; {OBTAIN}")

    def __len__(self) -> int:
        return len(self._pictures)

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return self._pictures[index]

    def __getitem__(self, index: int) -> Example:
        picture = self._pictures[index]
        split = picture.parents[1]
        rgb = read_picture(picture, OBTAIN)
        path = split / "labels" / f"{picture.stem}.png"
        ids = read_gray(path, OBTAIN)
        same_size(f"{path}", ids, rgb)
        if ids.max() >= eleven_classes.COUNT:
            raise DataError(f"{path} has the class id {ids.max()}, expected 0..10; {OBTAIN}")
        points = _read_landmarks(split / "landmarks" / f"{picture.stem}.txt")
        face = eleven_classes.face_of(ids)
        labels = eleven_classes.part_ids(ids) if self._parts else consensus_from_face(face, points)
        name = f"{split.name}/{picture.stem}"
        return Example(rgb, labels, None, None, box_of(face, name, points), name)


def _read_landmarks(path: Path) -> Points:
    lines = read_lines(path, OBTAIN)
    try:
        points = np.array([line.split() for line in lines[1:]], np.float32)
        if points.shape != (int(lines[0]), 2):
            raise ValueError(f"{lines[0]} announced, {points.shape} found")
    except ValueError as e:
        raise DataError(f"{path} is damaged ({e}); expected a count and as many lines 'x y'. {OBTAIN}") from e
    return points


register(Reader("lapa", LaPa, partial(LaPa, parts=True)))
register(Reader("lapa-d", parts=lambda folder, split: WithDepth(LaPa(folder, split, parts=True), folder, split)))
