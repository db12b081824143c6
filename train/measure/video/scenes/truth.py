"""What is in a frame, and what the loop showed there."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.frames.types import U16, LabelIds, Mask
from train.measure.video.scenes.sprites import Box


@dataclass(frozen=True)
class FaceTruth:
    """A face of one frame, whether it can be seen or not."""

    face_id: int
    box_xyxy: Box
    """The upright box around the full face in pixels; it may lie outside the frame."""
    visible_share: float
    """How much of the face is in the frame and not covered, 0..1."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The ground truth of one frame."""

    ids: Mask
    """(H, W) uint8: the id of the visible face at each pixel; 0 where there is none."""
    faces: tuple[FaceTruth, ...]


@dataclass(frozen=True, eq=False)
class Observed:
    """What the loop showed in one frame."""

    labels: LabelIds
    """(H, W) uint8: 0 background, 1 face, 2 occlusion."""
    tracks: U16
    """(H, W): the number of the track that each pixel of a face or an occlusion belongs to, from 1; else 0."""
