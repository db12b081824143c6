"""The colour of each label wherever labels are shown, and the legend."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from realtime.frames.crop import NO_WINDOW, Window
from realtime.frames.types import Rgb

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
_HUES = (127, 15)  # step and start, modulo 180: neighbouring ids without a fixed colour differ clearly
_ROWS_IN_HEIGHT = 42  # rows that fit into the frame's height
_LEAST_ROW_PX = 11  # letters in smaller rows cannot be read
_MOST_WIDTH, _MOST_HEIGHT = 1 / 3, 2 / 3  # of the frame: a larger legend would hide the picture
_FONT, _FONT_PX = cv2.FONT_HERSHEY_SIMPLEX, 30  # its line height at scale 1
_BACK_RGB, _TEXT_RGB = (24, 24, 28), (240, 240, 240)


@lru_cache(maxsize=8)
def palette(labels: Sequence[str]) -> Rgb:
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


@lru_cache(maxsize=4)
def legend(labels: Sequence[str], size_wh: tuple[int, int]) -> tuple[Window, Rgb]:
    """The legend of a frame's labels: its place in the lower left corner, and its pixels.

    Args:
        labels: a tuple of names, in the order of their ids; the first, the background, needs no row.
        size_wh: (width, height) of the frame.

    Returns:
        The window, with an even size, and (height, width, 3) uint8 RGB; `NO_WINDOW` if the frame is too small.
    """
    row = max(_LEAST_ROW_PX, round(size_wh[1] / _ROWS_IN_HEIGHT))
    scale, thick = row / _FONT_PX, max(1, round(row / 20))
    text_px = max(cv2.getTextSize(name, _FONT, scale, thick)[0][0] for name in labels)
    wide, high = _even(2.2 * row + text_px), _even((len(labels) - 1 + 0.6) * row)
    if wide > _MOST_WIDTH * size_wh[0] or high > _MOST_HEIGHT * size_wh[1]:
        return NO_WINDOW, np.zeros((0, 0, 3), np.uint8)
    pixels = np.full((high, wide, 3), _BACK_RGB, np.uint8)
    colours = palette(labels)
    for index, name in enumerate(labels[1:], start=1):
        top = round((index - 0.7) * row)
        pixels[top + row // 6 : top + row - row // 6, row // 2 : row // 2 + row] = colours[index]
        baseline = (round(1.8 * row), top + round(0.78 * row))
        cv2.putText(pixels, name, baseline, _FONT, scale, _TEXT_RGB, thick, cv2.LINE_AA)
    bottom = size_wh[1] // 2 * 2
    return (0, bottom - high, wide, bottom), pixels


def _even(length: float) -> int:
    return round(length / 2) * 2
