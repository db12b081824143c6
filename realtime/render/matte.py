"""Mattes: how much of each pixel of the frame belongs to a face, made from the probabilities of its crop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from engines.spec import BACKGROUND
from realtime.frames.crop import NO_WINDOW, Window, box_on_frame, channel_on_frame
from realtime.frames.types import Mask, ParsedFace, Probabilities, Region

_LEAST_SHOWN = 64  # of 255: a label below it is not drawn, and one above 255 minus it is drawn fully


@dataclass(frozen=True, eq=False)
class Matte:
    """How much of each pixel of a part of the frame belongs to something. Outside the part, nothing does."""

    window: Window
    """The part. Its size is even: in a frame of odd size it may stick out by one pixel at the right and bottom."""
    values: Mask
    """(height, width) uint8; 255 is all of the pixel."""

    def at(self, window: Window) -> Mask:
        """(height, width) uint8: a view of a window that lies inside the part."""
        left, top, _, _ = self.window
        x0, y0, x1, y1 = window
        return self.values[y0 - top : y1 - top, x0 - left : x1 - left]

    def without(self, other: Matte) -> Matte:
        """The matte without what another matte of the same part covers."""
        return Matte(self.window, cv2.min(self.values, cv2.bitwise_not(other.values)))


def face_window(face: ParsedFace, size_wh: tuple[int, int]) -> Window:
    """The part of the frame that may show a face, with an even size; `NO_WINDOW` if there is none."""
    background = cv2.extractChannel(face.probabilities, BACKGROUND)
    _, shown = cv2.threshold(background, 255 - _LEAST_SHOWN, 255, cv2.THRESH_BINARY_INV)
    return _window_of(shown, face.region, size_wh)


def matte_of(
    faces: Sequence[ParsedFace],
    windows: Sequence[Window],
    channel: Callable[[ParsedFace], Probabilities],
    *,
    least: bool = False,
) -> Matte:
    """One channel of every face, on the frame. Where faces overlap, the highest value counts.

    Args:
        windows: the windows of the faces, in the same order; at least one, and none empty.
        channel: returns (S, S) uint8 for a face.
        least: the lowest value counts instead, and 255 where no face is. For the background.
    """
    left, top, right, bottom = (
        choose(edge) for choose, edge in zip((min, min, max, max), zip(*windows, strict=True), strict=True)
    )
    values = np.full((bottom - top, right - left), 255 if least else 0, np.uint8)
    matte = Matte((left, top, right, bottom), values)
    pick = cv2.min if least else cv2.max
    for face, window in zip(faces, windows, strict=True):
        place = matte.at(window)
        place[:] = pick(place, channel_on_frame(channel(face), face.region, window, outside=255 if least else 0))
    return matte


def likeliest(faces: Sequence[ParsedFace], windows: Sequence[Window], *, background: bool) -> Matte:
    """The likeliest label of each pixel of the frame; the first of equals. Where faces overlap, the likelier wins.

    Args:
        windows: as in `matte_of`.
        background: True if background counts like any label; False if it is only where no other label has a share.

    Returns:
        A matte whose values are label ids.
    """
    best = matte_of(faces, windows, lambda face: face.probabilities[:, :, BACKGROUND], least=True)
    if not background:
        best.values[:] = 0
    ids = Matte(best.window, np.zeros_like(best.values))
    labels = faces[0].probabilities.shape[2]
    for label in range(1, labels):
        for face, window in zip(faces, windows, strict=True):
            channel = cv2.extractChannel(face.probabilities, label)
            part = _part_window(
                channel, 255 // labels, face.region, window
            )  # below this value no label is the likeliest
            if part == NO_WINDOW:
                continue
            values, so_far = channel_on_frame(channel, face.region, part), best.at(part)
            likelier = cv2.compare(values, so_far, cv2.CMP_GT)  # 255 there
            ids_there = ids.at(part)
            ids_there[:] = cv2.max(ids_there, cv2.bitwise_and(likelier, label))  # later labels have higher ids
            so_far[:] = cv2.max(values, so_far)
    return ids


def crisp(matte: Matte) -> Matte:
    """The matte with edges half as wide: 64..191 becomes 0..255. The edges of enlarged probabilities are too soft."""
    above = cv2.subtract(matte.values, _LEAST_SHOWN)
    return Matte(matte.window, cv2.add(above, above))


def is_shown(channel: Probabilities) -> bool:
    """True if anything of a crop's channel remains when its matte is `crisp`."""
    return bool(cv2.norm(channel, cv2.NORM_INF) > _LEAST_SHOWN)


def faded(matte: Matte, opacity: float) -> Matte:
    """The matte times an opacity of 0..1."""
    return Matte(matte.window, cv2.convertScaleAbs(matte.values, alpha=opacity))


def _part_window(channel: Probabilities, least: int, region: Region, window: Window) -> Window:
    """The part of a window where a channel may reach `least`. Most parts of a face are small."""
    _, there = cv2.threshold(channel, least - 1, 255, cv2.THRESH_BINARY)
    x0, y0, x1, y1 = _window_of(there, region, (window[2], window[3]))
    x0, y0 = max(x0, window[0]), max(y0, window[1])
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else NO_WINDOW


def _window_of(shown: Mask, region: Region, size_wh: tuple[int, int]) -> Window:
    """The part of the frame that the nonzero pixels of a crop may touch, with an even size; or `NO_WINDOW`."""
    x, y, wide, high = cv2.boundingRect(shown)
    if not wide:
        return NO_WINDOW
    # One more pixel of the crop on each side, because bilinear enlargement reaches that far.
    left, top, right, bottom = box_on_frame((x - 1, y - 1, x + wide + 1, y + high + 1), region, len(shown))
    x0, x1 = _even(left, right, size_wh[0])
    y0, y1 = _even(top, bottom, size_wh[1])
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else NO_WINDOW


def _even(low: float, high: float, size: int) -> tuple[int, int]:
    """Whole even pixels that hold low..high, inside 0..size rounded up to even."""
    return max(0, math.floor(low / 2) * 2), min(math.ceil(size / 2) * 2, math.ceil(high / 2) * 2)
