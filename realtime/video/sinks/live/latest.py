"""A sink whose reader may be slow, or stop reading: it holds nobody up."""

from __future__ import annotations

import contextlib
import queue

from realtime.frames.types import Frame
from realtime.video.sinks.base import BackgroundSink, NullSink, Sink

_LAST_SECONDS = 1.0  # that the last frame is waited for


class LatestSink(BackgroundSink):
    """Writes to another sink in a thread of its own: the latest frame, whenever that sink is ready for one.

    Where the thread waits for a reader for good, it is left alone at the end, and ends with the process.

    Args:
        sink: may wait in `write`.
        name: for the remark about frames that were left out.
    """

    def __init__(self, sink: Sink, name: str) -> None:
        super().__init__(sink)
        self._queue.maxsize, self._name = 1, name
        self.dropped = 0
        """Frames that came while the sink was busy, and were replaced by later ones."""

    def write(self, frame: Frame) -> None:
        if self._error is not None:
            self._fail()
        self._replace(frame)

    def _replace(self, item: Frame | None) -> None:
        with contextlib.suppress(queue.Empty):
            self.dropped += self._queue.get_nowait() is not None
        self._queue.put_nowait(item)  # only one thread puts: there is room

    def _end_thread(self) -> None:
        if not self._thread.is_alive():
            return
        try:
            self._queue.put(None, timeout=_LAST_SECONDS)
        except queue.Full:
            self._replace(None)
        self._thread.join(_LAST_SECONDS)
        if self._thread.is_alive():
            self._sink = NullSink()  # what the thread still writes to cannot be closed
        if self.dropped:
            frames = "1 frame" if self.dropped == 1 else f"{self.dropped} frames"
            self.remarks.note(f"{self._name}: its reader was too slow for {frames}, which it did not get")
