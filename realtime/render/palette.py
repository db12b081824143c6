"""The colour of each label, wherever labels are shown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from realtime.frames.types import U8

FACE_RGB = (0, 190, 170)
"""Teal; it stays apart from orange for every common kind of colour blindness."""
OCCLUSION_RGB = (255, 130, 0)
"""Orange."""
_RGB_OF = {  # of a pair, the subject's left is the darker one
    "background": (0, 0, 0), "face": FACE_RGB, "skin": FACE_RGB, "occlusion": OCCLUSION_RGB,
    "left brow": (110, 50, 215), "right brow": (190, 140, 255),
    "left eye": (20, 80, 255), "right eye": (120, 200, 255),
    "left ear": (30, 140, 40), "right ear": (160, 225, 80),
    "nose": (250, 215, 60), "mouth": (130, 0, 40), "upper lip": (255, 130, 185), "lower lip": (215, 30, 90),
    "hair": (205, 90, 205),
}  # fmt: skip
_HUES = (127, 15)  # step and start, of 180: keeps the ids of labels without a colour of their own far apart


@lru_cache(maxsize=8)
def palette(labels: Sequence[str]) -> U8:
    """(256, 3) uint8 RGB: the colour of each label id; black is background.

    Args:
        labels: a tuple of names, in the order of their ids.
    """
    ids = np.arange(256)
    hsv = np.dstack([(ids * _HUES[0] + _HUES[1]) % 180, np.full(256, 200), np.where(ids % 2, 255, 190)])
    colours = np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB), np.uint8).reshape(256, 3)
    for index, name in enumerate(labels):
        colours[index] = _RGB_OF.get(name, colours[index])
    colours.flags.writeable = False
    return colours
