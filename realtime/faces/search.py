"""Decides when and where frames are searched for faces: at once if no face is tracked, else in another thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from engines.closing import Closing
from realtime.faces.detect import DetectsFaces
from realtime.faces.tiles import RENEW_AFTER, TileRotation, close_up, is_coarse
from realtime.frames.types import Detection, Frame, Region

P = ParamSpec("P")
T = TypeVar("T")

SEARCH_INTERVAL = 5
"""Frames between two searches where a new face must not wait: live, and where faces are hidden."""
HELD_SEARCH_INTERVAL = 10
"""The same where frames are held back. A search of a 720p frame and a tile take 13 ms: 1.3 ms per frame."""


@dataclass(frozen=True)
class SearchResult:
    """The detections of one search, best first."""

    large: Sequence[Detection]
    """In the whole frame."""
    low_confidence: Sequence[Detection]
    """In the whole frame, if it shows no face."""
    small: Sequence[Detection]
    """In tiles of it: some of them are textures, hands, or parts of a larger face."""


class Search(Closing):
    """Searches every n-th frame of one video, the whole of it and one of its tiles.

    The first frame of a shot, or a single picture, is searched in all tiles, and for low-confidence detections in them.
    A search takes as long as parsing two or three faces. Unless it is urgent, it therefore runs in another thread while
    the parser goes on. Its result always arrives one frame later, so that a file gives the same result each time.

    Args:
        detector: finds faces. One call runs at a time.
        every: frames between two searches. With 1 each frame is searched at once, and no tile is
            skipped: no face may show, even briefly.
        thread: runs the searches that are not urgent; None: the caller's own thread does. Its owner shuts it down.
    """

    def __init__(
        self,
        detector: DetectsFaces,
        every: int,
        thread: Executor | None = None,
    ) -> None:
        self._detector = detector
        self._every = every
        self._frames_since_search = 0
        self._tiles = self._all_tiles()
        self._begins_shot = True
        self._thread = thread or _CallersThread()
        self._running: Future[SearchResult] | None = None

    def search(self, frame: Frame, *, urgent: bool, low_confidence: bool = False) -> list[SearchResult]:
        """Search the next frame, if it is due. Raises what the detector raised.

        Args:
            urgent: search this frame now: no face is tracked, or one is missing.
            low_confidence: report low-confidence detections if nothing else is found in the whole frame.

        Returns:
            The results that have arrived since the last call, in order.
        """
        ended = [self._running.result()] if self._running else []
        self._running = None
        self._frames_since_search += 1
        if not urgent and self._frames_since_search < self._every:
            return ended
        self._frames_since_search = 0
        thorough, self._begins_shot = self._begins_shot, False
        tiles = self._tiles.take(frame, 1)
        task = partial(_search, self._detector, frame, tiles, low_confidence, thorough)
        if urgent or self._every == 1:
            return [*ended, task()]
        self._running = self._thread.submit(task)
        return ended

    def restart(self) -> None:
        """Forget the shot so far, because a cut has ended it: the next frame is searched like a first one."""
        if self._running:
            self._running.result()  # one call of the detector runs at a time
            self._running = None
        self._tiles = self._all_tiles()
        self._begins_shot = True

    def forget_tiles(self) -> None:
        """Search every tile when its turn comes, changed or not: a face that was tracked may be found there again."""
        self._tiles.forget()

    def close(self) -> None:
        """Wait for a search that still runs, so that the detector is free. Its result is dropped."""
        if self._running:
            wait([self._running])

    def _all_tiles(self) -> TileRotation:
        return TileRotation(RENEW_AFTER if self._every > 1 else 0)


class _CallersThread(Executor):
    """Runs each task at once, in the thread that submits it."""

    def submit(self, task: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The task's result or exception, in a future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(task(*args, **kwargs))
        except Exception as e:
            future.set_exception(e)
        return future


def _search(
    detector: DetectsFaces,
    frame: Frame,
    tiles: Sequence[Region],
    low_confidence: bool,
    thorough: bool,
) -> SearchResult:
    """Search the whole frame, then some tiles, and faces of unclear size again, close up."""
    detections = detector.detect(frame, low_confidence=low_confidence)
    confident = [detection for detection in detections if not detection.low_confidence]
    coarse = [is_coarse(detection.box_xyxy, frame.size_wh) for detection in confident]
    large = [detection for detection, small in zip(confident, coarse, strict=True) if not small]
    boxes = [detection.box_xyxy for detection, small in zip(confident, coarse, strict=True) if small]
    closer = [close_up(box, frame.size_wh) for box in boxes]
    return SearchResult(
        large,
        [detection for detection in detections if detection.low_confidence],
        detector.detect_in_tiles(frame, [*closer, *tiles], low_confidence=thorough),
    )
