"""Follows faces from frame to frame. The next frame's region comes from the parser's own mask: face and occlusion
together are the whole face, so a hand over the mouth neither shrinks the region nor loses it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engines.closing import Closing
from engines.spec import ModelSpec
from engines.zoo import WITH_CONSENSUS
from realtime.crop import aligned, region_from_box
from realtime.detect import DetectsFaces
from realtime.face_box import certainty, full_face_box, visible_share
from realtime.search import Search
from realtime.types import Detection, Frame, ParsedFace, Region

_LEAST_FACE = 0.0675  # of the square on the face's box; a whole face covers 0.6 of it
# A printed skull is found now and then, with a score of 0.50-0.59. So a doubtful detection must convince the parser.
_DOUBTFUL_SCORE = 0.65
# Networks differ in how certain they are. `consensus-lite` parsed a skull on a shirt (79 framings) with 0.75 in the
# median and 0.84 at most, half-covered faces that the detector doubts with 0.91 in the median and 0.81 at the least.
# The others' certainties overlap (`parts`: 0.76 and 0.81 in the median): what is lost there is asked about again.
_LEAST_CERTAINTY = {"consensus-lite": 0.83, "parts": 0.80, "parts-depth, estimated": 0.80}
_LEAST_CERTAINTY_OF_OTHERS = 0.78
# Others must not be plain nonsense: an elbow scored 0.66 and had 0.52-0.59. Nine in ten faces in the dark have 0.70.
_SURE_SCORE = 0.9
_LEAST_CERTAINTY_LIKELY = 0.60
# What scores too little for a face is asked about where nothing else is found, if the network can tell: of 960 such
# things and bodies none had 0.88, of half-covered faces four in five do (`consensus-lite`). To `parts` an elbow may be.
_LEAST_CERTAINTY_FAINT = {"consensus-lite": 0.88, "consensus": 0.88}
# What a tile shows must convince it always, and more so where it is doubtful: of 240 objects and hands 22 had 0.40-0.75
# in tiles. Faces of 40 to 80 px were parsed with 0.89 or more by `consensus-lite`.
_MORE_CERTAINTY_SMALL = 0.05
# Until a search is sure of it, it must go on convincing: a skull is luckier in one frame than in the next.
_LESS_CERTAINTY_LATER = 0.03
_MOST_DOUBTS = 2  # frames in a row
_PATIENCE_FRAMES = 30  # a face that is turned away or wholly covered for a second keeps its place and its number
_FACE_ASPECT = 0.72  # width of the full-face box over its height, the median of the same portraits
_SAME_FACE = 0.5  # of the smaller box's area lies in the larger one; boxes of faces cheek to cheek hardly overlap
_STAND_STILL = 0.02  # of the side: smaller movements of the centre leave the region as it is
_KEEP_SIZE = 0.04  # likewise for its size
_MOST_GROWTH = 0.10  # of the side in one frame
_MOST_GROWTH_AT_FIRST = 0.40
_ELSEWHERE = 0.06  # of the side: a new face whose region is off by more, in place or size, is parsed once more
# The mask decides the region and the region the mask, so an error could feed on itself. The detector, which looks at
# the whole frame, holds it: a region that differs from a detection by more than this is put back, ...
_MOST_OFF_CENTRE = 0.3  # of the face's height
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
    least_certainty: float = 0.0
    """How sure the parser must be to take it for a face; 0 where the detector is sure of it."""
    doubts: int = 0
    """Frames in a row in which the parser was not sure of it any more."""
    seen: bool = False
    """Whether the parser has found a face there, and has not come to doubt it."""
    looks: int = 0
    """How often the parser has looked at it."""
    misses: int = 0
    """Frames in a row in which the parser found too little of a face."""


class Tracker(Closing):
    """Follows the faces of one video. For each frame: `regions`, parse them, `update`.

    It searches every frame where nothing is followed or a face is missing, which takes as long as parsing two or three
    faces. Otherwise it looks for new faces every `redetect_every` frames, beside the parser: those are followed from
    the next frame on (`Search`).

    Small faces, which only show in tiles of the frame, are all found in the first frame, which may be the only one.
    Later a few tiles a frame have their turn, unless nothing moved in them.

    Args:
        detector: what finds faces.
        spec: the parser's model.
        redetect_every: frames between two searches for new faces; with 1 no tile is left out, either.
        max_faces: how many faces are followed at most; those found first stay.
    """

    def __init__(self, detector: DetectsFaces, spec: ModelSpec, redetect_every: int = 15, max_faces: int = 8) -> None:
        self._spec = spec
        self._max_faces = max_faces
        self._tracks: list[_Track] = []
        self._next_id = 0
        self._parsed: dict[int, ParsedFace] = {}
        self._search = Search(detector, redetect_every, max_faces)

    def regions(self, frame: Frame) -> list[TrackedRegion]:
        """Where the faces of this frame should be, in the order in which they were found."""
        urgent = not self._tracks or any(track.misses for track in self._tracks)
        faint = not self._tracks and _base_name(self._spec) in _LEAST_CERTAINTY_FAINT
        for found in self._search.look(frame, urgent=urgent, faint=faint):
            self._match(found.large)
            self._match([detection for detection in found.small if self._is_whole_face(detection)], small=True)
            self._match(found.faint if not self._tracks else ())
        self._parsed.clear()
        return [TrackedRegion(track.track_id, track.region) for track in self._tracks]

    def misplaced(self) -> list[TrackedRegion]:
        """Where to look once more in this frame, and `update` again: new faces that lie elsewhere in their regions than
        the detector had it. Empty after that."""
        return [
            TrackedRegion(track.track_id, track.region)
            for track in self._tracks
            if track.looks == 1 and _is_elsewhere(track.region, self._parsed[track.track_id].region)
        ]

    def update(self, faces: Sequence[ParsedFace]) -> list[ParsedFace]:
        """Learn from the parser where the faces are, and forget those that are gone.

        Args:
            faces: what was parsed in the regions that `regions` or `misplaced` gave last.

        Returns:
            The faces worth showing: those in which the parser has found a face, now or before, and has not come to
            doubt it.
        """
        before = self._tracks
        parsed = {face.track_id: face for face in faces}
        tracks = [
            self._followed(track, parsed[track.track_id]) if track.track_id in parsed else track for track in before
        ]
        alive = (track for track in tracks if track.seen and track.misses <= _PATIENCE_FRAMES)
        self._tracks = _without_doubles(alive, self._spec.crop_scale)
        was_full = len(tracks) == self._max_faces > len(self._tracks)
        kept = {track.track_id for track in self._tracks}
        if was_full or any(track.track_id not in kept for track in before if track.seen):
            self._search.forget_tiles()  # a place is free, and what there was no room for may be followed
        return [self._parsed[track.track_id] for track in self._tracks]

    def _followed(self, track: _Track, face: ParsedFace) -> _Track:
        followed = _follow(track, face, self._spec)
        if track.track_id in self._parsed and (followed.misses or followed.doubts):
            return replace(track, looks=followed.looks)  # the second look was worse: the first one counts
        self._parsed[track.track_id] = face
        return followed

    def close(self) -> None:
        """Let a search that runs end: the detector belongs to the caller."""
        self._search.close()

    def _is_whole_face(self, small: Detection) -> bool:
        """Whether what a tile shows is more than a part of a larger face that is followed, or a thing before it."""
        region = region_from_box(small.box_xyxy, self._spec.crop_scale)
        near = (track for track in self._tracks if self._likeness(track, region) > _SAME_FACE)
        return all(track.region.side <= _MOST_DRIFT * region.side for track in near)

    def _match(self, detections: Sequence[Detection], small: bool = False) -> None:
        """Give each detection to the track that it overlaps most, or make a new one of it.

        Args:
            small: whether they were found in tiles.
        """
        free = list(range(len(self._tracks)))
        for detection in detections:
            needed = _certainty_needed(detection, small, self._spec)
            region = aligned(region_from_box(detection.box_xyxy, self._spec.crop_scale), self._spec.size_px)
            overlaps = {index: self._likeness(self._tracks[index], region) for index in free}
            best = max(overlaps, key=overlaps.__getitem__, default=None)
            if best is not None and overlaps[best] > _SAME_FACE:
                free.remove(best)
                self._tracks[best] = _confirmed(self._tracks[best], region, needed, self._spec)
            elif len(self._tracks) < self._max_faces:
                self._tracks.append(_Track(self._next_id, region, region.side, needed))
                self._next_id += 1

    def _likeness(self, track: _Track, region: Region) -> float:
        # A face that is missing has moved: what lies in the crop where it was last seen may be it.
        return _overlap(region, track.region, 1.0 if track.misses else self._spec.crop_scale)


def _certainty_needed(detection: Detection, small: bool, spec: ModelSpec) -> float:
    """How sure the parser must be of a detection; `small`: found in a tile."""
    if detection.faint:
        return _LEAST_CERTAINTY_FAINT[_base_name(spec)]
    least = _LEAST_CERTAINTY.get(_base_name(spec), _LEAST_CERTAINTY_OF_OTHERS)
    if detection.score < _DOUBTFUL_SCORE:
        return least + _MORE_CERTAINTY_SMALL * small
    if small:
        return least
    return _LEAST_CERTAINTY_LIKELY if detection.score < _SURE_SCORE else 0.0


def _base_name(spec: ModelSpec) -> str:
    return spec.name.removesuffix(WITH_CONSENSUS)


def _confirmed(track: _Track, detected: Region, certainty_needed: float, spec: ModelSpec) -> _Track:
    """The track after the detector has found its face. A sound track knows its place better than the detector does."""
    off_centre = math.dist((track.region.centre_x, track.region.centre_y), (detected.centre_x, detected.centre_y)) / (
        min(track.region.side, detected.side) / spec.crop_scale
    )
    off_size = max(track.region.side / detected.side, detected.side / track.region.side)
    lost = track.misses or off_centre > _MOST_OFF_CENTRE or off_size > _MOST_OFF_SIZE
    least_certainty = min(track.least_certainty, certainty_needed)
    region = detected if lost else track.region
    return replace(track, region=region, detected_side=detected.side, least_certainty=least_certainty)


def _follow(track: _Track, face: ParsedFace, spec: ModelSpec) -> _Track:
    """The track after its face was parsed. Where too little of a face is left, the region waits for it."""
    track = replace(track, looks=track.looks + 1)
    box = full_face_box(face.probabilities, spec)
    if box is None or visible_share(face.probabilities, spec) * spec.crop_scale**2 < _LEAST_FACE:
        return replace(track, misses=track.misses + 1)
    doubts = 0
    if track.least_certainty:
        lacking = track.least_certainty - certainty(face.probabilities, spec)
        if not track.seen and lacking > 0:
            return track
        doubts = track.doubts + 1 if lacking > _LESS_CERTAINTY_LATER else 0
    return replace(track, region=_moved(track, box, spec), seen=doubts <= _MOST_DOUBTS, doubts=doubts, misses=0)


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
        side = _clamped(target.side, side, 1 + (_MOST_GROWTH if track.looks > 1 else _MOST_GROWTH_AT_FIRST))
    side = _clamped(side, track.detected_side, _MOST_DRIFT)
    return aligned(Region(centre_x, centre_y, side), spec.size_px)


def _is_elsewhere(region: Region, parsed: Region) -> bool:
    off_centre = math.dist((region.centre_x, region.centre_y), (parsed.centre_x, parsed.centre_y)) / parsed.side
    return max(off_centre, abs(region.side / parsed.side - 1)) > _ELSEWHERE


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
