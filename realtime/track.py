"""Follows faces from frame to frame. The next frame's region comes from the parser's own mask: face and occlusion
together are the whole face, so a hand over the mouth neither shrinks the region nor loses it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from engines.spec import ModelSpec
from realtime.crop import region_from_box
from realtime.detect import DetectsFaces
from realtime.probabilities import full_face, visible_face
from realtime.types import U8, Detection, Frame, ParsedFace, Region

# The full-face box from the moments of its mask: half its width and height are 1.9 standard deviations (measured on the
# face ovals of 233 portraits: 1.89 +- 0.05 and 1.90 +- 0.02). Moments use every pixel: they jitter less than edges.
_HALF_BOX_PER_STD = 1.9
_CENTRE_BELOW_MEAN_PER_STD = 0.076

_LEAST_FACE = 0.03  # of the crop's area; a whole face covers 0.27 of a crop of scale 1.5
# A printed skull is found now and then, with a score of 0.50-0.58, and parsed with a mean certainty of 0.67-0.75; of
# faces that something covers 98 % have a certainty above 0.82. So a doubtful detection must convince the parser.
_DOUBTFUL_SCORE = 0.65
_LEAST_CERTAINTY = 0.78
_PATIENCE_FRAMES = 30  # a face that is turned away or wholly covered for a second keeps its place and its number
_FACE_ASPECT = 0.72  # width of the full-face box over its height, the median of the same portraits
_SAME_FACE = 0.5  # of the smaller box's area lies in the larger one; boxes of faces cheek to cheek hardly overlap
_STAND_STILL = 0.02  # of the side: smaller movements of the centre leave the region as it is
_KEEP_SIZE = 0.04  # likewise for its size
_MOST_GROWTH = 0.10  # of the side in one frame
# The mask decides the region and the region the mask, so an error could feed on itself. The detector, which looks at
# the whole frame, holds it: a region that differs from a detection by more than this is put back, ...
_MOST_OFF_CENTRE = 0.2  # of the side
_MOST_OFF_SIZE = 1.4  # either way
_MOST_DRIFT = 1.6  # ... and between detections its size cannot change by more than this factor


@dataclass(frozen=True)
class TrackedRegion:
    """Where to look for a face that is being followed."""

    track_id: int
    """From 0; never used again for another face."""
    region: Region


@dataclass(frozen=True)
class _Track:
    track_id: int
    region: Region
    detected_side: float
    """Side of the region as the detector saw it last."""
    doubtful: bool = False
    """Whether the detector was not sure of it."""
    seen: bool = False
    """Whether the parser has ever found a face there."""
    misses: int = 0
    """Frames in a row in which the parser found too little of a face."""


class Tracker:
    """Follows the faces of one video. For each frame: `regions`, parse them, `update`.

    It detects where nothing is tracked and while a tracked face is missing, in every frame: the two networks cost about
    as much as parsing one face, so that a video without faces is no slower than one with a face. Otherwise it looks for
    new faces every `redetect_every` frames.

    Args:
        detector: what finds faces.
        spec: the parser's model.
        redetect_every: frames between two searches for new faces.
        max_faces: how many faces are followed at most; those found first stay.
    """

    def __init__(self, detector: DetectsFaces, spec: ModelSpec, redetect_every: int = 15, max_faces: int = 8) -> None:
        self._detector = detector
        self._spec = spec
        self._redetect_every = redetect_every
        self._max_faces = max_faces
        self._tracks: list[_Track] = []
        self._next_id = 0
        self._frames_since_detection = 0

    def regions(self, frame: Frame) -> list[TrackedRegion]:
        """Where the faces of this frame should be, in the order in which they were found."""
        self._frames_since_detection += 1
        if self._detection_is_due():
            self._frames_since_detection = 0
            self._match(self._detector.detect(frame))
        return [TrackedRegion(track.track_id, track.region) for track in self._tracks]

    def update(self, faces: Sequence[ParsedFace]) -> list[ParsedFace]:
        """Learn from the parser where the faces are, and forget those that are gone.

        Args:
            faces: what was parsed in the regions that `regions` gave last.

        Returns:
            The faces worth showing: those in which the parser has found a face, now or before.
        """
        parsed = {face.track_id: face for face in faces}
        tracks = [_follow(track, parsed[track.track_id], self._spec) for track in self._tracks]
        alive = (track for track in tracks if track.seen and track.misses <= _PATIENCE_FRAMES)
        self._tracks = _without_doubles(alive, self._spec.crop_scale)
        return [parsed[track.track_id] for track in self._tracks]

    def _detection_is_due(self) -> bool:
        missing = any(track.misses for track in self._tracks)
        return not self._tracks or missing or self._frames_since_detection >= self._redetect_every

    def _match(self, detections: Sequence[Detection]) -> None:
        """Give each detection to the track that it overlaps most, or make a new one of it."""
        free = list(range(len(self._tracks)))
        for detection in detections:
            region = region_from_box(detection.box_xyxy, self._spec.crop_scale)
            overlaps = {index: self._likeness(self._tracks[index], region) for index in free}
            best = max(overlaps, key=overlaps.__getitem__, default=None)
            if best is not None and overlaps[best] > _SAME_FACE:
                free.remove(best)
                self._tracks[best] = _confirmed(self._tracks[best], region)
            elif len(self._tracks) < self._max_faces:
                doubtful = detection.score < _DOUBTFUL_SCORE
                self._tracks.append(_Track(self._next_id, region, region.side, doubtful))
                self._next_id += 1

    def _likeness(self, track: _Track, region: Region) -> float:
        # A face that is missing has moved: what lies in the crop where it was last seen may be it.
        return _overlap(region, track.region, 1.0 if track.misses else self._spec.crop_scale)


def full_face_box(probabilities: U8, spec: ModelSpec) -> tuple[float, float, float, float] | None:
    """The full-face box in a parsed crop: the largest piece of face and occlusion (for parts: of everything but hair).

    Args:
        probabilities: (S, S, K) uint8.

    Returns:
        (left, top, right, bottom) in pixels of the crop, which may stick out of it; None where there is no face.
    """
    likely = full_face(probabilities, spec)
    _, solid = cv2.threshold(likely, 127, 255, cv2.THRESH_BINARY)
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(solid, connectivity=8, ltype=cv2.CV_16U)
    if len(statistics) < 2:
        return None
    largest = 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    moments = cv2.moments(np.where(pieces == largest, likely, np.uint8(0)))
    mass = moments["m00"]
    std_x, std_y = (math.sqrt(moments[name] / mass + 1 / 12) for name in ("mu20", "mu02"))
    centre_x = moments["m10"] / mass + 0.5
    centre_y = moments["m01"] / mass + 0.5 + _CENTRE_BELOW_MEAN_PER_STD * std_y
    half_width, half_height = _HALF_BOX_PER_STD * std_x, _HALF_BOX_PER_STD * std_y
    return centre_x - half_width, centre_y - half_height, centre_x + half_width, centre_y + half_height


def visible_share(probabilities: U8, spec: ModelSpec) -> float:
    """The share of a parsed crop's area that shows a face which nothing covers, 0..1."""
    return cv2.mean(visible_face(probabilities, spec))[0] / 255


def certainty(probabilities: U8, spec: ModelSpec) -> float:
    """How sure the parser is where it sees the full face: the mean of the likeliest label's probability, 0..1."""
    inside = full_face(probabilities, spec) > 127
    return float(probabilities[inside].max(axis=1).mean()) / 255 if inside.any() else 0.0


def _confirmed(track: _Track, detected: Region) -> _Track:
    """The track after the detector has found its face. A sound track knows its place better than the detector does."""
    off_centre = math.dist(
        (track.region.centre_x, track.region.centre_y), (detected.centre_x, detected.centre_y)
    ) / min(track.region.side, detected.side)
    off_size = max(track.region.side / detected.side, detected.side / track.region.side)
    lost = track.misses or off_centre > _MOST_OFF_CENTRE or off_size > _MOST_OFF_SIZE
    return replace(track, region=detected if lost else track.region, detected_side=detected.side)


def _follow(track: _Track, face: ParsedFace, spec: ModelSpec) -> _Track:
    """The track after its face was parsed. Where too little of a face is left, the region waits for it."""
    box = full_face_box(face.probabilities, spec)
    if box is None or visible_share(face.probabilities, spec) < _LEAST_FACE:
        return replace(track, misses=track.misses + 1)
    if track.doubtful and not track.seen and certainty(face.probabilities, spec) < _LEAST_CERTAINTY:
        return track
    return replace(track, region=_moved(track, box, spec), seen=True, misses=0)


def _moved(track: _Track, box_in_crop: tuple[float, float, float, float], spec: ModelSpec) -> Region:
    """The region around the face that was found in it.

    A face that holds still keeps its region to the last bit: the network then sees the same pixels twice, and the
    smoother has nothing to warp.
    """
    region = track.region
    scale = region.side / spec.size_px
    left, top, _, _ = region.box_xyxy
    target = region_from_box([value * scale for value in box_in_crop], spec.crop_scale)
    centre_x, centre_y = left + target.centre_x, top + target.centre_y
    if math.dist((centre_x, centre_y), (region.centre_x, region.centre_y)) < _STAND_STILL * region.side:
        centre_x, centre_y = region.centre_x, region.centre_y
    side = region.side
    if abs(target.side / side - 1) > _KEEP_SIZE:
        side = _clamped(target.side, side, 1 + _MOST_GROWTH)
    return Region(centre_x, centre_y, _clamped(side, track.detected_side, _MOST_DRIFT))


def _clamped(value: float, around: float, factor: float) -> float:
    return min(max(value, around / factor), around * factor)


def _without_doubles(tracks: Iterable[_Track], crop_scale: float) -> list[_Track]:
    """Where two tracks have come to follow one face, the older one stays."""
    kept: list[_Track] = []
    for track in tracks:
        if all(_overlap(track.region, other.region, crop_scale) < _SAME_FACE for other in kept):
            kept.append(track)
    return kept


def _overlap(one: Region, other: Region, crop_scale: float) -> float:
    """The share of the smaller face's box that lies in the larger one's, 0..1.

    Unlike IoU it notices one inside the other.
    """
    height, other_height = one.side / crop_scale, other.side / crop_scale
    wide = _common(one.centre_x, height * _FACE_ASPECT, other.centre_x, other_height * _FACE_ASPECT)
    return wide * _common(one.centre_y, height, other.centre_y, other_height)


def _common(centre: float, length: float, other_centre: float, other_length: float) -> float:
    """The share of the shorter of two intervals that lies in the other one."""
    common = min(centre + length / 2, other_centre + other_length / 2) - max(
        centre - length / 2, other_centre - other_length / 2
    )
    return max(0.0, common) / min(length, other_length)
