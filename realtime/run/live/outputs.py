"""Where a live run goes: the sinks that the options of `unveil live` name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from realtime.controls import Controls
from realtime.frames.types import Rgb
from realtime.render.palette import palette
from realtime.run.live.keys import Keys
from realtime.run.live.models import ModelLoader
from realtime.video.sinks.base import BackgroundSink, NullSink, Sink
from realtime.video.sinks.live.display import check_display
from realtime.video.sinks.live.latest import LatestSink
from realtime.video.sinks.live.many import ManySinks
from realtime.video.sinks.live.mjpeg import MjpegSink
from realtime.video.sinks.live.pipe import PipeFormat, PipeSink
from realtime.video.sinks.live.record import RecordSink
from realtime.video.sinks.live.virtualcam import VirtualCameraSink
from realtime.video.sinks.live.window import WindowSink


@dataclass(frozen=True)
class Outputs:
    """What was asked for; several go together."""

    window: bool = True
    record: Path | None = None
    mjpeg_port: int | None = None
    pipe: PipeFormat | None = None
    virtual_camera: bool = False

    def check(self) -> None:
        """Raise SinkError where there is no display for the window."""
        if self.window:
            check_display()


def open_sink(
    outputs: Outputs,
    controls: Controls,
    loader: ModelLoader,
    labels: tuple[str, ...],
    background: str | None,
    say: Callable[[str], None],
) -> Sink:
    """Open all that was asked for.

    Args:
        controls, loader: what the keys of the window change.
        labels: those of the first model.
        background: the name of the first background.
        say: is told where the frames are, for people.

    Raises:
        SinkError: one of them cannot be opened; then none is open.
        UsageError: the recording's name has another suffix.
    """

    def colours() -> Rgb:
        return palette(controls.vitals.labels or labels)

    sinks: list[Sink] = []
    with ExitStack() as opened:

        def add(sink: Sink) -> None:
            opened.callback(sink.abort)
            sinks.append(sink)

        if outputs.record:
            add(BackgroundSink(RecordSink(outputs.record, colours)))
        if outputs.virtual_camera:
            add(VirtualCameraSink(colours))
        if outputs.pipe:
            # The file's own buffer would be locked at the end if a thread still waited for its reader.
            file = getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
            add(LatestSink(PipeSink(file, outputs.pipe, colours), "--pipe"))
        if outputs.mjpeg_port is not None:
            served = MjpegSink(outputs.mjpeg_port, colours)
            say(f"shown at {served.url}")
            add(served)
        if outputs.window:
            keys = Keys(controls, loader.want, controls.settings.model, background)
            add(WindowSink(colours, on_key=keys.press, lines=lambda: [*keys.lines(), *filter(None, [loader.problem])]))
        opened.pop_all()
    return _joined(sinks)


def _joined(sinks: list[Sink]) -> Sink:
    if not sinks:
        return NullSink()
    return sinks[0] if len(sinks) == 1 else ManySinks(sinks)
