"""Draws parsed faces on a frame, in the frame's own planes. Only the window of each face is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np

from engines.errors import UsageError
from engines.spec import BACKGROUND, ModelSpec
from realtime.faces.probabilities import occlusion, visible_face
from realtime.frames.crop import NO_WINDOW, Window
from realtime.frames.planes import copies, drawable, edited, fitting, in_planes, place
from realtime.frames.types import U8, Frame, ParsedFace, Render
from realtime.render.draw_parts import parts_overlay
from realtime.render.matte import Matte, crisp, face_window, faded, is_shown, likeliest, matte_of
from realtime.render.palette import FACE_RGB, OCCLUSION_RGB

_OVERLAY_OPACITY = 0.5
_BLUR_CELLS = 8  # across a face: too few to know it by
_BLUR_MARGIN_PX = 2  # of the crop: what hides a face must not end on its edge


def render(frame: Frame, faces: Sequence[ParsedFace], kind: Render, spec: ModelSpec) -> Frame:
    """The frame as it is to be shown or written, with the same size, time and colour.

    Args:
        frame: any layout; it stays untouched. `rgba` and `gray` frames are drawn on as `rgb`.
        faces: of this frame. Where two overlap, the likelier label wins.
        kind: `overlay`: face and occlusion tinted, or each part in its colour, with a legend; `cutout`: the visible
            face on black; `blur`: the visible face made unrecognisable; `labels`: a `gray` frame of label ids, 0 where
            no face is; `alpha`: the frame with the visible face as its matte (`rgba`, or `yuv420p` with
            `Frame.alpha`). Hair is no part of the visible face, ears are.
        spec: of the model that parsed the faces.
    """
    if kind not in _KINDS:
        raise UsageError(f"render {kind!r} is unknown; expected one of {', '.join(_KINDS)}")
    windows = [face_window(face, frame.size_wh) for face in faces]
    shown = [(face, window) for face, window in zip(faces, windows, strict=True) if window != NO_WINDOW]
    frame = frame if kind == "labels" else drawable(frame)
    return _KINDS[kind](frame, [face for face, _ in shown], [window for _, window in shown], spec)


def _overlay(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    if "face" not in spec.labels:
        return parts_overlay(frame, faces, windows, spec, _OVERLAY_OPACITY)
    if not faces:
        return frame
    face = _visible_face_matte(faces, windows, spec)
    tints = [(face, FACE_RGB)]
    if any(is_shown(occlusion(parsed.probabilities, spec)) for parsed in faces):
        covering = crisp(matte_of(faces, windows, lambda parsed: occlusion(parsed.probabilities, spec)))
        # One face's occluder may be the other's face: the face is shown.
        covering = Matte(covering.window, cv2.min(covering.values, cv2.bitwise_not(face.values)))
        tints.append((covering, OCCLUSION_RGB))
    coloured = [(faded(matte, _OVERLAY_OPACITY), in_planes(frame, rgb)) for matte, rgb in tints]
    return edited(frame, copies(frame), windows, partial(_tinted, coloured))


def _cutout(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    black = in_planes(frame, (0, 0, 0))
    planes = tuple(np.full_like(plane, value) for plane, value in zip(frame.planes, black, strict=False))
    if not faces:
        return frame.with_planes(planes, frame.layout)
    face = _visible_face_matte(faces, windows, spec)
    hidden = Matte(face.window, cv2.bitwise_not(face.values))
    return edited(frame, planes, windows, partial(_tinted, [(hidden, black)]))


def _blur(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    if not faces:
        return frame
    reach = np.ones((2 * _BLUR_MARGIN_PX + 1,) * 2, np.uint8)
    matte = crisp(matte_of(faces, windows, lambda parsed: cv2.dilate(visible_face(parsed.probabilities, spec), reach)))
    return edited(frame, copies(frame), windows, partial(_blurred, matte))


def _alpha(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    alpha = np.zeros(frame.planes[0].shape[:2], np.uint8)
    if faces:
        matte = _visible_face_matte(faces, windows, spec)
        for window in windows:
            target = place(alpha, window)
            target[:] = fitting(matte.at(window), target)
    if frame.layout == "yuv420p":
        return frame.with_planes(frame.planes, "yuv420p", alpha)
    return frame.with_planes((np.dstack([frame.planes[0], alpha]),), "rgba")


def _labels(frame: Frame, faces: Sequence[ParsedFace], windows: Sequence[Window], spec: ModelSpec) -> Frame:
    ids = np.zeros(frame.planes[0].shape[:2], np.uint8)
    if faces:
        found = likeliest(faces, windows, background=True)
        found = Matte(found.window, cv2.LUT(found.values, _written_ids(spec)))
        for window in windows:
            target = place(ids, window)
            target[:] = fitting(found.at(window), target)
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


def _tinted(tints: Sequence[tuple[Matte, tuple[int, ...]]], planes: list[U8], window: Window) -> list[U8]:
    """Each plane of a window, mixed with one colour per matte. The mattes add up to 255 at most."""
    mixed = []
    for index, plane in enumerate(planes):
        mattes = [fitting(matte.at(window), plane) for matte, _ in tints]
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
        hidden = fitting(matte.at(window), plane)
        cells = cv2.resize(plane, cells_wh, interpolation=cv2.INTER_AREA)
        coarse = cv2.resize(cells, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
        kept = cv2.multiply(plane, cv2.bitwise_not(hidden), scale=1 / 255)
        mixed.append(cv2.add(kept, cv2.multiply(coarse, hidden, scale=1 / 255)))
    return mixed


def _written_ids(spec: ModelSpec) -> U8:
    """(256,) uint8: the id that is written for each label. Beside parts, occlusion is background, as in training."""
    ids = np.arange(256, dtype=np.uint8)
    if "occlusion" in spec.labels and "face" not in spec.labels:
        ids[spec.labels.index("occlusion")] = BACKGROUND
    return ids
