"""What every teacher of the visible face looks at and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from realtime.frames.types import U8
from train.heads.landmarks import Points


@dataclass(frozen=True, eq=False)
class Portrait:
    """One face of a picture, found and outlined."""

    name: str
    """The picture's path below the input folder, without a suffix."""
    rgb: U8
    """(H, W, 3)"""
    landmarks: Points
    """(478, 3) float32: FaceMesh's, in pixels."""
    full: U8
    """(H, W) uint8: f of equation 1, 1 inside the full-face contour."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A teacher's answer."""

    visible: U8
    """(H, W) uint8: f_occ of equation 1, 1 where the face is visible."""
    occlusion: U8 | None = None
    """(H, W) uint8: 1 where the teacher itself sees something before the face; None where it cannot tell, and what the
    contour holds beyond `visible` is taken for occlusion."""


class Unusable(Exception):
    """This face cannot be labelled; the message is the reason that `skipped.txt` gives."""


class Teacher(Protocol):
    """A source of f_occ, the visible part of the face. One per process; need not be safe to share."""

    @property
    def most_covered(self) -> float:
        """Share of the full face, 0..1: a face with more occlusion is left out as too uncertain."""

    def visible(self, portrait: Portrait) -> Seen:
        """What is visible of a face.

        Raises:
            Unusable: not this one.
            DataError: the teacher's own files are missing or wrong.
        """

    def provenance(self) -> dict[str, Any]:
        """JSON-ready: which teacher, with the hashes of its models."""
