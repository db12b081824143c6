"""From a frame to its parsed faces: detect or track -> crop -> parse -> smooth -> remove specks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor

import numpy as np

from engines.closing import Closing
from engines.engine import Engine
from realtime.faces.cover import Covers
from realtime.faces.detect import DetectsFaces
from realtime.faces.following.tracker import TrackedRegion, Tracker
from realtime.faces.held_back import HeldFrame, follow_back, frames_to_hold
from realtime.faces.saved_state import restore, save
from realtime.faces.search import SEARCH_INTERVAL
from realtime.faces.smooth import Smoothing
from realtime.faces.specks import without_specks
from realtime.frames.crop import crop_depth, crop_rgb
from realtime.frames.types import U8, Detection, Frame, ParsedFace, Region
from realtime.timing import StageTimer


class FaceParser(Closing):
    """Finds, follows and parses the faces of one video.

    For frames that come one by one, call `step` with each, in order. For a file, iterate over `steps`: it holds frames
    back, and follows each new face backwards through them, so that none is late. A loop that overlaps its stages calls
    the two halves in two threads: `parse_each` or `parse_live`, then `smooth`.

    Args:
        engine: parses crops; the caller closes it.
        detector: finds faces; the caller may use it again once the parser is closed.
        redetect_every: frames between two searches for new faces.
        max_faces: the most faces that are shown, the largest ones; None: all.
        hold_frames: the most frames that `steps` and `parse_each` hold back; 0: they hold none.
        smoothing: steadies the masks over time; None: each frame is parsed by itself.
        hides_faces: no face may stay visible. Each face then gets its `cover`, also one that is missed for a moment,
            and specks of face stay, because an eye between fingers is one.
        independent: each frame is a picture of its own: no face is followed.
        search_thread: runs the searches that are not urgent, while the parser goes on; None: they run in `parse`. The
            results are the same.
        timer: gets the stages search, tiles, detect, crop, network, track and smooth.
    """

    def __init__(
        self,
        engine: Engine,
        detector: DetectsFaces,
        *,
        redetect_every: int = SEARCH_INTERVAL,
        max_faces: int | None = None,
        hold_frames: int = 0,
        smoothing: Smoothing | None = None,
        hides_faces: bool = False,
        independent: bool = False,
        search_thread: Executor | None = None,
        timer: StageTimer | None = None,
    ) -> None:
        self._engine, self._spec = engine, engine.spec
        self._timer = timer or StageTimer()
        timed = TimedDetector(detector, self._timer)
        self._outside = {"detector": timed, "thread": search_thread}
        self._tracker = Tracker(
            timed, engine.spec, redetect_every, max_faces, search_thread,
            can_wait=hold_frames > 0, independent=independent, report_missed=hides_faces,
        )  # fmt: skip
        self._redetect_every, self._max_faces, self._hold_frames = redetect_every, max_faces, hold_frames
        self._smoothing, self._covers = smoothing, Covers(engine.spec) if hides_faces else None
        self._held: deque[HeldFrame] = deque()
        self._ready: deque[HeldFrame] = deque()
        self._given = 0
        self._saved: dict[int, bytes] = {}
        self._left_out: dict[int, int] = {}
        self.late_frames = 0
        """Faces in frames that `parse_live` gave before it knew them."""

    def step(self, frame: Frame) -> list[ParsedFace]:
        """The faces of the next frame, at once."""
        return self.smooth(self.parse(frame))

    def steps(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, list[ParsedFace]]]:
        """Each frame of a video with its faces, in order. They come once no later search can add a face to them."""
        for frame, faces in self.parse_each(frames):
            yield frame, self.smooth(faces)

    def parse_each(
        self, frames: Iterable[Frame], save_every: int | None = None
    ) -> Iterator[tuple[Frame, list[ParsedFace]]]:
        """The first half of `steps`: each frame with its faces as the network sees them in that frame alone.

        Args:
            frames: after `restore`, from the frame on before which the state was saved.
            save_every: save the state, for `saved`, before every so many frames; None: never.
        """
        frames = iter(frames)
        for held in (*self._ready, *self._held):  # of a restored state
            held.frame = next(frames)
        for frame in frames:
            faces = self.parse(frame)
            if self._tracker.begins_shot:
                self._release()
            self._follow_back(faces, self._held)
            self._held.append(HeldFrame(frame, faces))
            self._release(frames_to_hold(frame, self._hold_frames, self._redetect_every))
            yield from self._give(save_every)
        self._release()
        yield from self._give(save_every)

    def parse_live(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, list[ParsedFace]]]:
        """As `parse_each`, but no frame waits. New faces are followed backwards only to count `late_frames`."""
        shown: deque[HeldFrame] = deque(maxlen=self._redetect_every)
        for frame in frames:
            faces = self.parse(frame)
            yield frame, faces
            if self._tracker.begins_shot:
                shown.clear()
            self.late_frames += self._follow_back(faces, shown)
            shown.append(HeldFrame(frame, faces))

    def parse(self, frame: Frame) -> list[ParsedFace]:
        """The first half of a step: the faces as the network sees them in this frame alone."""
        with self._timer.stage("detect"):
            regions = self._tracker.regions(frame)
        faces = self._parse_regions(frame, regions)
        while misplaced := self._tracker.misplaced():  # new faces whose detection was off are parsed a second time
            faces = self._parse_regions(frame, misplaced)
        self._count_left_out(frame, self._tracker.left_out)
        return faces

    def smooth(self, faces: Sequence[ParsedFace]) -> list[ParsedFace]:
        """The second half of a step: the parsed faces of the next frame, steadied over time and without specks."""
        with self._timer.stage("smooth"):
            found = [face for face in faces if not face.missed]
            missed = [face for face in faces if face.missed]  # the past of a face that may be gone must not linger
            steady = self._smoothing.smooth(found) if self._smoothing else found
            clean = without_specks([*steady, *missed], self._spec, of_face=self._covers is None)
            return self._covers.cover(clean) if self._covers else clean

    def left_out(self, frame: Frame) -> int:
        """How many faces of a frame that was parsed `max_faces` left out. Ask once per frame."""
        return self._left_out.pop(frame.index, 0)

    def saved(self, frames: int) -> bytes:
        """The state of both halves before the frame of this number, from 0. `parse_each` was told to save it.

        Call it in the thread of `smooth`, once it has taken the frames before that one.
        """
        return save((self._saved.pop(frames), self._smoothing, self._covers), self._outside)

    def restore(self, state: bytes) -> None:
        """Go on from a state of `saved`, of a parser that was made likewise. Call it before the first frame.

        Raises:
            StateError: it is damaged, or of another version.
        """
        first_half, self._smoothing, self._covers = restore(state, self._outside)
        self._given, self._tracker, (ready, held), self._left_out = restore(first_half, self._outside)
        self._ready, self._held = (
            deque(HeldFrame(_UNREAD, faces, left_out) for faces, left_out in frames) for frames in (ready, held)
        )

    def close(self) -> None:
        """Wait for a search that still runs. The engine and the detector stay open."""
        self._tracker.close()

    def _parse_regions(self, frame: Frame, regions: Sequence[TrackedRegion]) -> list[ParsedFace]:
        parsed = self._network(frame, regions)
        with self._timer.stage("track"):
            return self._tracker.update(parsed)

    def _network(self, frame: Frame, regions: Sequence[TrackedRegion]) -> list[ParsedFace]:
        with self._timer.stage("crop"):
            crops = crop_faces(frame, regions, self._spec.size_px)
        with self._timer.stage("network"):
            return parse_faces(self._engine, crops, regions)

    def _follow_back(self, faces: Sequence[ParsedFace], held: Sequence[HeldFrame]) -> int:
        """Add the faces that have just appeared to the frames of their shot before. Returns how many were added."""
        if not held:
            return 0
        shown_before = {face.track_id for face in held[-1].shown}
        appeared = [face.track_id for face in faces if not face.missed and face.track_id not in shown_before]
        return follow_back(self._tracker.tracks(appeared), held, self._network, self._spec, self._max_faces)

    def _release(self, keep: int = 0) -> None:
        """Hold the oldest frames back no longer, until so many are left."""
        while len(self._held) > keep:
            self._ready.append(self._held.popleft())

    def _give(self, save_every: int | None) -> Iterator[tuple[Frame, list[ParsedFace]]]:
        """The frames that are held back no longer."""
        while self._ready:
            if save_every and self._given and self._given % save_every == 0:
                self._saved[self._given] = self._state()
            oldest = self._ready.popleft()
            self._given += 1
            self._count_left_out(oldest.frame, oldest.left_out)
            yield oldest.frame, oldest.faces

    def _state(self) -> bytes:
        waiting = [[(held.faces, held.left_out) for held in frames] for frames in (self._ready, self._held)]
        return save((self._given, self._tracker, waiting, dict(self._left_out)), self._outside)

    def _count_left_out(self, frame: Frame, faces: int) -> None:
        if faces:
            self._left_out[frame.index] = self._left_out.get(frame.index, 0) + faces


_UNREAD = Frame((np.zeros((2, 2, 3), np.uint8),), "rgb")
"""Stands for a held frame of a restored state, whose pixels are read again."""


class TimedDetector:
    """A detector whose searches are timed as the stage search, whichever thread runs them."""

    def __init__(self, detector: DetectsFaces, timer: StageTimer) -> None:
        self._detector, self._timer = detector, timer

    def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
        """The detector's own faces of a frame."""
        with self._timer.stage("search"):
            return self._detector.detect(frame, low_confidence=low_confidence)

    def detect_in_tiles(
        self, frame: Frame, tiles: Sequence[Region], *, low_confidence: bool = False
    ) -> list[Detection]:
        """The detector's own faces of some tiles."""
        if not tiles:
            return []
        with self._timer.stage("tiles"):
            return self._detector.detect_in_tiles(frame, tiles, low_confidence=low_confidence)


def crop_faces(frame: Frame, regions: Sequence[TrackedRegion], size_px: int) -> U8:
    """(N, size_px, size_px, 3) uint8: the crop of each region, in order: RGB, or gray where the frame has depth.

    N may be 0.
    """
    if not regions:
        return np.zeros((0, size_px, size_px, 3), np.uint8)
    if frame.depth is not None:
        return np.stack([crop_depth(frame.depth, tracked.region, size_px) for tracked in regions])
    return np.stack([crop_rgb(frame, tracked.region, size_px) for tracked in regions])


def parse_faces(engine: Engine, crops: U8, regions: Sequence[TrackedRegion]) -> list[ParsedFace]:
    """One face per crop, in order: the engine's probabilities in the region that the crop was taken from."""
    parsed = engine(crops)
    unknown = [None] * len(regions)
    presence = unknown if parsed.presence is None else parsed.presence.tolist()
    angles = unknown if parsed.angle_deg is None else parsed.angle_deg.tolist()
    return [
        ParsedFace(tracked.track_id, tracked.region, *values)
        for tracked, *values in zip(regions, crops, parsed.probabilities, presence, angles, strict=True)
    ]
