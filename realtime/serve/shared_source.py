"""The server's source: it is read once for all viewers, and only while somebody watches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Protocol

from engines.errors import UnveilError
from realtime.frames.types import Frame
from realtime.serve.pictures import shrunk
from realtime.video.sources.base import Source

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 30.0
_LOOK_SECONDS = 0.1  # between two looks of a waiting reader whether it was stopped
_log = logging.getLogger(__name__)


class Watches(Protocol):
    """A viewer of the source. Its methods are called in the thread of the event loop."""

    def take_frame(self, frame: Frame) -> None:
        """The next frame."""

    def source_lost(self, problem: str) -> None:
        """The source gives no frames for now; the sentence says why."""


class SharedSource:
    """Gives each frame to every viewer; a viewer who is slow gets the newest.

    Viewers share the reading and not the masking, because a camera can be opened once and a stream costs bandwidth,
    while each viewer has settings of its own: no viewer's choice changes what another one sees.

    The source is open only while somebody watches: a camera's light is off otherwise. A file begins again at its end. A
    source that is lost is opened again, after a wait that doubles.

    Args:
        name: for people.
        open_source: opens it, at its own pace.
    """

    def __init__(self, name: str, open_source: Callable[[], Source]) -> None:
        self.name = name
        self._open = open_source
        self._watching: set[Watches] = set()
        self._reader: _Reader | None = None
        self._one_open = threading.Lock()

    def join(self, watcher: Watches) -> None:
        """Begin to give a viewer the frames."""
        self._watching.add(watcher)
        if self._reader is None:
            self._reader = _Reader(self._open, self._one_open, self._give, self._tell)

    def leave(self, watcher: Watches) -> None:
        """Give a viewer no more frames. Leaving twice does nothing."""
        self._watching.discard(watcher)
        if not self._watching and self._reader is not None:
            self._reader.stop()
            self._reader = None

    def wait_until_closed(self) -> None:
        """Wait, once all have left, until the source is closed. It may take as long as the source's own timeout."""
        with self._one_open:
            pass  # the reader holds it for as long as its source is open

    def _give(self, frame: Frame) -> None:
        for watcher in self._watching:
            watcher.take_frame(frame)

    def _tell(self, problem: str) -> None:
        for watcher in self._watching:
            watcher.source_lost(problem)


class _Reader:
    """A thread that reads a source until it is stopped.

    Args:
        one_open: held while the source is open: a reader that was stopped may still hold the camera that the next one
            wants.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        one_open: threading.Lock,
        give: Callable[[Frame], None],
        tell: Callable[[str], None],
    ) -> None:
        self._open, self._one_open, self._give, self._tell = open_source, one_open, give, tell
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._source: Source | None = None
        threading.Thread(target=self._run, name="source", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end soon. It closes the source."""
        self._stopped.set()
        if source := self._source:
            source.stop()

    def _run(self) -> None:
        wait_seconds = _FIRST_WAIT_SECONDS
        while self._has_turn():
            frames = 0
            try:
                with self._open() as self._source:
                    for frame in self._source:
                        if self._stopped.is_set():
                            return
                        frames += 1
                        self._call(self._give, shrunk(frame))
                problem = None if frames else "the server's source has no frames"
            except UnveilError as e:
                problem = str(e)
            except Exception as e:
                _log.exception("unexpected error while the source was read")
                problem = f"the server's source failed: unexpected {type(e).__name__}: {e}"
            finally:
                self._source = None
                self._one_open.release()
            if problem is None or frames:
                wait_seconds = _FIRST_WAIT_SECONDS
            if problem is not None:
                self._call(self._tell, f"{problem}; trying again in {wait_seconds:g} s")
                self._stopped.wait(wait_seconds)
                wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)

    def _has_turn(self) -> bool:
        """Wait until no other reader has the source open, and hold `one_open`. False, without it, once stopped."""
        while not self._stopped.is_set():
            if self._one_open.acquire(timeout=_LOOK_SECONDS):
                if not self._stopped.is_set():
                    return True
                self._one_open.release()
        return False

    def _call(self, function: Callable[..., None], argument: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody is there to be told
            self._loop.call_soon_threadsafe(self._told, function, argument)

    def _told(self, function: Callable[..., None], argument: object) -> None:
        if not self._stopped.is_set():  # since it was said, the last viewer may have left
            function(argument)
