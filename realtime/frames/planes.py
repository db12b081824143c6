"""Edits a frame in its own planes, window by window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from realtime.frames.colour import Colour, black_yuv, hdr_curve, yuv_from_rgb
from realtime.frames.crop import Window
from realtime.frames.types import U8, Frame, Layout, Mask, Rgb


def edited(
    frame: Frame, planes: tuple[U8, ...], windows: Sequence[Window], edit: Callable[[list[U8], Window], list[U8]]
) -> Frame:
    """Write the edited pixels of each window into `planes`.

    `edit` always gets the frame's own pixels. So two windows that overlap write the same values.
    """
    for window in windows:
        values = edit(planes_in(frame, window), window)
        if frame.layout == "yuv420p":
            for target, plane in zip(_places(planes, window), values, strict=True):
                target[:] = plane
        else:
            place(planes[0], window)[:] = cv2.merge(values)
    return frame.with_planes(planes, frame.layout)


def planes_in(frame: Frame, window: Window) -> list[U8]:
    """A window of each plane of a `yuv420p` frame, or of R, G and B of an `rgb` frame."""
    if frame.layout == "yuv420p":
        return _places(frame.planes, window)
    return list(cv2.split(place(frame.planes[0], window)))


def fitting(values: Mask, plane: U8) -> Mask:
    """A matte of even size in the size of a window's plane: halved for chroma, cropped for a frame of odd size."""
    height, width = plane.shape[:2]
    if 2 * height == values.shape[0] and 2 * width == values.shape[1]:
        return cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    return values[:height, :width]


def place(plane: U8, window: Window) -> U8:
    """A view of a window of a plane."""
    x0, y0, x1, y1 = window
    return plane[y0:y1, x0:x1]


def _places(planes: tuple[U8, ...], window: Window) -> list[U8]:
    """Views of a window of each plane of a yuv420p frame."""
    x0, y0, x1, y1 = (edge // 2 for edge in window)
    return [place(planes[0], window), *(place(plane, (x0, y0, x1, y1)) for plane in planes[1:])]


def copies(frame: Frame) -> tuple[U8, ...]:
    """Copies of the frame's planes, to draw on."""
    return tuple(plane.copy() for plane in frame.planes)


def drawable(frame: Frame) -> Frame:
    """The frame as `yuv420p` or `rgb`, converted if it is `gray` or `rgba`."""
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
    return tuple(all_in_planes(frame, np.array([rgb], np.uint8))[0].tolist())


def all_in_planes(frame: Frame, rgb: Rgb) -> U8:
    """(N, 3): the colours (N, 3) as values of the frame's planes."""
    if frame.layout != "yuv420p":
        return rgb
    curve = hdr_curve(frame.colour.transfer)
    coded = rgb if curve is None else curve[rgb]
    matrix = yuv_from_rgb(frame.colour.matrix, frame.colour.full_range)
    return np.asarray(cv2.transform(coded[None], matrix)[0], np.uint8)


def planes_of(layout: Layout, colour: Colour, rgb: Rgb) -> list[U8]:
    """A picture (H, W, 3) of even size, as the planes of a `yuv420p` frame of a colour, or as R, G and B."""
    if layout != "yuv420p":
        return list(cv2.split(rgb))
    curve = hdr_curve(colour.transfer)
    rgb = rgb if curve is None else cv2.LUT(rgb, curve)
    luma, *chroma = cv2.split(cv2.transform(rgb, yuv_from_rgb(colour.matrix, colour.full_range)))
    half = (rgb.shape[1] // 2, rgb.shape[0] // 2)
    return [luma, *(cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in chroma)]
