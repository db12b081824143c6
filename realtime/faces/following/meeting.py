"""Faces that meet: what one track makes of two faces is told apart again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from engines.spec import BACKGROUND, ModelSpec
from realtime.faces.following.looks import LookOf, likeness
from realtime.faces.following.overlap import FACE_ASPECT, SAME_FACE, Box, overlap, steps_apart
from realtime.faces.following.track import Track
from realtime.frames.types import ParsedFace, Region

_ROOM_TO_MOVE = 0.1  # of the face's height, around where it should be: what lies beyond is not the face


def is_beside(track: Track, others: Iterable[Region]) -> bool:
    """Whether another face reaches into the crop of a track's region."""
    return any(overlap(track.region, other, crop_scale=1) for other in others)


def own_part(face: ParsedFace, track: Track, spec: ModelSpec) -> ParsedFace:
    """A parsed face without what belongs to another one beside it.

    The network often takes two faces that touch for one. Then the mask covers both, and the region grows until it
    holds both.

    Args:
        track: as it was before the face was parsed. The first parse of a face shows where it is: all of it counts.
    """
    if track.parsed_frames == 0:
        return face
    left, top, right, bottom = (min(max(0, round(edge)), spec.size_px) for edge in _expected_box(track, spec))
    probabilities = np.zeros_like(face.probabilities)
    probabilities[:, :, BACKGROUND] = 255
    probabilities[top:bottom, left:right] = face.probabilities[top:bottom, left:right]
    return replace(face, probabilities=probabilities)


def _expected_box(track: Track, spec: ModelSpec) -> Box:
    """Where a track's face can be in the crop of its region, in pixels of it."""
    scale = spec.size_px / track.region.side
    cos, sin = track.region.cos_sin
    dx, dy = (track.motion.dx, track.motion.dy) if track.motion else (0.0, 0.0)
    x, y = spec.size_px / 2 + (cos * dx + sin * dy) * scale, spec.size_px / 2 + (cos * dy - sin * dx) * scale
    height = spec.size_px / spec.crop_scale
    half_width, half_height = (FACE_ASPECT / 2 + _ROOM_TO_MOVE) * height, (1 / 2 + _ROOM_TO_MOVE) * height
    return x - half_width, y - half_height, x + half_width, y + half_height


def one_track_per_face(
    before: Mapping[int, Track], after: Iterable[Track], look_of: LookOf, crop_scale: float
) -> list[Track]:
    """The tracks, of which no two follow the same face.

    Where two meet on one face, it belongs to the one that went on as before and knows its look. The other one waits
    where its own face should be, and so does one that has only just found its face again. A new track has no face of
    its own: it ends.

    Args:
        before: the tracks as they were before this frame was parsed, by their numbers.
        after: as they are now.
    """
    kept: list[Track] = []
    for track in after:
        for index, other in enumerate(kept):
            if track.waiting or other.waiting or overlap(track.region, other.region, crop_scale) < SAME_FACE:
                continue
            if not before[track.track_id].seen:
                break
            misfits = [_misfit(before[each.track_id], each, look_of, crop_scale) for each in (other, track)]
            if misfits[0] > misfits[1]:
                kept[index] = before[other.track_id].stepped_back()
            else:
                track = before[track.track_id].stepped_back()
        else:
            kept.append(track)
    return kept


def _misfit(before: Track, after: Track, look_of: LookOf, crop_scale: float) -> float:
    if before.missed_frames:
        return math.inf
    jump = steps_apart(before.expected, after.region, crop_scale)
    unlike = 0.0 if before.look is None else 1 - likeness(look_of(after.region), before.look)
    return jump + unlike
