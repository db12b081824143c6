"""Several sinks at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from realtime.frames.types import Frame
from realtime.video.sinks.base import Sink


class ManySinks(Sink):
    """Gives each frame to several sinks, in their order. It ends when one of them wants no more."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    @property
    def wants_more(self) -> bool:  # type: ignore[override]
        """Whether all of them want more."""
        return all(sink.wants_more for sink in self._sinks)

    @property
    def is_watched(self) -> bool:  # type: ignore[override]
        """Whether any of them is."""
        return any(sink.is_watched for sink in self._sinks)

    def write(self, frame: Frame) -> None:
        for sink in self._sinks:
            sink.write(frame)

    def idle(self) -> None:
        for sink in self._sinks:
            sink.idle()

    def close(self) -> None:
        with ExitStack() as closing:
            for sink in self._sinks:
                closing.callback(self._close_one, sink)

    def abort(self) -> None:
        with ExitStack() as aborting:
            for sink in self._sinks:
                aborting.callback(sink.abort)

    def _close_one(self, sink: Sink) -> None:
        sink.close()
        self.remarks.take(sink.remarks)
