"""Follows faces from frame to frame. The next frame's region comes from the parser's own mask: face and occlusion
together are the whole face, so a hand over the mouth neither shrinks the region nor loses the face."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from engines.closing import Closing
from engines.spec import ModelSpec
from realtime.faces.cuts import CutDetector
from realtime.faces.detect import DetectsFaces
from realtime.faces.following.looks import Look, look_of
from realtime.faces.following.matching import paired
from realtime.faces.following.meeting import is_beside, one_track_per_face, own_part
from realtime.faces.following.overlap import overlap
from realtime.faces.following.track import MOST_DRIFT, Track, is_elsewhere, largest, steady_angle
from realtime.faces.search import SEARCH_INTERVAL, Search
from realtime.faces.thresholds import least_confidence
from realtime.frames.crop import aligned, region_from_box
from realtime.frames.types import Detection, Frame, ParsedFace, Region


@dataclass(frozen=True)
class TrackedRegion:
    """Where a tracked face should be in the next frame."""

    track_id: int
    """From 0; never used again for another face."""
    region: Region


class Tracker(Closing):
    """Follows the faces of one video. For each frame: `regions`, parse them, `update`.

    It searches a frame at once if no face is tracked, one is missing or one may be no face. That takes as long as
    parsing two or three faces. Otherwise it searches every `redetect_every` frames, in another thread: new faces are
    followed from the next frame on (`Search`). Where frames are held back, new faces can wait for that, too: only the
    first frame of a shot is searched at once, and one in which a known face needs it.

    Small faces are only visible in tiles of the frame. The first frame, which may be the only one, is searched in all
    tiles, and later frames in a few tiles each, in turn. Unchanged tiles are left out.

    A track keeps the angle of its face, so that the network sees it upright. It turns when a search of the whole frame
    finds another angle, because only that compares directions.

    A track ends at a cut, and when the parser no longer sees its face. A network that says itself whether it sees one
    makes the track wait first: nothing is drawn, and a search that finds a face there brings it back.

    Faces that cross keep their numbers. Where two tracks meet on one face, it belongs to the one that went on as before
    and knows its look (`meeting`). The other one waits where its motion leads (`motion`), and takes a detection only if
    no track that sees its face does, and if it looks like its own (`matching`).

    Args:
        detector: finds faces.
        spec: the parser's model.
        redetect_every: frames between two searches for new faces. With 1 no tile is left out, either.
        max_faces: the most faces that are followed, the largest ones; None: all. `left_out` counts the others.
        search_thread: runs the searches that are not urgent; None: they run in `regions`.
        can_wait: frames are held back, so that a new face may be found some frames later.
        independent: each frame is a shot of its own, such as the pages of a document.
        report_missed: whether `update` also returns faces that are tracked, but were missed in this frame.
    """

    def __init__(
        self,
        detector: DetectsFaces,
        spec: ModelSpec,
        redetect_every: int = SEARCH_INTERVAL,
        max_faces: int | None = None,
        search_thread: Executor | None = None,
        *,
        can_wait: bool = False,
        independent: bool = False,
        report_missed: bool = False,
    ) -> None:
        self._frame: Frame | None = None
        self.begins_shot = True
        """Whether the last frame was the first one of a shot."""
        self._first_frame = True
        self._can_wait, self._independent = can_wait, independent
        self._spec = spec
        self._report_missed = report_missed
        self._thresholds = spec.thresholds
        self._max_faces = max_faces
        self._tracks: list[Track] = []
        self._next_id = 0
        self._left_out_before = self._left_out_now = 0
        self._parsed: dict[int, ParsedFace] = {}
        self._search = Search(detector, redetect_every, search_thread)
        self._cuts = CutDetector()

    def regions(self, frame: Frame) -> list[TrackedRegion]:
        """Where the faces of this frame should be, in the order in which they were found."""
        is_cut = self._cuts.is_cut(frame) or (self._independent and not self._first_frame)
        self.begins_shot, self._first_frame = is_cut or self._first_frame, False
        if is_cut:
            self._tracks.clear()
            self._search.restart()
            self._left_out_now = 0
        urgent = self._is_urgent()
        self._tracks = [track.in_next_frame(frame.size_wh) for track in self._tracks]
        self._frame = frame
        low_confidence = not self._tracks and self._thresholds.low_confidence is not None
        results = self._search.search(frame, urgent=urgent, low_confidence=low_confidence)
        self._left_out_before = 0 if results else self.left_out
        self._left_out_now = 0
        for result in results:
            self._match(result.large)
            self._match([detection for detection in result.small if self._is_worthwhile(detection)], in_tiles=True)
            self._match(result.low_confidence if not self._tracks else ())
        self._parsed.clear()
        return [
            TrackedRegion(track.track_id, aligned(track.region, self._spec.size_px))
            for track in self._tracks
            if self._report_missed or not track.waiting
        ]

    def misplaced(self) -> list[TrackedRegion]:
        """The regions to parse once more in this frame, and `update` again: new faces that the detector misplaced.

        Empty after that.
        """
        return [
            TrackedRegion(track.track_id, track.region)
            for track in self._tracks
            if track.parsed_frames == 1
            and not track.waiting
            and is_elsewhere(track.region, self._parsed[track.track_id].region)
        ]

    def update(self, faces: Sequence[ParsedFace]) -> list[ParsedFace]:
        """Learn from the parser where the faces are, and end the tracks of those that are gone.

        Args:
            faces: what was parsed in the regions that `regions` or `misplaced` returned last.

        Returns:
            The faces to draw: those that the parser is confident of. A missing face is tracked, but not drawn; with
            `report_missed` it is returned as `missed`.
        """
        before = self._tracks
        parsed = {face.track_id: face for face in faces}
        tracks = [
            self._followed(track, parsed[track.track_id]) if track.track_id in parsed else track for track in before
        ]
        alive = one_track_per_face(
            {track.track_id: track for track in before},
            (track for track in tracks if track.is_alive),
            self._look_of,
            self._spec.crop_scale,
        )
        ended = {track.track_id for track in before if track.seen} - {track.track_id for track in alive}
        if ended:
            self._search.forget_tiles()  # a place is free: a face that had none may be followed now
        self._tracks = largest(alive, self._max_faces)
        self._left_out_now += len(alive) - len(self._tracks)
        return [
            replace(self._parsed[track.track_id], missed=not track.shown)
            for track in self._tracks
            if track.shown or (self._report_missed and track.track_id in self._parsed)
        ]

    @property
    def left_out(self) -> int:
        """How many faces `max_faces` left out of this frame, as far as searches have found them."""
        return max(self._left_out_before, self._left_out_now)

    def tracks(self, track_ids: Sequence[int]) -> list[Track]:
        """Some of the tracks, as they are after the last frame."""
        return [track for track in self._tracks if track.track_id in track_ids]

    def close(self) -> None:
        """Wait for a search that still runs: the detector belongs to the caller."""
        self._search.close()

    def _is_urgent(self) -> bool:
        """Whether this frame must be searched at once."""
        if self._can_wait:
            # A face that is missing longer is found by the next search, and followed back to where it was lost.
            needed = any(track.low_confidence_frames or track.missed_frames == 1 for track in self._tracks)
            return self.begins_shot or needed
        return not self._tracks or any(track.needs_search for track in self._tracks)

    def _followed(self, track: Track, face: ParsedFace) -> Track:
        before = track
        if track.track_id in self._parsed:
            track = replace(track, motion=None)  # the second parse sets the place anew: it is no movement
        others = [other.region for other in self._tracks if other.track_id != track.track_id]
        beside = is_beside(track, others)
        own = own_part(face, track, self._spec) if beside else face
        followed = track.followed(own, self._spec, self._thresholds).measured(beside_another=beside)
        if track.track_id in self._parsed and (followed.missed_frames or followed.low_confidence_frames):
            return replace(before, parsed_frames=followed.parsed_frames)  # the second parse was worse: keep the first
        # Where faces are hidden, a mask that spreads over two of them hides both.
        self._parsed[track.track_id] = face if self._report_missed else own
        return followed

    def _is_worthwhile(self, small: Detection) -> bool:
        """Whether a detection in a tile may say something about a face that the whole frame did not.

        It may also be a part of a larger tracked face, or an object in front of it.
        """
        if small.low_confidence and self._thresholds.low_confidence is None:
            return False
        region = region_from_box(small.box_xyxy, self._spec.crop_scale, small.angle_deg)
        near = [track for track in self._tracks if track.is_near(region, self._spec.crop_scale)]
        if any(track.frames_since_confirmed == 0 for track in near) or (near and small.low_confidence):
            return False
        return all(track.region.side <= MOST_DRIFT * region.side for track in near)

    def _match(self, detections: Sequence[Detection], in_tiles: bool = False) -> None:
        """Confirm the track of each detection, or begin a new one."""
        scale = self._spec.crop_scale
        regions = [region_from_box(each.box_xyxy, scale, each.angle_deg) for each in detections]
        pairs = paired(self._tracks, regions, self._look_of, scale)
        for number, (detection, region) in enumerate(zip(detections, regions, strict=True)):
            least = least_confidence(self._thresholds, detection, in_tiles)
            index = pairs.get(number)
            if index is None:
                region = replace(region, angle_deg=steady_angle(region.angle_deg))
                self._tracks.append(Track(self._next_id, aligned(region, self._spec.size_px), region.side, least))
                self._next_id += 1
                continue
            if in_tiles:  # only a search of the whole frame compares directions: a tile does not turn a track
                region = replace(region, angle_deg=self._tracks[index].region.angle_deg)
            track = self._tracks[index]
            others = [other.region for other in self._tracks if other.track_id != track.track_id]
            if track.agrees_with(region, self._spec) and not any(overlap(region, other, scale) for other in others):
                track = replace(track, look=self._look_of(region))  # not that of a hand, or of another face
            self._tracks[index] = track.confirmed(region, least, self._spec)

    def _look_of(self, region: Region) -> Look:
        assert self._frame is not None, "`regions` comes first"
        return look_of(self._frame, region, self._spec.crop_scale)
