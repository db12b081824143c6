"""Fits a frame into another size, with black bars where its shape is another one."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames.planes import in_planes
from realtime.frames.types import U8, Frame


def letterboxed(frame: Frame, size_wh: tuple[int, int]) -> Frame:
    """The frame in the middle of a black one of another size; the frame itself where it has that size.

    Args:
        frame: `rgb` or `yuv420p`.
    """
    if frame.size_wh == size_wh:
        return frame
    scale = min(size / own for size, own in zip(size_wh, frame.size_wh, strict=True))
    inner_wh = tuple(
        min(size, max(2, 2 * round(own * scale / 2))) for size, own in zip(size_wh, frame.size_wh, strict=True)
    )
    left, top = ((size - inner) // 4 * 2 for size, inner in zip(size_wh, inner_wh, strict=True))
    black = in_planes(frame, (0, 0, 0))
    planes: list[U8] = []
    for index, plane in enumerate(frame.planes):
        step = 2 if frame.layout == "yuv420p" and index else 1
        shape = tuple(-(-size // step) for size in reversed(size_wh))
        outer = np.empty((*shape, *plane.shape[2:]), np.uint8)
        outer[:] = black if frame.layout == "rgb" else black[index]
        width, height = (-(-inner // step) for inner in inner_wh)
        inner = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
        outer[top // step : top // step + height, left // step : left // step + width] = inner
        planes.append(outer)
    return frame.with_planes(tuple(planes), frame.layout)
