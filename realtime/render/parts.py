"""The overlay of a model of parts: each part in its colour, and a legend."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from engines.spec import BACKGROUND
from realtime.frames.crop import NO_WINDOW, Window
from realtime.frames.planes import all_in_planes, copies, edited, fitting, planes_of
from realtime.frames.types import U8, Frame, ParsedFace, Probabilities, Rgb
from realtime.render.draw import Scene
from realtime.render.matte import Matte, crisp, faded, likeliest, matte_of
from realtime.render.palette import legend, palette

_LEGEND_OPACITY = 0.75


def parts_overlay(scene: Scene) -> Frame:
    """The frame with each part tinted in its colour, and a legend, which is in every frame so that it does not
    flicker."""
    frame, planes = scene.frame, copies(scene.frame)
    if scene.faces:
        shown = faded(crisp(matte_of(scene.faces, scene.windows, _not_background)), scene.look.opacity)
        ids = likeliest(scene.faces, scene.windows, background=False)
        if scene.look.shown_labels is not None:
            shown = shown.without(_hidden(scene, ids))
        colours = all_in_planes(frame, palette(scene.spec.labels))
        edited(frame, planes, scene.windows, partial(_coloured, shown, ids, colours))
    window, pixels = legend(scene.spec.labels, frame.size_wh)
    drawn = frame.with_planes(planes, frame.layout)
    if window != NO_WINDOW:
        edited(drawn, planes, [window], partial(_covered, planes_of(frame.layout, frame.colour, pixels)))
    return drawn


def _hidden(scene: Scene, ids: Matte) -> Matte:
    """Where a label lies that is not to be shown."""
    hides = np.zeros(256, np.uint8)
    hides[: len(scene.spec.labels)] = [0 if scene.look.shows(label) else 255 for label in scene.spec.labels]
    return Matte(ids.window, np.asarray(cv2.LUT(ids.values, hides), np.uint8))


def _covered(over: list[U8], under: list[U8], window: Window) -> list[U8]:
    """Each plane of a window, with the legend's planes over it."""
    return [
        np.asarray(cv2.addWeighted(below, 1 - _LEGEND_OPACITY, above, _LEGEND_OPACITY, 0), np.uint8)
        for below, above in zip(under, over, strict=True)
    ]


def _not_background(face: ParsedFace) -> Probabilities:
    return np.asarray(cv2.bitwise_not(cv2.extractChannel(face.probabilities, BACKGROUND)), np.uint8)


def _coloured(opacity: Matte, ids: Matte, colours: Rgb, planes: list[U8], window: Window) -> list[U8]:
    """Each plane of a window, mixed with the colours (256, planes) of its labels."""
    mixed = []
    for index, plane in enumerate(planes):
        matte = fitting(opacity.at(window), plane)
        step = 2 if 2 * plane.shape[0] == ids.at(window).shape[0] else 1  # the mean of two ids would be a third one
        labels = np.ascontiguousarray(ids.at(window)[::step, ::step][: plane.shape[0], : plane.shape[1]])
        colour = cv2.multiply(cv2.LUT(labels, np.ascontiguousarray(colours[:, index])), matte, scale=1 / 255)
        mixed.append(cv2.add(cv2.multiply(plane, cv2.bitwise_not(matte), scale=1 / 255), colour))
    return mixed
