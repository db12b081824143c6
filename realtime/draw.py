"""Draws parsed faces on a frame, in the frame's own planes. Only the window of each face is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np

from engines.errors import UsageError
from engines.spec import ModelSpec
from realtime.colour import black_yuv, yuv_from_rgb
from realtime.crop import NO_WINDOW, Window
from realtime.matte import Matte, crisp, face_window, matte_of
from realtime.probabilities import occlusion, visible_face
from realtime.types import U8, Frame, ParsedFace, Render

FACE_RGB = (0, 190, 170)
"""Teal; it stays apart from orange for every common kind of colour blindness."""
OCCLUSION_RGB = (255, 130, 0)
"""Orange."""
_OVERLAY_OPACITY = 0.5
_BLUR_CELLS = 8  # across a face: too few to know it by
_BLUR_MARGIN_PX = 2  # of the crop: what hides a face must not end on its edge


def render(frame: Frame, faces: Sequence[ParsedFace], kind: Render, spec: ModelSpec) -> Frame:
    """The frame as it is to be shown or written, with the same size, time and colour.

    Args:
        frame: any layout; it stays untouched. `rgba` and `gray` frames are drawn on as `rgb`.
        faces: of this frame. Where two overlap, the likelier label wins.
        kind: `overlay`: face and occlusion tinted; `cutout`: the visible face on black; `blur`: the visible face made
            unrecognisable; `labels`: a `gray` frame of label ids, 0 where no face is; `alpha`: the frame with the
            visible face as its matte (`rgba`, or `yuv420p` with `Frame.alpha`).
        spec: of the model that parsed the faces.
    """
    if kind not in _KINDS:
        raise UsageError(f"render {kind!r} is unknown; expected one of {', '.join(_KINDS)}")
    windows = [face_window(face, frame.size_wh) for face in faces]
    shown = [(face, window) for face, window in zip(faces, windows, strict=True) if window != NO_WINDOW]
    frame = frame if kind == "labels" else _drawable(frame)
    return _KINDS[kind](frame, [face for face, _ in shown], [window for _, window in shown], spec)


def _overlay(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    if not faces:
        return frame
    face = _visible_face_matte(faces, windows, spec)
    covering = crisp(matte_of(faces, windows, lambda parsed: occlusion(parsed.probabilities, spec)))
    # One face's occluder may be the other's face: the face is shown.
    covering = Matte(covering.window, cv2.min(covering.values, cv2.bitwise_not(face.values)))
    tints = [(_faded(face, _OVERLAY_OPACITY), FACE_RGB), (_faded(covering, _OVERLAY_OPACITY), OCCLUSION_RGB)]
    coloured = [(matte, _in_planes(frame, rgb)) for matte, rgb in tints]
    return _edited(frame, _copies(frame), windows, partial(_tinted, coloured))


def _cutout(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    black = _in_planes(frame, (0, 0, 0))
    planes = tuple(np.full_like(plane, value) for plane, value in zip(frame.planes, black, strict=False))
    if not faces:
        return frame.with_planes(planes, frame.layout)
    face = _visible_face_matte(faces, windows, spec)
    hidden = Matte(face.window, cv2.bitwise_not(face.values))
    return _edited(frame, planes, windows, partial(_tinted, [(hidden, black)]))


def _blur(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    if not faces:
        return frame
    reach = np.ones((2 * _BLUR_MARGIN_PX + 1,) * 2, np.uint8)
    matte = crisp(matte_of(faces, windows, lambda parsed: cv2.dilate(visible_face(parsed.probabilities, spec), reach)))
    return _edited(frame, _copies(frame), windows, partial(_blurred, matte))


def _alpha(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    alpha = np.zeros(frame.planes[0].shape[:2], np.uint8)
    if faces:
        matte = _visible_face_matte(faces, windows, spec)
        for window in windows:
            place = _place(alpha, window)
            place[:] = _fitting(matte.at(window), place)
    if frame.layout == "yuv420p":
        return frame.with_planes(frame.planes, "yuv420p", alpha)
    return frame.with_planes((np.dstack([frame.planes[0], alpha]),), "rgba")


def _labels(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    ids = np.zeros(frame.planes[0].shape[:2], np.uint8)
    if faces:
        mattes = [
            matte_of(faces, windows, lambda parsed, k=label: parsed.probabilities[:, :, k], least=label == 0)  # type: ignore[misc]
            for label in range(len(spec.labels))
        ]
        for window in windows:
            place = _place(ids, window)
            place[:] = _fitting(_likeliest([matte.at(window) for matte in mattes]), place)
    return frame.with_planes((ids,), "gray")


_KINDS: dict[Render, Callable[[Frame, Sequence[ParsedFace], Sequence[Window], ModelSpec], Frame]] = {
    "overlay": _overlay,
    "cutout": _cutout,
    "labels": _labels,
    "alpha": _alpha,
    "blur": _blur,
}


def _visible_face_matte(faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Matte:
    return crisp(matte_of(faces, windows, lambda parsed: visible_face(parsed.probabilities, spec)))


def _edited(
    frame: Frame, planes: tuple[U8, ...], windows: Sequence[Window], edit: Callable[[list[U8], Window], list[U8]]
) -> Frame:
    """Write each window into `planes`, edited from the frame's own pixels: where two overlap, both write the same."""
    for window in windows:
        if frame.layout == "yuv420p":
            halved = tuple(edge // 2 for edge in window)
            places = [_place(planes[0], window), *(_place(plane, halved) for plane in planes[1:])]  # type: ignore[arg-type]
            source = [_place(frame.planes[0], window), *(_place(plane, halved) for plane in frame.planes[1:])]  # type: ignore[arg-type]
            for place, values in zip(places, edit(source, window), strict=True):
                place[:] = values
        else:
            _place(planes[0], window)[:] = cv2.merge(edit(list(cv2.split(_place(frame.planes[0], window))), window))
    return frame.with_planes(planes, frame.layout)


def _tinted(tints: Sequence[tuple[Matte, tuple[int, ...]]], planes: list[U8], window: Window) -> list[U8]:
    """Each plane of a window, mixed with one colour per matte. The mattes add up to 255 at most."""
    mixed = []
    for index, plane in enumerate(planes):
        mattes = [_fitting(matte.at(window), plane) for matte, _ in tints]
        kept = cv2.bitwise_not(mattes[0])
        for matte in mattes[1:]:
            kept = cv2.subtract(kept, matte)
        values = cv2.multiply(plane, kept, scale=1 / 255)
        for matte, (_, colour) in zip(mattes, tints, strict=True):
            values = cv2.add(values, cv2.convertScaleAbs(matte, alpha=colour[index] / 255))
        mixed.append(values)
    return mixed


def _blurred(matte: Matte, planes: list[U8], window: Window) -> list[U8]:
    """Each plane of a window, with coarse cells in place of what the matte covers."""
    longer = max(planes[0].shape)
    cells_wh = tuple(max(1, round(length * _BLUR_CELLS / longer)) for length in reversed(planes[0].shape))
    mixed = []
    for plane in planes:
        hidden = _fitting(matte.at(window), plane)
        cells = cv2.resize(plane, cells_wh, interpolation=cv2.INTER_AREA)
        coarse = cv2.resize(cells, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
        kept = cv2.multiply(plane, cv2.bitwise_not(hidden), scale=1 / 255)
        mixed.append(cv2.add(kept, cv2.multiply(coarse, hidden, scale=1 / 255)))
    return mixed


def _likeliest(channels: Sequence[U8]) -> U8:
    """(H, W) uint8: the index of the highest of K channels (H, W); the first of equals."""
    best = channels[0]
    ids = np.zeros_like(best)
    for index, channel in enumerate(channels[1:], start=1):
        np.copyto(ids, np.uint8(index), where=channel > best)
        best = cv2.max(best, channel)
    return ids


def _faded(matte: Matte, opacity: float) -> Matte:
    return Matte(matte.window, cv2.convertScaleAbs(matte.values, alpha=opacity))


def _fitting(values: U8, plane: U8) -> U8:
    """A matte of even size at the resolution of a window's plane: as it is, without its last odd line, or halved."""
    height, width = plane.shape
    if 2 * height == values.shape[0] and 2 * width == values.shape[1]:
        return cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    return values[:height, :width]


def _place(plane: U8, window: Window) -> U8:
    x0, y0, x1, y1 = window
    return plane[y0:y1, x0:x1]


def _copies(frame: Frame) -> tuple[U8, ...]:
    return tuple(plane.copy() for plane in frame.planes)


def _drawable(frame: Frame) -> Frame:
    """The frame as `yuv420p` or `rgb`."""
    if frame.layout == "gray":
        return frame.with_planes((cv2.cvtColor(frame.planes[0], cv2.COLOR_GRAY2RGB),), "rgb")
    if frame.layout == "rgba":
        return frame.with_planes((cv2.cvtColor(frame.planes[0], cv2.COLOR_RGBA2RGB),), "rgb")
    return frame


def _in_planes(frame: Frame, rgb: tuple[int, int, int]) -> tuple[int, ...]:
    """A colour as the values of the frame's planes."""
    if frame.layout != "yuv420p":
        return rgb
    if rgb == (0, 0, 0):
        return black_yuv(frame.colour.full_range)
    yuv = yuv_from_rgb(frame.colour.matrix, frame.colour.full_range) @ np.array([*rgb, 1], np.float32)
    return tuple(round(float(value)) for value in yuv)
