"""A thread that reads a source, or parses its frames, ahead of its consumer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Generic, Protocol, TypeVar

from engines.closing import Closing
from engines.errors import SourceError
from realtime.timing import StageTimer

T = TypeVar("T")
Made = TypeVar("Made", covariant=True)

_WAIT_CAPACITY = 4  # enough to ride over an uneven consumer; each frame more is memory (12 MB at 4K)
_LONGEST_START_SECONDS = 10.0


class Policy(Enum):
    """What the reader does when the consumer is slower than the source."""

    WAIT = "wait"
    """It waits: a bounded queue, nothing is dropped. For files."""
    DROP_OLDEST = "drop_oldest"
    """It goes on: the one slot always holds the latest frame, and dropped ones are counted. For live sources."""


class Makes(Protocol[Made]):
    """What a buffer reads: a source of frames, or of what was made of them."""

    def __iter__(self) -> Iterator[Made]:
        """The items, in order; asked for once, by the buffer's thread."""
        ...

    def stop(self) -> None:
        """Let the iteration end soon. Called by another thread."""
        ...


class Buffer(Closing, Generic[T]):
    """Reads a source in its own thread; a context manager, which does not close the source itself.

    Iterating (or `read`) gives the frames. An exception of the source comes out where the frames that it did read end;
    but a source that breaks off after frames (a cut file, a lost stream) just ends, and `damage` says why.
    """

    def __init__(
        self,
        source: Makes[T],
        policy: Policy = Policy.WAIT,
        timer: StageTimer | None = None,
        capacity: int = _WAIT_CAPACITY,
        name: str = "reader",
    ) -> None:
        """Args:
        timer: gets the stage "decode": what the thread spent on getting each frame.
        capacity: frames that wait at most where the policy is to wait; the next one is only begun once there is room.
        name: of the thread.
        """
        self.dropped = 0
        self.damage: str | None = None
        """Why the source broke off, once it has."""
        self._source, self._policy, self._timer = source, policy, timer or StageTimer()
        self._capacity = capacity
        self._frames: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = self._read_any = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        try:
            self._thread.start()
        except KeyboardInterrupt:  # while it starts: nobody else would stop it before the source is closed
            self._let_go()
            with self._changed:
                self._changed.wait_for(lambda: self._ended, _LONGEST_START_SECONDS)
            raise

    def read(self) -> T | None:
        """The next frame; None once the source has ended or the buffer was closed. Raises what the source raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._ended or self._closed)
            if self._frames and not self._closed:
                self._changed.notify_all()
                self._read_any = True
                return self._frames.popleft()
            error, self._error = self._error, None
        if isinstance(error, SourceError) and self._read_any:
            self.damage = str(error)
            return None
        if error is not None:
            raise error
        return None

    def __iter__(self) -> Iterator[T]:
        while (frame := self.read()) is not None:
            yield frame

    def close(self) -> None:
        """Stop the thread and let go of its frames. The thread has ended on return: the source may be closed."""
        self._let_go()
        self._thread.join()

    def _let_go(self) -> None:
        with self._changed:
            self._closed = True
            self._frames.clear()
            self._changed.notify_all()
        self._source.stop()

    def _run(self) -> None:
        try:
            frames = iter(self._source)
            while self._has_room():
                with self._timer.stage("decode"):
                    frame = next(frames, None)
                if frame is None:
                    break
                self._put(frame)
        except Exception as e:
            self._error = e
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _has_room(self) -> bool:
        """Waits for it where the policy is to wait; False once the buffer is closed."""
        with self._changed:
            if self._policy is Policy.WAIT:
                self._changed.wait_for(lambda: len(self._frames) < self._capacity or self._closed)
            return not self._closed

    def _put(self, frame: T) -> None:
        with self._changed:
            if self._policy is Policy.DROP_OLDEST and self._frames:
                self._frames.popleft()
                self.dropped += 1
            if not self._closed:
                self._frames.append(frame)
                self._changed.notify_all()
