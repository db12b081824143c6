"""A thread that iterates ahead of its consumer: it reads a source, or parses its frames."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Generic, TypeVar

from engines.closing import Closing
from engines.errors import SourceError

T = TypeVar("T")

READ_AHEAD = 4
"""Items that wait: enough for an uneven consumer. Each more frame is memory (12 MB at 4K, 37 MB with 10 bits)."""
_LONGEST_START_SECONDS = 10.0
_IDLE_SECONDS = 0.05


class Policy(Enum):
    """What the thread does when the consumer is slower."""

    WAIT = "wait"
    """It waits: a bounded queue, nothing is dropped. For files."""
    DROP_OLDEST = "drop_oldest"
    """It goes on: the one slot always holds the latest item, and dropped ones are counted. For live sources."""


class Buffer(Closing, Generic[T]):
    """Iterates in a thread of its own; a context manager, which ends the thread and closes nothing else.

    Iterating over the buffer (or `read`) gives the items in their order. An exception of the thread is raised after the
    items that came before it. A source that breaks off after its first frames (a cut file, a lost stream) is no error
    here: the items end, and `damage` says why.

    Args:
        items: what to iterate over; the thread does that, once.
        policy: what happens when the consumer is slower.
        stop: lets the iteration end soon; another thread calls it. None: each item comes soon anyway.
        capacity: the most items that wait where the policy is to wait. The next item is begun once there is room.
        name: the thread's name.
    """

    def __init__(
        self,
        items: Iterable[T],
        policy: Policy = Policy.WAIT,
        *,
        stop: Callable[[], None] | None = None,
        capacity: int = READ_AHEAD,
        name: str = "reader",
    ) -> None:
        self.dropped = 0
        self.damage: str | None = None
        """Why the source broke off, once it has."""
        self._policy, self._stop, self._capacity = policy, stop, capacity
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = self._read_any = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(items,), name=name, daemon=True)
        try:
            self._thread.start()
        except KeyboardInterrupt:  # while it starts: nobody else would stop it before the source is closed
            self._let_go()
            with self._changed:
                self._changed.wait_for(lambda: self._ended, _LONGEST_START_SECONDS)
            raise

    def read(self) -> T | None:
        """The next item; None once the items have ended or the buffer was closed. Raises what the thread raised."""
        with self._changed:
            self._changed.wait_for(self._is_ready)
            if self._waiting and not self._closed:
                self._changed.notify_all()
                self._read_any = True
                return self._waiting.popleft()
            error, self._error = self._error, None
        if isinstance(error, SourceError) and self._read_any:
            self.damage = str(error)
            return None
        if error is not None:
            raise error
        return None

    def __iter__(self) -> Iterator[T]:
        while (item := self.read()) is not None:
            yield item

    def read_while(self, goes_on: Callable[[], bool]) -> Iterator[T]:
        """The same. About 20 times a second while an item is waited for, it is asked whether that goes on."""
        while True:
            with self._changed:
                is_ready = self._changed.wait_for(self._is_ready, _IDLE_SECONDS)
            if not is_ready and not goes_on():
                return
            if is_ready:
                item = self.read()
                if item is None:
                    return
                yield item

    def close(self) -> None:
        """Stop the thread and drop its items. The thread has ended on return: the source may be closed."""
        self._let_go()
        self._thread.join()

    def _is_ready(self) -> bool:
        return bool(self._waiting) or self._ended or self._closed

    def _let_go(self) -> None:
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._stop:
            self._stop()

    def _run(self, items: Iterable[T]) -> None:  # only the thread holds the items: a generator closes with it
        try:
            iterator = iter(items)
            while self._has_room():
                item = next(iterator, None)
                if item is None:
                    break
                self._put(item)
        except Exception as e:
            self._error = e
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _has_room(self) -> bool:
        """Waits for room where the policy is to wait; False once the buffer is closed."""
        with self._changed:
            if self._policy is Policy.WAIT:
                self._changed.wait_for(lambda: len(self._waiting) < self._capacity or self._closed)
            return not self._closed

    def _put(self, item: T) -> None:
        with self._changed:
            if self._policy is Policy.DROP_OLDEST and self._waiting:
                self._waiting.popleft()
                self.dropped += 1
            if not self._closed:
                self._waiting.append(item)
                self._changed.notify_all()
