"""Editing a frame in its own planes, window by window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from realtime.frames.colour import black_yuv, yuv_from_rgb
from realtime.frames.crop import Window
from realtime.frames.types import U8, Frame


def edited(
    frame: Frame, planes: tuple[U8, ...], windows: Sequence[Window], edit: Callable[[list[U8], Window], list[U8]]
) -> Frame:
    """Write each window into `planes`, edited from the frame's own pixels: where two overlap, both write the same."""
    for window in windows:
        if frame.layout == "yuv420p":
            for target, values in zip(
                _places(planes, window), edit(_places(frame.planes, window), window), strict=True
            ):
                target[:] = values
        else:
            place(planes[0], window)[:] = cv2.merge(edit(list(cv2.split(place(frame.planes[0], window))), window))
    return frame.with_planes(planes, frame.layout)


def fitting(values: U8, plane: U8) -> U8:
    """A matte of even size at the resolution of a window's plane: as it is, without its last odd line, or halved."""
    height, width = plane.shape
    if 2 * height == values.shape[0] and 2 * width == values.shape[1]:
        return cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    return values[:height, :width]


def place(plane: U8, window: Window) -> U8:
    """A window of a plane, in place."""
    x0, y0, x1, y1 = window
    return plane[y0:y1, x0:x1]


def _places(planes: tuple[U8, ...], window: Window) -> list[U8]:
    """A window in each plane of a yuv420p frame."""
    x0, y0, x1, y1 = (edge // 2 for edge in window)
    return [place(planes[0], window), *(place(plane, (x0, y0, x1, y1)) for plane in planes[1:])]


def copies(frame: Frame) -> tuple[U8, ...]:
    """The frame's planes, to be drawn on."""
    return tuple(plane.copy() for plane in frame.planes)


def drawable(frame: Frame) -> Frame:
    """The frame as `yuv420p` or `rgb`."""
    if frame.layout == "gray":
        return frame.with_planes((cv2.cvtColor(frame.planes[0], cv2.COLOR_GRAY2RGB),), "rgb")
    if frame.layout == "rgba":
        return frame.with_planes((cv2.cvtColor(frame.planes[0], cv2.COLOR_RGBA2RGB),), "rgb")
    return frame


def in_planes(frame: Frame, rgb: tuple[int, int, int]) -> tuple[int, ...]:
    """A colour as the values of the frame's planes."""
    if frame.layout != "yuv420p":
        return rgb
    if rgb == (0, 0, 0):
        return black_yuv(frame.colour.full_range)
    yuv = yuv_from_rgb(frame.colour.matrix, frame.colour.full_range) @ np.array([*rgb, 1], np.float32)
    return tuple(round(float(value)) for value in yuv)


def all_in_planes(frame: Frame, rgb: U8) -> U8:
    """(N, 3) colours as values of the frame's planes: (N, 3)."""
    if frame.layout != "yuv420p":
        return rgb
    return np.asarray(cv2.transform(rgb[None], yuv_from_rgb(frame.colour.matrix, frame.colour.full_range))[0], np.uint8)


def planes_of(frame: Frame, rgb: U8) -> list[U8]:
    """(H, W, 3) RGB of even size as planes like the frame's."""
    if frame.layout != "yuv420p":
        return list(cv2.split(rgb))
    luma, *chroma = cv2.split(cv2.transform(rgb, yuv_from_rgb(frame.colour.matrix, frame.colour.full_range)))
    half = (rgb.shape[1] // 2, rgb.shape[0] // 2)
    return [luma, *(cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in chroma)]
