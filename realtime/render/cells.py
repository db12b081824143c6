"""Hides faces under coarse cells.

The cells lie on a grid that is fixed to the frame: they do not move with the face, so they do not flicker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from realtime.frames.crop import NO_WINDOW, Window, channel_on_frame
from realtime.frames.planes import copies, fitting, place
from realtime.frames.resampling import halved
from realtime.frames.types import U8, Cover, Frame, Mask, Region

_POLYGON_SHIFT = 4  # OpenCV draws corners in 1/16 of a pixel


@dataclass(frozen=True, eq=False)
class Spared:
    """What stays visible of a covered face."""

    mask: Mask
    """(S, S) uint8, in the region's crop; 255 stays visible."""
    region: Region


def pixelated(frame: Frame, covers: Sequence[Cover], spared: Sequence[Spared | None]) -> Frame:
    """The frame with coarse cells in place of what the covers hold.

    Args:
        frame: `rgb` or `yuv420p`.
        spared: for each cover what stays visible in it.
    """
    planes = copies(frame)
    coarsest_last = sorted(zip(covers, spared, strict=True), key=lambda pair: pair[0].cell_px)
    for cover, kept in coarsest_last:  # where two overlap, a small face must not show details of a large one
        window = _window(cover, frame.size_wh)
        if window == NO_WINDOW:
            continue
        hidden = _mask(cover, window)
        if kept:
            hidden[channel_on_frame(kept.mask, kept.region, window) > 127] = 0
        for source, target in zip(frame.planes, planes, strict=True):
            step = 2 if source.shape[0] < frame.planes[0].shape[0] else 1
            _hide(place(source, _divided(window, step)), place(target, _divided(window, step)), hidden,
                  cover.cell_px // step)  # fmt: skip
    return frame.with_planes(planes, frame.layout)


def _hide(source: U8, target: U8, hidden: Mask, cell_px: int) -> None:
    """Write coarse cells over the hidden pixels of a window of a plane, and over chroma that any of them uses."""
    height, width = source.shape[:2]
    cells = halved(source, int(math.log2(cell_px)))
    coarse = cv2.resize(cells, None, fx=cell_px, fy=cell_px, interpolation=cv2.INTER_LINEAR)
    cv2.copyTo(coarse[:height, :width], fitting(hidden, source), target)


def _window(cover: Cover, size_wh: tuple[int, int]) -> Window:
    """The part of the frame that a cover touches, on whole cells, with one more cell around it: its values count when
    cells are enlarged. Its size is even: in a frame of odd size it may stick out by one pixel."""
    left, top, wide, high = cv2.boundingRect(np.concatenate(cover.polygons))
    cell = cover.cell_px
    x0, y0 = (max(0, (edge // cell - 1) * cell) for edge in (left, top))
    x1, y1 = (
        min(size + size % 2, (-(-edge // cell) + 1) * cell)
        for edge, size in zip((left + wide, top + high), size_wh, strict=True)
    )
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else NO_WINDOW


def _mask(cover: Cover, window: Window) -> Mask:
    """(height, width) uint8 of a window: 255 inside the polygons of a cover, else 0."""
    x0, y0, x1, y1 = window
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    for polygon in cover.polygons:
        corners = np.round((polygon - (x0 + 0.5, y0 + 0.5)) * (1 << _POLYGON_SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, 255, shift=_POLYGON_SHIFT)
    return mask


def _divided(window: Window, step: int) -> Window:
    x0, y0, x1, y1 = (edge // step for edge in window)
    return x0, y0, x1, y1
