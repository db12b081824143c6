"""A parsed face in the pixels of its frame: what the Python interface returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from engines.errors import UsageError
from engines.spec import ModelSpec
from realtime.faces.probabilities import confidence, full_face_box
from realtime.frames.crop import NO_WINDOW, box_on_frame
from realtime.frames.planes import fitting, place
from realtime.frames.types import Frame, LabelIds, ParsedFace
from realtime.render.matte import face_window, likeliest

_NOT_THE_FACE = ("background", "hair", "occlusion")


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture. All coordinates and masks are in the picture's own pixels."""

    box_xyxy: tuple[float, float, float, float]
    """Left, top, right and bottom of the full face: from the hairline to the chin, from cheek to cheek. It may reach
    beyond the picture."""
    confidence: float
    """The parser's confidence that this is a face, 0..1."""
    track_id: int
    """From 0; the same face of a video keeps it."""
    label_names: tuple[str, ...]
    """What the class ids stand for: `label_names[1]` is the name of class 1."""
    _parsed: ParsedFace = field(repr=False)
    _size_wh: tuple[int, int] = field(repr=False)

    @cached_property
    def labels(self) -> LabelIds:
        """(H, W) uint8: the class id of each pixel, 0 where this face is not."""
        width, height = self._size_wh
        ids = np.zeros((height, width), np.uint8)
        window = face_window(self._parsed, self._size_wh)
        if window != NO_WINDOW:
            target = place(ids, window)
            target[:] = fitting(likeliest([self._parsed], [window], background=True).at(window), target)
        return ids

    def mask(self, label: str) -> npt.NDArray[np.bool_]:
        """(H, W) bool: where one label is.

        Args:
            label: one of `label_names`. "face" works with every model: it is the visible face without hair.
        """
        if label in self.label_names:
            return self.labels == self.label_names.index(label)
        if label != "face":
            raise UsageError(f"label {label!r} is unknown; expected face, or one of {', '.join(self.label_names)}")
        return ~np.isin(self.labels, [i for i, name in enumerate(self.label_names) if name in _NOT_THE_FACE])


def faces_on_frame(parsed: Sequence[ParsedFace], frame: Frame, spec: ModelSpec) -> list[Face]:
    """The parsed faces of a frame, in its pixels and in their order."""
    return [
        Face(
            _box_xyxy(face, spec),
            confidence(face.probabilities, spec),
            face.track_id,
            spec.labels,
            face,
            frame.size_wh,
        )
        for face in parsed
    ]


def _box_xyxy(face: ParsedFace, spec: ModelSpec) -> tuple[float, float, float, float]:
    """The upright box in the picture; of a turned face, the one that holds its own."""
    in_crop = full_face_box(face.probabilities, spec)
    if in_crop is None:
        return face.region.box_xyxy
    return box_on_frame(in_crop, face.region, spec.size_px)
