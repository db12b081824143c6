"""A recording of a live run that a kill does not spoil."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from engines.errors import SinkError, UsageError
from realtime.frames.types import Frame
from realtime.video.sinks.base import Sink
from realtime.video.sinks.live.viewing import Colours, even_wh, grays, viewed
from realtime.video.sinks.part_file import sink_errors
from realtime.video.to_av import ToAv

_TIME_BASE = Fraction(1, 1000)  # Matroska's own
_OPTIONS = {"preset": "superfast", "tune": "zerolatency", "crf": "21", "g": "60"}
"""Quick, because the masks need the cores; and no frame waits in the encoder, where a kill would lose it."""
_WRITTEN_AT_ONCE = {"cluster_time_limit": "200", "flush_packets": "1"}
"""A cluster is written when it is whole: a kill loses a fifth of a second at most."""


class RecordSink(Sink):
    """Writes H.264 into a Matroska file, without sound. Whatever ends the run, what came before can be played.

    Args:
        path: ends in .mkv; it must not exist.
    """

    def __init__(self, path: Path, colours: Colours = grays) -> None:
        if path.suffix.lower() != ".mkv":
            raise UsageError(f"--record {path}: expected a name that ends in .mkv, which can be played after a kill")
        if path.exists():
            raise SinkError(f"{path} exists; give --record another name, or remove it")
        self._path, self._colours = path, colours
        self._to_av = ToAv("yuv420p")
        with sink_errors(path):
            path.touch()
        self._container: OutputContainer | None = None
        self._stream: VideoStream
        self._size_wh = (0, 0)
        self._first_ms, self._last_ms = 0, -1

    def write(self, frame: Frame) -> None:
        with sink_errors(self._path):
            if self._container is None:
                self._start(frame)
            assert self._container is not None
            seconds = frame.pts_seconds if frame.pts_seconds is not None else frame.captured_at
            at_ms = round(seconds * 1000)
            if self._last_ms < 0:
                self._first_ms = at_ms
            self._last_ms = max(self._last_ms + 1, at_ms - self._first_ms)
            picture = self._to_av(viewed(frame, self._size_wh, self._colours))
            picture.pts, picture.time_base = self._last_ms, _TIME_BASE
            self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        if self._container is None:
            if self._last_ms < 0:  # nothing was recorded
                self._path.unlink(missing_ok=True)
            return
        container, self._container = self._container, None
        with sink_errors(self._path):
            container.mux(self._stream.encode(None))
            container.close()

    def abort(self) -> None:
        """Keep what was recorded so far."""
        with contextlib.suppress(SinkError):  # what went wrong was said already
            self.close()

    def _start(self, frame: Frame) -> None:
        self._size_wh = even_wh(frame)
        self._container = av.open(str(self._path), "w", format="matroska", options=_WRITTEN_AT_ONCE)
        self._stream = self._container.add_stream("libx264", options=_OPTIONS)
        self._stream.width, self._stream.height = self._size_wh
        self._stream.pix_fmt, self._stream.time_base = "yuv420p", _TIME_BASE
        self._stream.codec_context.time_base = _TIME_BASE
