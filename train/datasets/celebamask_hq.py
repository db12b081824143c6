"""CelebAMask-HQ: 30,000 aligned portraits with a mask for each part.

    CelebA-HQ-img/0.jpg ... 29999.jpg                           1024x1024
    CelebAMask-HQ-mask-anno/0 ... 14/00000_skin.png             512x512; no file where a part does not show
    CelebA-HQ-to-CelebA-mapping.txt                             lines "idx orig_idx orig_file"
    list_eval_partition.txt                                     CelebA's split; its known ranges where it is missing

Its left and right are those of the picture (docs/datasets.md). Pictures are resized to the size of the masks.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np

from engines.errors import DataError
from engines.spec import CONSENSUS_LABELS, PART_LABELS
from realtime.frames.types import U8
from train.datasets.base import (
    Example,
    Mask,
    box_of,
    chosen_splits,
    consensus_from_face,
    need,
    read_gray,
    read_lines,
    read_picture,
)
from train.datasets.registry import Reader, register
from train.datasets.with_depth import WithDepth

OBTAIN = (
    "CelebAMask-HQ is at https://github.com/switchablenorms/CelebAMask-HQ, "
    "CelebA's list_eval_partition.txt at http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
)
SPLITS = ("train", "val", "test")
_LAST_OF_TRAIN, _LAST_OF_VAL = 162_770, 182_637  # numbers of CelebA's files
_PER_FOLDER = 2000
# In the order in which the set's authors paint them: later parts cover earlier ones. Left and right: the picture's.
_PARTS = {
    "skin": "skin", "nose": "nose", "eye_g": "background", "l_eye": "right eye", "r_eye": "left eye",
    "l_brow": "right brow", "r_brow": "left brow", "l_ear": "right ear", "r_ear": "left ear",
    "mouth": "mouth", "u_lip": "upper lip", "l_lip": "lower lip", "hair": "hair",
    "hat": "background", "ear_r": "background", "neck_l": "background", "neck": "background", "cloth": "background",
}  # fmt: skip
_IN_FACE = ("skin", "nose", "l_eye", "r_eye", "l_brow", "r_brow", "mouth", "u_lip", "l_lip")


class CelebAMaskHQ:
    """One split: 24,183 train, 2,993 val, 2,824 test."""

    name = "celebamask-hq"

    def __init__(self, folder: Path, split: str, parts: bool = False) -> None:
        self.labels: tuple[str, ...] = PART_LABELS if parts else CONSENSUS_LABELS
        self._folder, self._parts = folder, parts
        for needed in ("CelebA-HQ-img", "CelebAMask-HQ-mask-anno"):
            need(folder / needed, OBTAIN)
        chosen = chosen_splits(split, SPLITS)
        self._indices = [index for index, part in _partition(folder) if part in chosen]
        if not self._indices:
            raise DataError(f"no picture of the split {split} in {folder}; {OBTAIN}")

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Example:
        number = self._indices[index]
        layers = self._read_layers(number)
        size = layers["skin"].shape
        rgb = read_picture(self.picture(index), OBTAIN)
        rgb = cv2.resize(rgb, (size[1], size[0]), interpolation=cv2.INTER_AREA).astype(np.uint8)
        top = _topmost(layers)
        face = np.isin(top, [list(_PARTS).index(name) + 1 for name in _IN_FACE])
        labels = _part_ids(top) if self._parts else consensus_from_face(face, covers=layers.get("eye_g"))
        return Example(rgb, labels, None, None, box_of(face, f"{number:05d}"), f"{number:05d}")

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return self._folder / "CelebA-HQ-img" / f"{self._indices[index]}.jpg"

    def _read_layers(self, number: int) -> dict[str, Mask]:
        folder = self._folder / "CelebAMask-HQ-mask-anno" / str(number // _PER_FOLDER)
        paths = {name: folder / f"{number:05d}_{name}.png" for name in _PARTS}
        need(paths["skin"], OBTAIN)
        layers = {name: read_gray(path, OBTAIN) > 127 for name, path in paths.items() if path.exists()}
        if len({layer.shape for layer in layers.values()}) > 1:
            raise DataError(f"the masks of {number:05d} in {folder} differ in size; {OBTAIN}")
        return layers


def _topmost(layers: dict[str, Mask]) -> U8:
    """(H, W): 1 + the position in `_PARTS` of the topmost part; 0 where there is none."""
    top = np.zeros(layers["skin"].shape, np.uint8)
    for position, name in enumerate(_PARTS, 1):
        if name in layers:
            top[layers[name]] = position
    return top


def _part_ids(top: U8) -> U8:
    ids = [0, *(PART_LABELS.index(part) for part in _PARTS.values())]
    return np.array(ids, np.uint8)[top]


def _partition(folder: Path) -> list[tuple[int, str]]:
    """(number of the picture, its split) of every picture of the mapping."""
    path = folder / "CelebA-HQ-to-CelebA-mapping.txt"
    listed = folder / "list_eval_partition.txt"
    try:
        splits = dict(line.split() for line in read_lines(listed, OBTAIN)) if listed.exists() else {}
        rows = [line.split() for line in read_lines(path, OBTAIN)[1:]]
        return [(int(row[0]), SPLITS[int(splits[row[2]])] if splits else _split_of(row[2])) for row in rows]
    except (ValueError, IndexError, KeyError) as e:
        raise DataError(
            f"{path} or {listed.name} is damaged ({type(e).__name__}: {e}); expected lines "
            f"'0 119613 119614.jpg' after a heading, and '119614.jpg 0'. {OBTAIN}"
        ) from e


def _split_of(file: str) -> str:
    number = int(Path(file).stem)
    return "train" if number <= _LAST_OF_TRAIN else "val" if number <= _LAST_OF_VAL else "test"


register(Reader("celebamask-hq", CelebAMaskHQ, partial(CelebAMaskHQ, parts=True)))
register(
    Reader(
        "celebamask-hq-d",
        parts=lambda folder, split: WithDepth(CelebAMaskHQ(folder, split, parts=True), folder, split),
    )
)
