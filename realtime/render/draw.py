"""Draws parsed faces on a frame, in the frame's own planes. Only the window of each face is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import cv2
import numpy as np

from engines.spec import BACKGROUND, ModelSpec
from realtime.faces.cover import cover_of, surely_occlusion
from realtime.faces.probabilities import occlusion, visible_face
from realtime.frames.crop import NO_WINDOW, Window
from realtime.frames.planes import copies, drawable, edited, fitting, in_planes, place, planes_in
from realtime.frames.types import U8, Frame, ParsedFace, Probabilities
from realtime.render.background import PlainColour
from realtime.render.cells import Spared, pixelated
from realtime.render.look import VISIBLE_FACE, Look
from realtime.render.matte import Matte, crisp, face_window, faded, is_shown, likeliest, matte_of
from realtime.render.palette import palette
from realtime.render.registry import find_renderer

_BLACK = PlainColour((0, 0, 0))


def render(frame: Frame, faces: Sequence[ParsedFace], look: Look, spec: ModelSpec) -> Frame:
    """The frame as it is to be shown or written, with the same size, time and colour.

    Args:
        frame: any layout; it stays unmodified. `rgba` and `gray` frames are drawn on as `rgb`.
        faces: the faces of this frame. Where two overlap, the likelier label wins.
        look: how they are drawn.
        spec: the spec of the model that parsed the faces.
    """
    return find_renderer(look.render).draw(Scene(drawable(frame), faces, spec, look.fitted(spec)))


@dataclass(frozen=True)
class Scene:
    """A frame with its faces, and what a renderer can do with them.

    Mattes and drawings of faces need at least one face.
    """

    original: Frame
    """`rgb` or `yuv420p`, as it came. Its planes must not be written to."""
    all_faces: Sequence[ParsedFace]
    """The faces of the frame, also those of which no label would be drawn."""
    spec: ModelSpec
    """The spec of the model that parsed the faces."""
    look: Look = field(default_factory=Look)
    """Only what the model and the renderer can do."""

    @cached_property
    def frame(self) -> Frame:
        """The frame to draw on: the original, with another background behind the faces if one was chosen."""
        if self.look.background is None:
            return self.original
        return self.on_background(self._kept()) if self.faces else self.behind

    @cached_property
    def behind(self) -> Frame:
        """The background alone: black if none was chosen."""
        return (self.look.background or _BLACK).behind(self.original)

    @property
    def faces(self) -> Sequence[ParsedFace]:
        """The faces of which labels are drawn."""
        return [face for face, _ in self._shown]

    @property
    def windows(self) -> Sequence[Window]:
        """The part of the frame that each of `faces` may touch, in the same order."""
        return [window for _, window in self._shown]

    @cached_property
    def _shown(self) -> list[tuple[ParsedFace, Window]]:
        windows = [(face, face_window(face, self.original.size_wh)) for face in self.all_faces]
        return [(face, window) for face, window in windows if window != NO_WINDOW]

    def visible_face(self) -> Matte:
        """The face that nothing covers, with ears and without hair."""
        return crisp(matte_of(self.faces, self.windows, lambda face: visible_face(face.probabilities, self.spec)))

    def kept_face(self) -> Matte:
        """The visible face, together with what lies on it if that is to be kept."""
        if not self.look.keep_occluders:
            return self.visible_face()
        return crisp(matte_of(self.faces, self.windows, self._face_and_occlusion))

    def chosen_label(self) -> Matte:
        """The matte of `Look.label`."""
        if self.look.label == VISIBLE_FACE:
            return self.visible_face()
        index = self.spec.labels.index(self.look.label)
        return crisp(
            matte_of(self.faces, self.windows, lambda face: np.ascontiguousarray(face.probabilities[:, :, index]))
        )

    @property
    def has_occlusion(self) -> bool:
        """True if something visibly covers a face."""
        return any(is_shown(occlusion(face.probabilities, self.spec)) for face in self.faces)

    def occlusion(self) -> Matte:
        """What covers the faces."""
        return crisp(matte_of(self.faces, self.windows, lambda face: occlusion(face.probabilities, self.spec)))

    def tinted(self, tints: Mapping[str, Matte]) -> Frame:
        """The frame with mattes in the colours of labels, in the opacity of the look.

        Args:
            tints: a matte for each label's name. The mattes of one pixel add up to 255 at most.
        """
        if not tints:
            return self.frame
        colours = palette(self.spec.labels)
        mixed = [
            (faded(matte, self.look.opacity), in_planes(self.frame, _as_rgb(colours[self.spec.labels.index(label)])))
            for label, matte in tints.items()
        ]
        return edited(self.frame, copies(self.frame), self.windows, partial(_tinted, mixed))

    def on_background(self, matte: Matte) -> Frame:
        """What a matte covers of the original, on the background alone."""
        return edited(self.original, copies(self.behind), self.windows, partial(_mixed, matte, self.behind))

    def pixelated(self) -> Frame:
        """The frame with each whole face under coarse cells."""
        if not self.all_faces:
            return self.frame
        spared = [
            Spared(surely_occlusion(face, self.spec), face.region) if self.look.keep_occluders else None
            for face in self.all_faces
        ]
        return pixelated(self.frame, [cover_of(face, self.spec) for face in self.all_faces], spared)

    def with_alpha(self, matte: Matte | None) -> Frame:
        """The frame with a matte as its transparency; None: wholly transparent."""
        alpha = self._plane_of(matte)
        if self.frame.layout == "yuv420p":
            return self.frame.with_planes(self.frame.planes, "yuv420p", alpha)
        return self.frame.with_planes((np.dstack([self.frame.planes[0], alpha]),), "rgba")

    def label_ids(self) -> Frame:
        """A `gray` frame of label ids; 0 where no face is.

        Occlusion is background for a model that also knows parts, as in training.
        """
        if not self.faces:
            return self.frame.with_planes((self._plane_of(None),), "gray")
        found = likeliest(self.faces, self.windows, background=True)
        ids = np.arange(256, dtype=np.uint8)
        if "occlusion" in self.spec.labels and "face" not in self.spec.labels:
            ids[self.spec.labels.index("occlusion")] = BACKGROUND
        return self.frame.with_planes((self._plane_of(Matte(found.window, cv2.LUT(found.values, ids))),), "gray")

    def _plane_of(self, matte: Matte | None) -> U8:
        """(H, W) uint8: a matte in the faces' windows, and 0 elsewhere."""
        plane = np.zeros(self.frame.planes[0].shape[:2], np.uint8)
        for window in self.windows if matte else ():
            assert matte is not None
            target = place(plane, window)
            target[:] = fitting(matte.at(window), target)
        return plane

    def _kept(self) -> Matte:
        """What stays visible before another background: all that the model labels, without what lies on a face unless
        it is to be kept."""
        return crisp(matte_of(self.faces, self.windows, self._foreground))

    def _face_and_occlusion(self, face: ParsedFace) -> Probabilities:
        covering = occlusion(face.probabilities, self.spec)
        return np.asarray(cv2.add(visible_face(face.probabilities, self.spec), covering), np.uint8)

    def _foreground(self, face: ParsedFace) -> Probabilities:
        labelled = cv2.bitwise_not(cv2.extractChannel(face.probabilities, BACKGROUND))
        if self.look.keep_occluders:
            return np.asarray(labelled, np.uint8)
        return np.asarray(cv2.subtract(labelled, occlusion(face.probabilities, self.spec)), np.uint8)


def _as_rgb(colour: U8) -> tuple[int, int, int]:
    red, green, blue = colour.tolist()
    return red, green, blue


def _mixed(matte: Matte, behind: Frame, planes: list[U8], window: Window) -> list[U8]:
    """Each plane of a window where the matte covers it, and the background elsewhere."""
    mixed = []
    for plane, other in zip(planes, planes_in(behind, window), strict=True):
        shown = fitting(matte.at(window), plane)
        kept = cv2.multiply(plane, shown, scale=1 / 255)
        mixed.append(cv2.add(kept, cv2.multiply(other, cv2.bitwise_not(shown), scale=1 / 255)))
    return mixed


def _tinted(tints: Sequence[tuple[Matte, tuple[int, ...]]], planes: list[U8], window: Window) -> list[U8]:
    """Each plane of a window, mixed with one colour for each matte. The mattes add up to 255 at most."""
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
