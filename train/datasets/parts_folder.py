"""Our own faces with part labels and depth, as `unveil label --parts --depth` and `--synthetic` write them.

`train/parts/folder.py` shows the layout. The name of a face decides its split (train/data/split.py): `train`, or `test`
if it is held out. Photographs and synthetic heads are separate groups: the ground truth of heads is exact.
"""

from __future__ import annotations

from pathlib import Path

from engines.errors import DataError, SourceError
from engines.spec import PART_LABELS
from train.data.split import face_split
from train.datasets.base import Example, chosen_splits, same_size
from train.datasets.registry import Reader, register
from train.parts.folder import read_parts

OBTAIN = "make it with 'unveil label --parts --depth' or 'unveil label --synthetic'"
SPLITS = ("train", "test", "all")
_GROUPS = {"photograph": "photographs", "synthetic": "synthetic heads"}


class PartsFolder:
    """One split of a folder of faces with parts and depth."""

    name = "parts"
    labels = PART_LABELS

    def __init__(self, folder: Path, split: str) -> None:
        chosen = chosen_splits(split, SPLITS)
        self._rows = [row for row in read_parts(folder) if "all" in chosen or _split_of(row.name, folder) in chosen]
        if not self._rows:
            raise DataError(f"no face of the split {split} in {folder}; {OBTAIN}, or choose --split all")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Example:
        row = self._rows[index]
        try:
            rgb = row.load_rgb()
        except SourceError as e:
            raise DataError(f"{e}; {OBTAIN}") from e
        parts, depth_m = row.load_parts(), row.load_depth_m()
        same_size(f"{row.parts}", parts, rgb)
        same_size(f"{row.depth}", depth_m, rgb)
        return Example(rgb, parts, None, None, row.box_xyxy, row.name, depth_m, _GROUPS[row.source])


def _split_of(name: str, folder: Path) -> str:
    return "test" if face_split(name, folder) == "held out" else "train"


register(Reader("parts", parts=PartsFolder, whole_picture=False))
