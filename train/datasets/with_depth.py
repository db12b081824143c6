"""The -D versions of published sets (Cross-Domain Mutual Learning, section 3.1): the set with depth for its pictures.

The paper shows no layout. Here, depth lies in the set's own folder, as `unveil label --depth` writes it:

    depth/faces.jsonl       one JSON object per line, of which image, depth and depth_scale_m are read
    depth/depth/NAME.png    16 bit, of the picture's shape at any size: x depth_scale_m = metres; 0 = nothing measured

`image` is the picture of the set, absolute or below depth/ (../images/NAME.jpg); `depth` is below depth/. Pictures
without depth are left out: the paper, too, discards what can't be reconstructed well.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from engines.errors import DataError
from engines.spec import PART_LABELS
from train.datasets.base import F32, Example, PictureSet, need, read_lines

OBTAIN = "make it with 'unveil label PICTURES --parts --depth --output SET/depth'"
_HAIR = PART_LABELS.index("hair")


class WithDepth:
    """The pictures of a split that have depth, with part labels.

    Args:
        pictures: the set itself, with part labels.
        folder: of the set.
        without_hair: hair has neither label nor depth, as in Helen-D ("inaccurate annotations for hair").
    """

    labels = PART_LABELS

    def __init__(self, pictures: PictureSet, folder: Path, split: str, *, without_hair: bool = False) -> None:
        self._set = pictures
        self.name = f"{self._set.name}-d"
        self._without_hair = without_hair
        known = _read_index(folder / "depth")
        files = (self._set.picture(i).resolve() for i in range(len(self._set)))
        self._found = [(i, *known[file]) for i, file in enumerate(files) if file in known]
        if not self._found:
            raise DataError(f"{folder / 'depth'} has depth of no picture of the split {split}; {OBTAIN}")

    def __len__(self) -> int:
        return len(self._found)

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return self._set.picture(self._found[index][0])

    def __getitem__(self, index: int) -> Example:
        at, path, scale_m = self._found[index]
        example = self._set[at]
        depth_m = _read_depth(path, scale_m, example.labels.shape)
        if not self._without_hair:
            return replace(example, depth_m=depth_m)
        bald = example.labels != _HAIR
        return replace(example, labels=example.labels * bald.astype(np.uint8), depth_m=depth_m * bald)


def _read_index(folder: Path) -> dict[Path, tuple[Path, float]]:
    """Each picture's file -> the file of its depth, and the metres of one step."""
    found = {}
    for number, line in enumerate(read_lines(need(folder / "faces.jsonl", OBTAIN), OBTAIN), 1):
        try:
            row = json.loads(line)
            found[(folder / row["image"]).resolve()] = (folder / row["depth"], float(row["depth_scale_m"]))
        except (KeyError, TypeError, ValueError) as e:
            raise DataError(
                f"{folder / 'faces.jsonl'}, line {number}: {type(e).__name__}: {e}; expected an object with image, "
                f"depth and depth_scale_m; {OBTAIN}"
            ) from e
    return found


def _read_depth(path: Path, scale_m: float, shape: tuple[int, ...]) -> F32:
    """(H, W) float32 metres at the size of the labels, by nearest neighbour: a mean of two surfaces lies on neither."""
    steps = cv2.imread(str(need(path, OBTAIN)), cv2.IMREAD_UNCHANGED)
    if steps is None or steps.dtype != np.uint16 or steps.ndim != 2:
        got = "no picture" if steps is None else f"{steps.dtype} {steps.shape}"
        raise DataError(f"{path} is {got}; expected a 16-bit gray PNG of distances; {OBTAIN}")
    high, wide = shape[0], shape[1]
    if abs(steps.shape[0] * wide - steps.shape[1] * high) > max(high, wide):
        raise DataError(
            f"{path} is {steps.shape[1]}x{steps.shape[0]}, expected the shape of its picture, {wide}x{high}; {OBTAIN}"
        )
    fitted = cv2.resize(steps, (wide, high), interpolation=cv2.INTER_NEAREST)
    return fitted.astype(np.float32) * np.float32(scale_m)
