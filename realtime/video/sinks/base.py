"""The interface of all sinks of frames, and the sinks that do not depend on a format."""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from functools import cached_property
from types import TracebackType
from typing import Self

from realtime.frames.types import Frame
from realtime.timing import StageTimer
from realtime.video.remarks import Remarks

_QUEUED, _QUEUED_BYTES = 4, 24e6  # that wait for the encoder: four frames of 1080p, one of 4K


class Sink(ABC):
    """Takes frames. A context manager: it closes the sink at the end, and aborts it after an exception."""

    wants_more: bool = True
    """False after the viewer has ended the run by closing the window."""
    is_watched: bool = True
    """False while nobody sees what is written. Frames of a live source need not be parsed then."""
    wants_thread: bool = False
    """True if writing takes so long that it belongs in a thread of its own (`BackgroundSink`), as encoding does."""

    @cached_property
    def remarks(self) -> Remarks:
        """What of the input the output does not have. Complete once the sink is closed."""
        return Remarks()

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Take one frame. Raises SinkError where it cannot be written."""

    def idle(self) -> None:  # noqa: B027  (only a window has something to do)
        """Called about 20 times a second while no frame comes. It may end the run, by `wants_more`."""

    def cut_sound(self) -> None:  # noqa: B027  (only some sinks have sound)
        """End the input's sound with the last frame, because the pictures were not read to their end.

        Call it before `close`. Without it the sound is kept to its own end.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish the output and put it in its place."""

    @abstractmethod
    def abort(self) -> None:
        """Remove what was written. An earlier output of that name stays unmodified. Does nothing after `close`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


class NullSink(Sink):
    """Counts the frames and keeps none."""

    def __init__(self) -> None:
        self.frames = 0

    def write(self, frame: Frame) -> None:
        self.frames += 1

    def close(self) -> None:
        """There is nothing to release."""

    def abort(self) -> None:
        """There is nothing to release."""


class BackgroundSink(Sink):
    """Writes to another sink in a thread of its own, so that encoding overlaps with the other stages.

    The next `write` or `close` raises an exception of that sink; the output is then removed, as by `abort`.
    """

    def __init__(self, sink: Sink, timer: StageTimer | None = None) -> None:
        """Args:
        timer: records the stage "encode": the time that the thread spends on writing each frame.
        """
        self._sink, self._timer, self.remarks = sink, timer or StageTimer(), sink.remarks
        self._queue: queue.Queue[Frame | None] = queue.Queue(_QUEUED)
        self._error: Exception | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def wants_more(self) -> bool:  # type: ignore[override]
        """The value of the inner sink."""
        return self._sink.wants_more

    @property
    def is_watched(self) -> bool:  # type: ignore[override]
        """The value of the inner sink."""
        return self._sink.is_watched

    def write(self, frame: Frame) -> None:
        if self._error is not None:
            self._fail()
        self._queue.maxsize = max(1, min(_QUEUED, int(_QUEUED_BYTES / frame.nbytes)))
        self._queue.put(frame)

    def cut_sound(self) -> None:
        self._sink.cut_sound()

    def close(self) -> None:
        self._end_thread()
        if self._error is not None:
            self._fail()
        with self._timer.stage("encode"):
            self._sink.close()

    def abort(self) -> None:
        self._dropping = True
        self._end_thread()
        self._sink.abort()

    def _run(self) -> None:
        # After an error the thread still empties the queue, so that `write` never waits for room in it.
        while (frame := self._queue.get()) is not None:
            if self._dropping or self._error is not None:
                continue
            try:
                with self._timer.stage("encode"):
                    self._sink.write(frame)
            except Exception as e:
                self._error = e

    def _end_thread(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _fail(self) -> None:
        self._end_thread()
        self._sink.abort()
        assert self._error is not None
        raise self._error
