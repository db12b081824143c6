"""The eleven classes that Helen (as labelled by Smith et al.) and LaPa share, mapped to our labels."""

from __future__ import annotations

import numpy as np

from engines.spec import PART_LABELS
from realtime.frames.types import U8
from train.datasets.base import Mask

COUNT = 11
# 0 background, skin, left and right brow, left and right eye, nose, upper lip, inner mouth, lower lip, 10 hair.
# Left and right are those of the picture (see docs/datasets.md), ours those of the subject.
_PARTS = (
    "background", "skin", "right brow", "left brow", "right eye", "left eye", "nose", "upper lip", "mouth",
    "lower lip", "hair",
)  # fmt: skip
_PART_IDS = np.array([PART_LABELS.index(part) for part in _PARTS], np.uint8)
_FIRST_OF_FACE, _LAST_OF_FACE = 1, 9


def part_ids(ids: U8) -> U8:
    """(H, W) class ids -> ids of our 13 part labels. These sets have no ears."""
    return _PART_IDS[ids]


def face_of(ids: U8) -> Mask:
    """(H, W) class ids -> where the skin is, and the eyes, brows, nose and mouth in it."""
    return (ids >= _FIRST_OF_FACE) & (ids <= _LAST_OF_FACE)
