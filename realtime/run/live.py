"""Live runs: a camera, a stream, or a file at its own pace, until its end or until somebody stops it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from engines.engine import Engine
from realtime.pipeline import Options, Summary, run
from realtime.run.progress import Progress
from realtime.video.sinks.base import Sink
from realtime.video.sources.base import Source
from realtime.video.sources.depth_files import DepthInput
from realtime.video.sources.open import open_source


@dataclass(frozen=True)
class LiveRun:
    """The result of a live run."""

    summary: Summary
    interrupted: bool
    """True if Ctrl-C ended it."""


def play(
    spec: str,
    engine: Engine,
    sink: Sink,
    options: Options,
    progress: Progress,
    *,
    seconds: float | None = None,
    depth: DepthInput | None = None,
) -> LiveRun:
    """Run a source until it ends, or until the viewer, the frame limit, the time limit or Ctrl-C stops it.

    If the source is lost, or ends although it announced no end, the summary has `damage`. Stopping it is not damage.

    Args:
        spec: the source, as `open_source` takes it.
        sink: closed at the end.
        seconds: the time limit, counted from when the source is open.
        depth: the depth of a file's frames.
    """
    with open_source(spec, live=True, depth=depth) as source:
        progress.start(source.info.name, None)
        with _stopped_after(source, seconds), _stopped_by_interrupt(source) as interrupted:
            summary = run(source, engine, sink, options, on_frame=progress.frame_done)
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
