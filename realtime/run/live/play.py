"""Live runs: a camera, a stream, or a file at its own pace, until its end or until somebody stops it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from engines.engine import Engine
from realtime.controls import Controls
from realtime.faces.detect import DetectsFaces
from realtime.pipeline import Options, Summary, run
from realtime.video.sinks.base import Sink
from realtime.video.sources.base import Source
from realtime.video.sources.depth_files import DepthInput
from realtime.video.sources.live.camera import CameraMode
from realtime.video.sources.live.reconnecting import Reconnecting
from realtime.video.sources.open import open_source


@dataclass(frozen=True)
class LiveRun:
    """The result of a live run."""

    summary: Summary
    interrupted: bool
    """True if Ctrl-C ended it."""


class Shows(Protocol):
    """Shows people how far a run is (`realtime.run.progress.Progress`)."""

    def start(self, name: str, total_frames: int | None) -> None:
        """A source begins."""
        ...

    def frame_done(self, frames: int) -> None:
        """So many frames are done."""
        ...

    def say(self, text: str) -> None:
        """Show a sentence."""
        ...


@dataclass(frozen=True)
class LiveSource:
    """What is played, and for how long."""

    address: str
    """As `open_source` takes it."""
    seconds: float | None = None
    """The time limit, counted from when the source is open."""
    depth: DepthInput | None = None
    """The depth of a file's frames."""
    camera_mode: CameraMode | None = None
    """What is asked of a camera."""
    reconnect_seconds: float = 0.0
    """How long a camera or stream that was lost is tried again; 0: not at all."""


def play(
    played: LiveSource,
    engine: Engine,
    sink: Sink,
    options: Options,
    shows: Shows,
    controls: Controls | None = None,
    detector: DetectsFaces | None = None,
) -> LiveRun:
    """Run a source until it ends, or until the viewer, the frame limit, the time limit or Ctrl-C stops it.

    If the source is lost, or ends although it announced no end, the summary has `damage`. Stopping it is not damage.

    Args:
        sink: closed at the end.
        shows: gets the progress, and each loss and return of the source.
        controls: what may be changed meanwhile; None: nothing.
        detector: finds faces; None: the one that the options name.
    """
    reconnecting = Reconnecting(played.reconnect_seconds, shows.say)
    with ExitStack() as not_begun:
        not_begun.callback(sink.abort)
        source = open_source(
            played.address, live=True, depth=played.depth, camera_mode=played.camera_mode, reconnecting=reconnecting
        )
        not_begun.pop_all()  # from here on the pipeline closes the sink
    with source:
        shows.start(source.info.name, None)
        with _stopped_after(source, played.seconds), _stopped_by_interrupt(source) as interrupted:
            summary = run(
                source, engine, sink, options, detector=detector, controls=controls, on_frame=shows.frame_done
            )
    return LiveRun(summary, interrupted.is_set())


@contextmanager
def _stopped_after(source: Source, seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, source.stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _stopped_by_interrupt(source: Source) -> Iterator[threading.Event]:
    """The first Ctrl-C stops the source, so that everything closes in order; the second one interrupts at once."""
    interrupted = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        source.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
