"""When and where a video's frames are searched for faces: at once where none is followed, else beside the parser."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from engines.closing import Closing
from realtime.detect import DetectsFaces
from realtime.tile_rotation import MOST_SKIPPED, TileRotation
from realtime.tiles import close_up, is_coarse
from realtime.types import Detection, Frame, Region

_TILES_PER_SEARCH = 1  # 4 ms, beside the 6 of a search in the whole frame (720p, one core)
_TILES_BETWEEN = 2  # one at a time, between two searches: the 15 tiles of a 720p frame have their turn in 5 intervals


@dataclass(frozen=True)
class Found:
    """What one search has found, best first."""

    large: Sequence[Detection]
    """In the whole frame."""
    faint: Sequence[Detection]
    """In the whole frame, where that shows no face."""
    small: Sequence[Detection]
    """In tiles of it: some of them are textures, hands, or parts of a larger face."""


class Search(Closing):
    """Searches the frames of one video, `every` so many of them whole, and a few tiles between.

    A search takes as long as parsing two or three faces. So while all goes well it runs in a thread of its own, beside
    the parser, and what it finds is told one frame later: always one, so that a file gives the same result each time.

    Args:
        detector: what finds faces. One call runs at a time.
        every: frames between two searches of whole frames; with 1 each frame is searched at once, and no tile is left
            out: nothing may show, even briefly.
        most: faces of interest at most.
    """

    def __init__(self, detector: DetectsFaces, every: int, most: int) -> None:
        self._detector = detector
        self._every = every
        self._most = most
        self._since_whole = 0
        """Frames since the whole frame was searched."""
        self._tiles = TileRotation(MOST_SKIPPED if every > 1 else 0)
        self._thread = ThreadPoolExecutor(1, "search")  # starts it with the first search beside the parser
        self._running: Future[Found] | None = None

    def look(self, frame: Frame, *, urgent: bool, faint: bool = False) -> list[Found]:
        """Search the next frame, if it is due. Raises what the detector raised.

        Args:
            urgent: search it now, and whole: no face is followed, or one is missing.
            faint: tell of what might be a face, too, where nothing else is found. Of an urgent search.

        Returns:
            What the searches that have ended since the last call have found, in their order.
        """
        ended = [self._running.result()] if self._running else []
        self._running = None
        self._since_whole += 1
        whole = urgent or self._since_whole >= self._every
        if whole:
            self._since_whole = 0
        tiles = self._tiles.take(frame, self._tiles_due())
        if not whole and not tiles:
            return ended
        search = partial(_search, self._detector, frame, whole, tiles, self._most, urgent and faint)
        if urgent or self._every == 1:
            return [*ended, search()]
        self._running = self._thread.submit(search)
        return ended

    def forget_tiles(self) -> None:
        """Look at every tile when its turn comes, moved or not: a face that was followed may be there to be found."""
        self._tiles.forget()

    def close(self) -> None:
        """Let the search that runs end, so that the detector is free."""
        self._thread.shutdown()

    def _tiles_due(self) -> int:
        if self._since_whole == 0:
            return _TILES_PER_SEARCH
        return self._since_whole % max(1, self._every // (_TILES_BETWEEN + 1)) == 0


def _search(
    detector: DetectsFaces, frame: Frame, whole: bool, tiles: Sequence[Region], most: int, faint: bool
) -> Found:
    """Look for faces in some tiles, and in the whole frame first: those that are small there are looked at closely."""
    told = detector.detect(frame, faint=faint) if whole else []
    detections = [detection for detection in told if not detection.faint]
    coarse = [is_coarse(detection.box_xyxy, frame.size_wh) for detection in detections]
    large = [detection for detection, small in zip(detections, coarse, strict=True) if not small]
    boxes = [detection.box_xyxy for detection, small in zip(detections, coarse, strict=True) if small]
    closer = [close_up(box, frame.size_wh) for box in boxes[:most]]
    return Found(
        large, [detection for detection in told if detection.faint], detector.detect_in_tiles(frame, [*closer, *tiles])
    )
