"""Our own layout for faces with consensus labels: written by `unveil label`, or by hand for any other set.

    faces.jsonl         one JSON object per line: name, image, labels, box_xyxy and, if there are any, blobs
    labels/NAME.png     (H, W) 8 bit: 0 background, 1 face, 2 occlusion
    blobs/NAME.png      (H, W) 8 bit

The paths in `image`, `labels` and `blobs` are absolute or relative to the folder. The name of a face decides its split
(train/data/split.py): `train`, or `test` if it is held out.
"""

from __future__ import annotations

from pathlib import Path

from engines.errors import DataError
from engines.spec import CONSENSUS_LABELS
from train.data.split import face_split
from train.datasets.base import Example, chosen_splits, read_gray, read_picture, same_size
from train.datasets.registry import Reader, register
from train.labels.label_folder import read_faces

OBTAIN = "make it with 'unveil label'"
SPLITS = ("train", "test", "all")


class LabelledFolder:
    """One split of a folder of labelled faces."""

    name = "folder"
    labels = CONSENSUS_LABELS

    def __init__(self, folder: Path, split: str) -> None:
        chosen = chosen_splits(split, SPLITS)
        self._folder = folder
        self._rows = [row for row in read_faces(folder) if "all" in chosen or _split_of(row["name"], folder) in chosen]
        if not self._rows:
            raise DataError(f"no face of the split {split} in {folder}; {OBTAIN}, or choose --split all")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Example:
        row = self._rows[index]
        rgb = read_picture(self._folder / row["image"], OBTAIN)
        path = self._folder / row["labels"]
        labels = read_gray(path, OBTAIN)
        same_size(f"{path}", labels, rgb)
        if labels.max() >= len(CONSENSUS_LABELS):
            raise DataError(f"{path} has the class id {labels.max()}, expected 0..2; {OBTAIN}")
        blobs = read_gray(self._folder / row["blobs"], OBTAIN) if row.get("blobs") else None
        left, top, right, bottom = (float(value) for value in row["box_xyxy"])
        return Example(rgb, labels, blobs, None, (left, top, right, bottom), str(row["name"]))


def _split_of(name: str, folder: Path) -> str:
    return "test" if face_split(name, folder) == "held out" else "train"


register(Reader("folder", LabelledFolder))
