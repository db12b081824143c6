"""What every sink of frames does, and the two that need no format."""

from __future__ import annotations

import queue
import secrets
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from engines.errors import SinkError
from realtime.timing import StageTimer
from realtime.types import Frame

_QUEUED = 4  # frames that wait for the encoder
_STEM_KEPT = 40  # characters of up to 4 bytes, of the 255 bytes that a name may have


class Sink(ABC):
    """Takes frames. A context manager: leaving it closes the sink, leaving it with an exception aborts it."""

    wants_more: bool = True
    """False once whoever watches has seen enough (a window that was closed)."""

    @abstractmethod
    def write(self, frame: Frame) -> None:
        """Take one frame. Raises SinkError where it cannot be written."""

    @abstractmethod
    def close(self) -> None:
        """Finish the output and put it in its place."""

    @abstractmethod
    def abort(self) -> None:
        """Leave no trace: an earlier output of that name stays as it was. Does nothing after `close`."""

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
    """Counts the frames and forgets them."""

    def __init__(self) -> None:
        self.frames = 0

    def write(self, frame: Frame) -> None:
        self.frames += 1

    def close(self) -> None:
        """Nothing is held open."""

    def abort(self) -> None:
        """Nothing is held open."""


class BackgroundSink(Sink):
    """Another sink, written to in a thread of its own, so that encoding overlaps with the rest.

    An exception of that sink comes out of the next `write` or of `close`; the output is then gone, as after `abort`.
    """

    def __init__(self, sink: Sink, timer: StageTimer | None = None) -> None:
        """Args:
        timer: gets the stage "encode": what the thread spent on writing each frame.
        """
        self._sink, self._timer = sink, timer or StageTimer()
        self._queue: queue.Queue[Frame | None] = queue.Queue(_QUEUED)
        self._error: Exception | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def wants_more(self) -> bool:  # type: ignore[override]
        """Whether the sink behind wants more."""
        return self._sink.wants_more

    def write(self, frame: Frame) -> None:
        if self._error is not None:
            self._fail()
        self._queue.put(frame)

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
        # After an error the queue is still emptied, so that nobody waits for a place in it.
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


class PartFile:
    """An output under a hidden name of its own beside its place, `.<stem>.<token>.part`, until it is whole.

    Nobody else has that name: two runs with one output both write a whole file, and the later one stays.
    """

    def __init__(self, path: Path) -> None:
        """Makes the folder and an empty file, so that an output that cannot be written is known at once.

        Raises:
            SinkError: it cannot be written.
        """
        self.path = path
        # A part of the stem: the whole of a long name would leave no room for the rest.
        self.part = path.with_name(f".{path.stem[:_STEM_KEPT]}.{secrets.token_hex(4)}.part")
        with sink_errors(path):
            if path.is_dir():
                raise SinkError(
                    f"{path} cannot be written: a folder of that name is in the way; choose another --output"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            self.part.touch(exist_ok=False)
        # Also where an interrupt comes before anybody holds this: nobody would ever use that name again.
        weakref.finalize(self, self.part.unlink, missing_ok=True)

    def keep(self) -> None:
        """Put the whole file in its place, over an earlier one; where that fails it is gone."""
        try:
            with sink_errors(self.path):
                self.part.replace(self.path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the temporary file, if it is there."""
        self.part.unlink(missing_ok=True)


@contextmanager
def sink_errors(path: Path) -> Iterator[None]:
    """Translate what the system or FFmpeg says about an output into SinkError."""
    try:
        yield
    except (OSError, av.FFmpegError) as e:
        reason = e.strerror or str(e)
        raise SinkError(f"{path} cannot be written ({reason}); check the folder, its rights and the free space") from e
