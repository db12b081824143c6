"""The overlay of a model of parts: each part in its colour, and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np

from engines.spec import BACKGROUND, ModelSpec
from realtime.frames.crop import NO_WINDOW, Window
from realtime.frames.planes import all_in_planes, copies, edited, fitting, planes_of
from realtime.frames.types import U8, Frame, ParsedFace
from realtime.render.legend import legend
from realtime.render.matte import Matte, crisp, faded, likeliest, matte_of
from realtime.render.palette import palette

_LEGEND_OPACITY = 0.75


def parts_overlay(
    frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec, opacity: float
) -> Frame:
    """The frame with the parts of its faces tinted; `windows` are theirs, none of them empty. The legend is there in
    every frame, so that it does not flicker.
    """
    planes = copies(frame)
    if faces:
        shown = faded(crisp(matte_of(faces, windows, _not_background)), opacity)
        ids, colours = likeliest(faces, windows, background=False), all_in_planes(frame, palette(spec.labels))
        edited(frame, planes, windows, partial(_coloured, shown, ids, colours))
    return _with_legend(frame.with_planes(planes, frame.layout), spec)


def _with_legend(frame: Frame, spec: ModelSpec) -> Frame:
    """The legend drawn into the frame's planes themselves."""
    window, pixels = legend(spec.labels, frame.size_wh)
    if window == NO_WINDOW:
        return frame
    over = planes_of(frame, pixels)
    return edited(
        frame, frame.planes, [window], lambda under, _: [_over(*pair) for pair in zip(under, over, strict=True)]
    )


def _over(under: U8, over: U8) -> U8:
    return np.asarray(cv2.addWeighted(under, 1 - _LEGEND_OPACITY, over, _LEGEND_OPACITY, 0), np.uint8)


def _not_background(face: ParsedFace) -> U8:
    return np.asarray(cv2.bitwise_not(cv2.extractChannel(face.probabilities, BACKGROUND)), np.uint8)


def _coloured(opacity: Matte, ids: Matte, colours: U8, planes: list[U8], window: Window) -> list[U8]:
    """Each plane of a window, mixed with the colours (256, planes) of its labels."""
    mixed = []
    for index, plane in enumerate(planes):
        matte = fitting(opacity.at(window), plane)
        step = 2 if 2 * plane.shape[0] == ids.at(window).shape[0] else 1  # no mean of two ids
        labels = np.ascontiguousarray(ids.at(window)[::step, ::step][: plane.shape[0], : plane.shape[1]])
        colour = cv2.multiply(cv2.LUT(labels, np.ascontiguousarray(colours[:, index])), matte, scale=1 / 255)
        mixed.append(cv2.add(cv2.multiply(plane, cv2.bitwise_not(matte), scale=1 / 255), colour))
    return mixed
