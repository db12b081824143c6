"""The interface of a teacher, what it gets and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from realtime.frames.types import U8
from train.heads.landmarks import Points


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture with one detected face."""

    name: str
    """The picture's path below the input folder, without suffix."""
    rgb: U8
    """(H, W, 3) uint8"""
    landmarks: Points
    """(478, 3) float32 FaceMesh vertices, in pixels."""
    full: U8
    """(H, W) uint8: f of equation 1, 1 inside the contour of the full face."""


@dataclass(frozen=True, eq=False)
class VisibleFace:
    """The visible part of a face, as a teacher sees it."""

    mask: U8
    """(H, W) uint8: f_occ of equation 1, 1 on the visible face."""
    occlusion: U8 | None = None
    """(H, W) uint8: 1 where the teacher sees something in front of the face. None if the teacher does not detect
    occlusions; then everything inside the contour but outside `mask` counts as occlusion."""


class Unusable(Exception):
    """A face that cannot be labelled; the message is the reason that `skipped.txt` gives."""


class Teacher(Protocol):
    """A source of f_occ, the visible part of the face. One per process; it need not be thread-safe."""

    @property
    def max_occluded_share(self) -> float:
        """Share of the full face, 0..1. A face that is occluded more than that is skipped as unreliable."""

    def visible_face(self, portrait: Portrait) -> VisibleFace:
        """Find the visible part of a face.

        Raises:
            Unusable: the teacher cannot label this face.
            DataError: the teacher's own files are missing or wrong.
        """

    def provenance(self) -> dict[str, Any]:
        """JSON-ready: which teacher, with the hashes of its models."""
