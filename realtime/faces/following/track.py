"""The state of one tracked face, and how a frame changes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engines.spec import ModelSpec, Thresholds
from realtime.faces.following.motion import Motion
from realtime.faces.following.overlap import SAME_FACE, Box, overlap, steps_apart, times_as_large
from realtime.faces.probabilities import confidence, covered_share, full_face_box, visible_share
from realtime.frames.crop import aligned, box_on_frame, region_from_box
from realtime.frames.types import F32, ParsedFace, Region

_LEAST_FACE = 0.0675  # of the square on the face's box; a whole face covers 0.6 of it
LEAST_COVERED_FACE = 0.2  # likewise, of a face that is wholly covered: face and occlusion together
# A mask's confidence varies from frame to frame: a track keeps its face down to this much below a threshold.
_HYSTERESIS = 0.03
# Likewise for the probability of a face. Of 118 held-out faces under hands it keeps 96 %, where the threshold of
# `consensus-lite` alone would keep 70 %; of 1,554 other crops 6.8 % reach it, 0.5 % the threshold.
_PRESENCE_HYSTERESIS = 0.4
_MOST_LOW_CONFIDENCE_FRAMES = 2  # in a row; then the track ends, or waits
_MOST_MISSED_FRAMES = 75  # a face that is turned away or wholly covered for 2.5 s keeps its place and its number
_MOST_URGENT_FRAMES = 30  # a face that is missing longer waits for the regular searches
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
    motion: Motion | None = None
    """Where its face should be, by its motion so far; None: it was not parsed yet."""
    look: F32 | None = field(default=None, compare=False)
    """What the face looked like (`looks.Look`) when the detector last saw it with no other face near; None: never."""

    @property
    def needs_search(self) -> bool:
        """Whether the next frame must be searched at once: the face is missing, or may be none."""
        return not self.sees_its_face and self.missed_frames <= _MOST_URGENT_FRAMES

    @property
    def sees_its_face(self) -> bool:
        """Whether the parser found its face in the last frame, and with confidence."""
        return not (self.missed_frames or self.low_confidence_frames)

    @property
    def is_alive(self) -> bool:
        """Whether to go on tracking it."""
        return self.seen and self.missed_frames <= _MOST_MISSED_FRAMES

    @property
    def expected(self) -> Region:
        """The region where its face should be, by its motion."""
        return replace(self.region, centre_x=self.motion.x, centre_y=self.motion.y) if self.motion else self.region

    def in_next_frame(self, size_wh: tuple[int, int]) -> Track:
        """The track in the next frame, before anything is known of it. A face that is not seen goes on as it moved."""
        track = replace(
            self,
            frames_since_confirmed=self.frames_since_confirmed + 1,
            missed_frames=self.missed_frames + self.waiting,
            motion=self.motion.predicted() if self.motion else None,
        )
        if not self.missed_frames or not track.motion:
            return track
        track = replace(track, motion=track.motion.unseen(size_wh))
        return replace(track, region=track.expected)

    def measured(self, *, beside_another: bool) -> Track:
        """The track with its motion after its face was parsed.

        Args:
            beside_another: another face is so near that the place of this one may be off.
        """
        x, y = self.region.centre_x, self.region.centre_y
        if self.motion is None:
            return replace(self, motion=Motion(x, y))
        if not self.sees_its_face:
            return self
        return replace(self, motion=self.motion.measured(x, y, beside_another=beside_another))

    def backwards(self) -> Track:
        """The track as it begins to follow its face back through earlier frames."""
        motion = self.motion.backwards() if self.motion else None
        return replace(self, motion=motion, frames_since_confirmed=1)

    def stepped_back(self) -> Track:
        """The track, if another one has its face now: it waits where its own should be."""
        region = replace(self.expected, side=self.detected_side)  # the mask shrinks before a face has gone behind one
        return replace(self, region=region, shown=False, waiting=True, missed_frames=1, low_confidence_frames=0)

    def agrees_with(self, detected: Region, spec: ModelSpec) -> bool:
        """Whether the parser sees the face where the detector does."""
        return (
            not self.missed_frames
            and steps_apart(self.region, detected, spec.crop_scale) <= _MOST_OFF_CENTRE
            and times_as_large(self.region, detected) <= _MOST_OFF_SIZE
        )

    def confirmed(self, detected: Region, least_confidence: float, spec: ModelSpec) -> Track:
        """The track after the detector has found its face.

        Its region stays unless it is far from the detection, and so does its angle.
        """
        track = self.turned_to(detected.angle_deg)
        if not self.agrees_with(detected, spec):
            region = aligned(replace(detected, angle_deg=track.region.angle_deg), spec.size_px)
            motion = self.motion and replace(self.motion, x=region.centre_x, y=region.centre_y)
            track = replace(track, region=region, motion=motion)
        return replace(
            track,
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
        if self.waiting:
            return self
        track = replace(self, parsed_frames=self.parsed_frames + 1)
        box = full_face_box(face.probabilities, spec)
        if face.presence is not None and thresholds.presence is not None:
            return track.followed_by_presence(face, face.presence, thresholds.presence, box, spec)
        parsed_confidence = confidence(face.probabilities, spec)
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

    def followed_by_presence(
        self, face: ParsedFace, presence: float, threshold: float, box: Box | None, spec: ModelSpec
    ) -> Track:
        """The track after its face was parsed by a network that says itself whether it sees one.

        The threshold begins a track, and a little less keeps it. Where the network sees no face any more, the mask ends
        at once, and the track waits: under a hand it is the same face afterwards. Only a search brings it back.

        Args:
            presence: the probability that the region holds a face.
            threshold: the network's own.
            box: of the full face in the crop; None: there is none.
        """
        if not self.seen and presence < threshold:
            return self
        if presence < threshold - _PRESENCE_HYSTERESIS:  # its mask is no guide: the region stays
            too_low = self.low_confidence_frames + 1
            if too_low > _MOST_LOW_CONFIDENCE_FRAMES:
                return self.stepped_back()
            return replace(self, low_confidence_frames=too_low)
        track = replace(self, seen=True, shown=True, low_confidence_frames=0)
        if box is not None and visible_share(face.probabilities, spec) * spec.crop_scale**2 >= _LEAST_FACE:
            # The network's own angle turns no region: under a moving hand it errs by more than 45 degrees now and then,
            # and a face that was turned away from upright by mistake is judged worse still.
            return replace(track, region=self.moved(box, spec), missed_frames=0)
        covered = covered_share(face.probabilities, spec) * spec.crop_scale**2 >= LEAST_COVERED_FACE
        there = covered and presence >= threshold  # under a hand, where it was
        return replace(track, shown=covered, missed_frames=0 if there else self.missed_frames + 1)

    def moved(self, box_in_crop: Box, spec: ModelSpec) -> Region:
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
        # A missing face has moved: a detection anywhere in its last crop may be it.
        return overlap(region, self.region, 1.0 if self.missed_frames else crop_scale) > SAME_FACE


def is_elsewhere(region: Region, parsed: Region) -> bool:
    """Whether a face lies elsewhere than in the middle of the region in which it was parsed."""
    off_centre = math.dist((region.centre_x, region.centre_y), (parsed.centre_x, parsed.centre_y)) / parsed.side
    return max(off_centre, abs(region.side / parsed.side - 1)) > _ELSEWHERE


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
