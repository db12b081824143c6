"""The state of one tracked face, and how a frame changes it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engines.spec import ModelSpec, Thresholds
from realtime.faces.probabilities import confidence, covered_share, full_face_box, visible_share
from realtime.frames.crop import aligned, box_on_frame, region_from_box
from realtime.frames.types import ParsedFace, Region

_LEAST_FACE = 0.0675  # of the square on the face's box; a whole face covers 0.6 of it
LEAST_COVERED_FACE = 0.2  # likewise, of a face that is wholly covered: face and occlusion together
# A mask's confidence varies from frame to frame: a track keeps its face down to this much below a threshold.
_HYSTERESIS = 0.03
# Likewise for the probability of a face. Of 118 held-out faces under hands it keeps 87 %, where the threshold of
# `consensus-lite` alone would keep 70 %; of 1,554 other crops 3.5 % reach it, 0.5 % the threshold.
_PRESENCE_HYSTERESIS = 0.25
_MOST_LOW_CONFIDENCE_FRAMES = 2  # in a row; then the track ends, or waits
_MOST_MISSED_FRAMES = 75  # a face that is turned away or wholly covered for 2.5 s keeps its place and its number
_MOST_URGENT_FRAMES = 30  # a face that is missing longer waits for the regular searches
FACE_ASPECT = 0.72  # width of the full-face box over its height, the median of 233 portraits
_SAME_FACE = 0.5  # of the smaller box's area lies in the larger one; boxes of faces cheek to cheek hardly overlap
_STAND_STILL = 0.02  # of the side: smaller movements of the centre leave the region as it is
_KEEP_SIZE = 0.04  # likewise for its size
_MOST_GROWTH = 0.10  # of the side in one frame
_MOST_GROWTH_AT_FIRST = 0.40
_ELSEWHERE = 0.06  # of the side: a new face whose region is off by more, in place or size, is parsed once more
# The mask decides the region, and the region the mask, so an error could grow. The detector, which sees the whole
# frame, limits it: a region that differs from a detection by more than this is replaced by it, ...
_MOST_OFF_CENTRE = 0.3  # of the face's height
_MOST_OFF_SIZE = 1.4  # either way
_KEEP_LARGEST = 1.25  # a face must be so many times as large as a tracked one to take its place
MOST_DRIFT = 1.6
"""... and between detections its size cannot change by more than this factor."""
# The network sees the face upright. It allows for this much (masks lose 0.02-0.04 of IoU at 20-30 degrees), so that
# the crop of somebody who nods to one side stays exactly as it is; quarter turns cost no resampling.
_MOST_TILT_DEG = 25
_MOST_TILT_WHILE_TURNING_DEG = 8  # while somebody turns round, the crop follows every detection


@dataclass(frozen=True)
class Track:
    """One face that is tracked."""

    track_id: int
    """From 0; never used again for another face."""
    region: Region
    detected_side: float
    """Side of the region as the detector saw it last."""
    least_confidence: float = 0.0
    """The confidence that the parser must reach in a first frame, by the detector's score; 0: none is needed."""
    kept_confidence: float = 1.0
    """The confidence that it must reach after that, until a search confirms the track again."""
    frames_since_confirmed: int = 0
    """Frames since the detector last found a face there."""
    seen: bool = False
    """Whether the parser has found a face there and is still confident."""
    shown: bool = False
    """Whether its mask is worth drawing in this frame."""
    parsed_frames: int = 0
    """How often the parser has parsed it."""
    low_confidence_frames: int = 0
    """Frames in a row in which the parser's confidence was too low."""
    missed_frames: int = 0
    """Frames in a row in which the parser found too little of a face."""
    waiting: bool = False
    """Whether the parser saw no face there any more. The track keeps its place until a search finds a face again."""
    turning: bool = False
    """Whether the face's angle changed when it was last detected."""

    @property
    def needs_search(self) -> bool:
        """Whether the next frame must be searched at once: the face is missing, or may be none."""
        return bool(0 < self.missed_frames <= _MOST_URGENT_FRAMES or self.low_confidence_frames)

    @property
    def is_alive(self) -> bool:
        """Whether to go on tracking it."""
        return self.seen and self.missed_frames <= _MOST_MISSED_FRAMES

    def confirmed(self, detected: Region, least_confidence: float, spec: ModelSpec) -> Track:
        """The track after the detector has found its face.

        Its region stays unless it is far from the detection, and so does its angle.
        """
        off_centre = math.dist((self.region.centre_x, self.region.centre_y), (detected.centre_x, detected.centre_y)) / (
            min(self.region.side, detected.side) / spec.crop_scale
        )
        off_size = max(self.region.side / detected.side, detected.side / self.region.side)
        lost = self.missed_frames or off_centre > _MOST_OFF_CENTRE or off_size > _MOST_OFF_SIZE
        track = self.turned_to(detected.angle_deg)
        return replace(
            track,
            region=aligned(replace(detected, angle_deg=track.region.angle_deg), spec.size_px) if lost else track.region,
            detected_side=detected.side,
            least_confidence=min(self.least_confidence, least_confidence),
            frames_since_confirmed=0,
            waiting=False,
        )

    def turned_to(self, angle_deg: float) -> Track:
        """The track after its face was seen at an angle, clockwise from the frame's upright."""
        tilt = abs(_wrapped(angle_deg - self.region.angle_deg))
        turning = tilt > (_MOST_TILT_WHILE_TURNING_DEG if self.turning else _MOST_TILT_DEG)
        if turning or self.turning:
            angle_deg = _wrapped(angle_deg) if turning else steady_angle(angle_deg)
            return replace(self, region=replace(self.region, angle_deg=angle_deg), turning=turning)
        return self

    def followed(self, face: ParsedFace, spec: ModelSpec, thresholds: Thresholds) -> Track:
        """The track after its face was parsed. If too little of the face is left, the region stays where it is."""
        track = replace(self, parsed_frames=self.parsed_frames + 1)
        if face.presence is not None and thresholds.presence is not None:
            return track.followed_by_presence(face, face.presence, thresholds.presence, spec)
        parsed_confidence = confidence(face.probabilities, spec)
        box = full_face_box(face.probabilities, spec)
        if box is None or visible_share(face.probabilities, spec) * spec.crop_scale**2 < _LEAST_FACE:
            covered = covered_share(face.probabilities, spec) * spec.crop_scale**2 >= LEAST_COVERED_FACE
            shown = covered and parsed_confidence >= thresholds.unconfirmed
            return replace(track, missed_frames=track.missed_frames + 1, shown=track.seen and shown)
        if not track.seen and parsed_confidence < track.least_confidence:
            return track
        if track.frames_since_confirmed == 0:
            # The detector confirms what the parser sees here. Until the next search, that confidence is enough.
            least = track.least_confidence
            track = replace(track, kept_confidence=max(least, min(parsed_confidence, thresholds.unconfirmed)))
        else:
            least = track.kept_confidence
        too_low = track.low_confidence_frames + 1 if parsed_confidence < least - _HYSTERESIS else 0
        seen = too_low <= _MOST_LOW_CONFIDENCE_FRAMES
        moved = replace(
            track,
            region=track.moved(box, spec),
            seen=seen,
            shown=seen,
            low_confidence_frames=too_low,
            missed_frames=0,
        )
        return moved if face.angle_deg is None else moved.turned_to(moved.region.angle_deg + face.angle_deg)

    def followed_by_presence(self, face: ParsedFace, presence: float, threshold: float, spec: ModelSpec) -> Track:
        """The track after its face was parsed by a network that says itself whether it sees one.

        The threshold begins a track, and a little less keeps it. Where the network sees no face any more, the mask ends
        at once, and the track waits: under a hand it is the same face afterwards. Only a search brings it back.

        Args:
            presence: the probability that the region holds a face.
            threshold: the network's own.
        """
        if self.waiting:
            return replace(self, shown=False, missed_frames=self.missed_frames + 1)
        if not self.seen and presence < threshold:
            return self
        if presence < threshold - _PRESENCE_HYSTERESIS:  # its mask is no guide: the region stays
            too_low = self.low_confidence_frames + 1
            if too_low > _MOST_LOW_CONFIDENCE_FRAMES:
                return replace(self, shown=False, waiting=True, low_confidence_frames=0, missed_frames=1)
            return replace(self, low_confidence_frames=too_low)
        track = replace(self, seen=True, shown=True, low_confidence_frames=0)
        box = full_face_box(face.probabilities, spec)
        if box is not None and visible_share(face.probabilities, spec) * spec.crop_scale**2 >= _LEAST_FACE:
            # The network's own angle turns no region: under a moving hand it errs by more than 45 degrees now and then,
            # and a face that was turned away from upright by mistake is judged worse still.
            return replace(track, region=self.moved(box, spec), missed_frames=0)
        covered = covered_share(face.probabilities, spec) * spec.crop_scale**2 >= LEAST_COVERED_FACE
        there = covered and presence >= threshold  # under a hand, where it was
        return replace(track, shown=covered, missed_frames=0 if there else self.missed_frames + 1)

    def moved(self, box_in_crop: tuple[float, float, float, float], spec: ModelSpec) -> Region:
        """The region around the face that was found in it.

        A face that does not move keeps exactly its region: the network then sees the same pixels twice, and the
        smoothing has nothing to warp.
        """
        region = self.region
        scale = region.side / spec.size_px
        target = region_from_box([value * scale for value in box_in_crop], spec.crop_scale)
        left, top, right, bottom = box_on_frame(box_in_crop, region, spec.size_px)
        centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
        if math.dist((centre_x, centre_y), (region.centre_x, region.centre_y)) < _STAND_STILL * region.side:
            centre_x, centre_y = region.centre_x, region.centre_y
        side = region.side
        if abs(target.side / side - 1) > _KEEP_SIZE:
            side = _clamped(target.side, side, 1 + (_MOST_GROWTH if self.parsed_frames > 1 else _MOST_GROWTH_AT_FIRST))
        side = _clamped(side, self.detected_side, MOST_DRIFT)
        return aligned(Region(centre_x, centre_y, side, region.angle_deg), spec.size_px)

    def is_near(self, region: Region, crop_scale: float) -> bool:
        """Whether a detected region shows this track's face."""
        return self.likeness(region, crop_scale) > _SAME_FACE

    def likeness(self, region: Region, crop_scale: float) -> float:
        """How much a detected region overlaps with the track's, 0..1."""
        # A missing face has moved: a detection anywhere in its last crop may be it.
        return _overlap(region, self.region, 1.0 if self.missed_frames else crop_scale)


def is_elsewhere(region: Region, parsed: Region) -> bool:
    """Whether a face lies elsewhere than in the middle of the region in which it was parsed."""
    off_centre = math.dist((region.centre_x, region.centre_y), (parsed.centre_x, parsed.centre_y)) / parsed.side
    return max(off_centre, abs(region.side / parsed.side - 1)) > _ELSEWHERE


def without_duplicates(tracks: Iterable[Track], crop_scale: float) -> list[Track]:
    """The tracks without those that follow the face of an older one."""
    kept: list[Track] = []
    for track in tracks:
        if all(_overlap(track.region, other.region, crop_scale) < _SAME_FACE for other in kept):
            kept.append(track)
    return kept


def largest(tracks: Sequence[Track], count: int | None) -> list[Track]:
    """The tracks of so many faces that are shown, the largest, in their order; and all tracks that show none now.

    A new face takes the place of a tracked one only if it is clearly larger: faces of one size must not take turns.
    """
    shown = [track for track in tracks if track.shown]
    if count is None or len(shown) <= count:
        return list(tracks)
    ranked = sorted(shown, key=lambda track: -track.region.side * (_KEEP_LARGEST if track.parsed_frames > 1 else 1))
    kept = {track.track_id for track in ranked[:count]}
    return [track for track in tracks if track.track_id in kept or not track.shown]


def steady_angle(angle_deg: float) -> float:
    """The angle at which a face is parsed that does not turn: the next quarter turn, if it is near enough."""
    quarter = 90.0 * round(angle_deg / 90)
    return _wrapped(quarter if abs(angle_deg - quarter) <= _MOST_TILT_DEG else angle_deg)


def _wrapped(angle_deg: float) -> float:
    """The same angle in -180..180."""
    return (angle_deg + 180) % 360 - 180


def _clamped(value: float, around: float, factor: float) -> float:
    return min(max(value, around / factor), around * factor)


def _overlap(one: Region, other: Region, crop_scale: float) -> float:
    """The share of the smaller face's box that lies in the larger one's, 0..1.

    Unlike IoU it notices one inside the other.
    """
    (width, height), (other_width, other_height) = _face_wh(one, crop_scale), _face_wh(other, crop_scale)
    wide = _common(one.centre_x, width, other.centre_x, other_width)
    return wide * _common(one.centre_y, height, other.centre_y, other_height)


def _face_wh(region: Region, crop_scale: float) -> tuple[float, float]:
    """Width and height of the upright box that holds a region's face."""
    cos, sin = (abs(value) for value in region.cos_sin)
    height = region.side / crop_scale
    width = height * FACE_ASPECT
    return cos * width + sin * height, sin * width + cos * height


def _common(centre: float, length: float, other_centre: float, other_length: float) -> float:
    """The share of the shorter of two intervals that lies in the other one."""
    common = min(centre + length / 2, other_centre + other_length / 2) - max(
        centre - length / 2, other_centre - other_length / 2
    )
    return max(0.0, common) / min(length, other_length)
