"""Frames on standard output, for other programs such as ffmpeg."""

from __future__ import annotations

from fractions import Fraction
from typing import BinaryIO, Literal

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realtime.frames.types import Frame
from realtime.video.av_frame import view
from realtime.video.sinks.base import Sink
from realtime.video.sinks.live.viewing import Colours, even_wh, grays, viewed
from realtime.video.to_av import ToAv

PipeFormat = Literal["nut", "raw"]
_TIME_BASE = Fraction(1, 90_000)


class PipeSink(Sink):
    """Writes yuv420p pictures. `wants_more` becomes False once the reader is gone.

    Args:
        file: where to.
        container: "nut" states size, format and the time of each picture; "raw" is the planes alone, one after the
            other.
    """

    def __init__(self, file: BinaryIO, container: PipeFormat, colours: Colours = grays) -> None:
        self._pipe, self._format, self._colours = _Pipe(file), container, colours
        self._to_av, self._size_wh = ToAv("yuv420p"), (0, 0)
        self._container: OutputContainer | None = None
        self._stream: VideoStream
        self._last_pts = -1

    def write(self, frame: Frame) -> None:
        self._size_wh = self._size_wh if any(self._size_wh) else even_wh(frame)
        picture = self._to_av(viewed(frame, self._size_wh, self._colours))
        if self._format == "raw":
            for plane in picture.planes:
                self._pipe.write(np.ascontiguousarray(view(plane)).tobytes())
        else:
            self._mux(frame, picture)
        self.wants_more = not self._pipe.is_broken

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def abort(self) -> None:
        self.close()

    def _mux(self, frame: Frame, picture: VideoFrame) -> None:
        if self._container is None:
            self._container = av.open(self._pipe, "w", format="nut", options={"flush_packets": "1"})
            self._stream = self._container.add_stream("rawvideo")
            self._stream.width, self._stream.height = self._size_wh
            self._stream.pix_fmt, self._stream.time_base = "yuv420p", _TIME_BASE
            self._stream.codec_context.time_base = _TIME_BASE
        seconds = frame.pts_seconds if frame.pts_seconds is not None else frame.captured_at
        self._last_pts = max(self._last_pts + 1, round(seconds / _TIME_BASE))
        picture.pts, picture.time_base = self._last_pts, _TIME_BASE
        self._container.mux(self._stream.encode(picture))


class _Pipe:
    """A file that cannot be sought. What is written after its reader has gone is lost without an error."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.is_broken = file, False

    def write(self, data: bytes) -> int:
        if not self.is_broken:
            left = memoryview(data)
            try:
                while left:  # without a buffer of its own, a file may take a part
                    left = left[self._file.write(left) :]
                self._file.flush()
            except (BrokenPipeError, ConnectionError):
                self.is_broken = True
        return len(data)
