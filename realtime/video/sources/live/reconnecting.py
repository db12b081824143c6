"""Goes on with a live source that is lost and comes back: a camera that was unplugged, a server that was restarted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from engines.errors import SourceError
from realtime.frames.letterbox import letterboxed
from realtime.frames.types import Frame
from realtime.video.remarks import Remarks
from realtime.video.sources.base import Source

_TIME_BASE = Fraction(1, 90_000)
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.25, 4.0
_SOUND_SECONDS = 2.0  # a connection that lasted so long was a good one: the next loss begins with short waits again


@dataclass(frozen=True)
class Reconnecting:
    """How a lost source is opened again."""

    seconds: float
    """How long it is tried, from the loss on."""
    say: Callable[[str], None]
    """Gets a sentence for each loss and return."""


class ReconnectingSource(Source):
    """The frames of a live source, which is opened again whenever it is lost.

    Frames keep the size of the first ones, and their times go on: the gap takes as long as it took.

    Args:
        open_again: opens the source; raises SourceError while it is not there.
    """

    def __init__(self, source: Source, open_again: Callable[[], Source], how: Reconnecting) -> None:
        super().__init__(source.info)
        self._source: Source | None = source
        self._open_again, self._how = open_again, how
        self.remarks = Remarks(log=False)  # each source logs its own
        self.remarks.take(source.remarks)
        self._wait_seconds = _FIRST_WAIT_SECONDS

    def __iter__(self) -> Iterator[Frame]:
        index, last_pts, started = 0, -1, time.perf_counter()
        source = self._source
        while source is not None:
            opened, first_pts, base = time.perf_counter(), None, 0
            try:
                for frame in source:
                    pts = round((frame.pts_seconds or 0.0) / _TIME_BASE)
                    if first_pts is None:
                        first_pts = pts
                        base = round((time.perf_counter() - started) / _TIME_BASE) if index else 0
                    last_pts = max(last_pts + 1, base + pts - first_pts)
                    fitted = letterboxed(frame, self.info.size_wh)
                    yield replace(fitted, index=index, pts=last_pts, time_base=_TIME_BASE, duration=None)
                    index += 1
                return
            except SourceError as e:
                if time.perf_counter() - opened > _SOUND_SECONDS:
                    self._wait_seconds = _FIRST_WAIT_SECONDS
                if self._stopped.is_set():
                    return
                source = self._returned(str(e))

    def stop(self) -> None:
        super().stop()
        if source := self._source:
            source.stop()

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self.remarks.take(self._source.remarks)
            self._source = None

    def _returned(self, loss: str) -> Source | None:
        """The source, opened again; None where the run was stopped meanwhile.

        Raises:
            SourceError: it did not come back in time.
        """
        lost_at = time.perf_counter()
        self._how.say(f"lost: {loss}; trying again for {self._how.seconds:g} s")
        self.close()
        while (left := lost_at + self._how.seconds - time.perf_counter()) > 0:
            if self._stopped.wait(min(left, self._wait_seconds)):
                return None
            self._wait_seconds = min(2 * self._wait_seconds, _LONGEST_WAIT_SECONDS)
            try:
                source = self._open_again()
            except SourceError:
                continue
            self._source = source
            if self._stopped.is_set():
                return None
            self.reconnects += 1
            self._how.say(f"back: {self.info.name}, after {time.perf_counter() - lost_at:.1f} s")
            return source
        raise SourceError(f"{loss}; it did not come back within {self._how.seconds:g} s")
