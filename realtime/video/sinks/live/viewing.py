"""Frames as people see them: class ids in colours, transparency on a checkerboard."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from realtime.frames.letterbox import letterboxed
from realtime.frames.types import U8, Frame, Mask, Rgb
from realtime.video.av_frame import bgr_from_frame

Colours = Callable[[], Rgb]
"""Gives (256, 3) uint8 RGB: a colour for each value of the `gray` frames of the moment, such as class ids."""
_CELL_PX = 16  # of the checkerboard
_CELL_GREYS = (102, 153)
_GRAYS: Rgb = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


def grays() -> Rgb:
    """Each value as its own gray."""
    return _GRAYS


def bgr_to_show(frame: Frame, colours: Colours = grays) -> U8:
    """(H, W, 3) uint8 BGR, in one conversion: a frame as a viewer sees it."""
    if frame.layout == "gray":
        return cv2.applyColorMap(frame.planes[0], np.ascontiguousarray(colours()[:, None, ::-1]))
    if frame.layout == "rgba":
        return _on_checkerboard(cv2.cvtColor(frame.planes[0], cv2.COLOR_RGBA2BGR), frame.planes[0][:, :, 3])
    bgr = bgr_from_frame(frame)
    return bgr if frame.alpha is None else _on_checkerboard(bgr, frame.alpha)


def viewed(frame: Frame, size_wh: tuple[int, int], colours: Colours = grays) -> Frame:
    """A frame as a viewer sees it, `yuv420p` or `rgb`, fitted into a size. Most frames are that already."""
    if frame.layout in ("gray", "rgba") or frame.alpha is not None:
        rgb = np.ascontiguousarray(bgr_to_show(frame, colours)[:, :, ::-1])
        frame = frame.with_planes((rgb,), "rgb")
    return letterboxed(frame, size_wh)


def even_wh(frame: Frame) -> tuple[int, int]:
    """The frame's size without an odd column or row, which pictures in yuv420p of other programs cannot have."""
    width, height = frame.size_wh
    return width - width % 2, height - height % 2


def _on_checkerboard(bgr: U8, alpha: Mask) -> U8:
    opaque = cv2.merge([alpha] * 3)
    shown = cv2.multiply(bgr, opaque, scale=1 / 255)
    return cv2.add(shown, cv2.multiply(_checkerboard(alpha.shape), cv2.bitwise_not(opaque), scale=1 / 255))


@lru_cache(maxsize=1)
def _checkerboard(shape: tuple[int, int]) -> U8:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    cells = np.array(_CELL_GREYS, np.uint8)[(rows // _CELL_PX + columns // _CELL_PX) % 2]
    return cv2.merge([cells] * 3)
