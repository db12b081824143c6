"""Video files and network streams, through PyAV."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
from av.codec.context import Flags as CodecFlags
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engines.errors import SourceError
from realtime.frames.types import Frame
from realtime.video.av_frame import SPACE_OF_MATRIX, UNSPECIFIED, FromAv, Orientation, orientation_of, turn
from realtime.video.sources.base import Source, SourceInfo, SourceKind, file_path
from realtime.video.sources.stream import TIMEOUT_SECONDS, StreamReader, open_stream, stated_seconds, without_password

VIDEO_SUFFIXES = frozenset({
    ".264", ".265", ".3gp", ".avi", ".flv", ".gif", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mkv",
    ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})  # fmt: skip
_LOG = logging.getLogger(__name__)
_CHECK = "check the sender and the network"
_DEFAULT_FPS = 25.0
_SHORT_SECONDS, _SHORT_SHARE = 1.0, 0.05  # A warning names pictures that end this much before the stated end.


class VideoSource(Source):
    """The frames of a video file or stream, upright, in their own planes, with their own times.

    Opening decodes the first frame, so that whatever opens also plays. A file that is cut off or damaged, and a stream
    that breaks off, give all frames that decode and then raise SourceError.
    """

    def __init__(self, address: str | Path) -> None:
        """Args:
        address: the Path of a file, or the URL of a stream.
        """
        self._name = address.name if isinstance(address, Path) else without_password(address)
        self._damaged_packets = 0
        self._cut_off = False
        self._container = open_container(address, self._name)
        try:
            self._stream = video_stream(self._container, self._name)
            self._reader = StreamReader(address, self._container, self._stream) if isinstance(address, str) else None
            self._orientations: dict[int, Orientation] = {}
            self._pictures = self._decode()
            first = self._first_picture()
            self._all_pictures = chain([first], self._pictures)
            self._convert = FromAv((first.width, first.height))
            super().__init__(self._describe(first, address))
        except BaseException:
            self._container.close()
            raise

    def __iter__(self) -> Iterator[Frame]:
        clock = _Clock(self._stream, self.info.fps)
        index = -1
        try:
            for index, picture in enumerate(self._all_pictures):
                yield self._frame(picture, index, clock)
                if self._stopped.is_set():
                    return
        except av.FFmpegError as e:
            raise SourceError(f"{self._name}: reading failed after {index + 1} frames ({reason_of(e)})") from e
        if not self._stopped.is_set():
            self._check_end(index + 1, clock.elapsed_seconds)

    def stop(self) -> None:
        super().stop()
        if self._reader is not None:
            self._reader.stop()

    def close(self) -> None:
        # The generators refer to this object: otherwise the decoder and its frames stay until garbage collection.
        self._pictures.close()
        self._all_pictures = chain()
        self._container.close()

    def _check_end(self, frames: int, seconds: float) -> None:
        stated = f" of about {self.info.frames}" if self.info.frames else ""
        problem = self._reader.problem(seconds) if self._reader else None
        if problem:
            raise SourceError(f"{self._name}: the stream broke off after {frames} frames{stated} ({problem}); {_CHECK}")
        if self._cut_off or self._damaged_packets:
            what = "ends early" if self._cut_off else f"is damaged ({self._damaged_packets} packets lost)"
            raise SourceError(f"{self._name} {what}: {frames} frames{stated} could be read; get a whole copy of it")
        expected = self.info.duration_seconds or 0.0
        if self._is_file and seconds + max(_SHORT_SECONDS, _SHORT_SHARE * expected) < expected:
            # This is no error, because the sound may be longer. But a cut .mkv looks the same.
            _LOG.warning("%s states %.1f s, its pictures end after %.1f s", self._name, expected, seconds)

    def _decode(self) -> Generator[VideoFrame]:
        decoded_any = False
        for packet in self._reader.packets() if self._reader else self._container.demux(self._stream):
            if packet is not None and packet.size and self._is_file:
                self._cut_off = packet.is_corrupt  # Only the last packet counts: the file ended within it.
            try:
                pictures = self._stream.decode(packet)
            except av.error.InvalidDataError:
                # This is normal before the first key frame of a recording, and from time to time on a network.
                self._damaged_packets += decoded_any and self._is_file
                continue
            decoded_any |= bool(pictures)
            yield from pictures

    @property
    def _is_file(self) -> bool:
        """True for a file on disk and for one of known size behind a URL."""
        return self._reader is None or self._reader.is_file

    def _first_picture(self) -> VideoFrame:
        try:
            first = next(self._pictures, None)
        except av.FFmpegError as e:
            raise SourceError(f"{self._name}: reading failed before the first frame ({reason_of(e)})") from e
        if first is None and self._reader and self._reader.reason:
            raise SourceError(
                f"{self._name}: the stream broke off before its first frame ({self._reader.reason}); {_CHECK}"
            )
        if first is None:
            codec = self._stream.codec_context.name
            raise SourceError(f"{self._name}: no frame of its {codec} video can be decoded; is it whole?")
        return first

    def _frame(self, picture: VideoFrame, index: int, clock: _Clock) -> Frame:
        planes, colour = self._convert(picture)
        orientation = self._orientation(picture)
        if any(orientation):
            planes = tuple(turn(plane, orientation) for plane in planes)  # type: ignore[assignment]
            if colour.space == UNSPECIFIED:  # The guess depends on the height, which turning changes.
                colour = replace(colour, space=SPACE_OF_MATRIX[colour.matrix])
        return Frame(planes, "yuv420p", index, clock.pts(picture.pts), clock.time_base, time.perf_counter(), colour)

    def _orientation(self, picture: VideoFrame) -> Orientation:
        rotation = picture.rotation  # Quick, but less exact than the display matrix, which is read once per rotation.
        if rotation not in self._orientations:
            self._orientations[rotation] = orientation_of(picture)
        return self._orientations[rotation]

    def _describe(self, first: VideoFrame, address: str | Path) -> SourceInfo:
        stream, turned = self._stream, self._orientation(first)[0]
        rate = stream.average_rate or stream.guessed_rate
        fps = float(rate) if rate else None
        seconds = _duration_seconds(self._container, stream)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        return SourceInfo(
            name=self._name,
            kind="video" if isinstance(address, Path) else "stream",
            size_wh=(first.height, first.width) if turned else (first.width, first.height),
            live=not isinstance(address, Path),
            frames=stream.frames or (round(seconds * fps) if seconds and fps else None),
            fps=fps,
            duration_seconds=seconds,
            pixel_aspect=1 / aspect if turned else aspect,
            path=address if isinstance(address, Path) else None,
        )


class _Clock:
    """Times that only increase: a pts that is missing, or not after the last one, continues at the average rate."""

    def __init__(self, stream: VideoStream, fps: float | None) -> None:
        self.time_base = stream.time_base or Fraction(1, 90_000)
        self._step = max(1, round(1 / (fps or _DEFAULT_FPS) / self.time_base))
        self._first: int | None = None
        self._last: int | None = None

    @property
    def elapsed_seconds(self) -> float:
        return 0.0 if self._first is None or self._last is None else float((self._last - self._first) * self.time_base)

    def pts(self, stated: int | None) -> int:
        if self._last is None:
            self._first = self._last = 0 if stated is None else stated
        elif stated is None or stated <= self._last:
            self._last += self._step
        else:
            self._last = stated
        return self._last


def open_container(address: str | Path, name: str) -> InputContainer:
    """Open a file (Path) or a stream (URL). `name` is for messages. Raises SourceError if that fails."""
    if isinstance(address, Path):
        if not address.is_file():
            raise SourceError(f"{address}: {'a folder, not a video' if address.is_dir() else 'no such file'}")
        if address.stat().st_size == 0:
            raise SourceError(f"{address}: the file is empty")
    try:
        if isinstance(address, Path):
            return av.open(f"file:{address}")
        return open_stream(address)
    except (av.FFmpegError, OSError) as e:
        hint = "not a video, or cut off before its index" if isinstance(address, Path) else "is it there and playing?"
        raise SourceError(f"{name}: cannot be opened as a video ({reason_of(e)}); {hint}") from e


def reason_of(error: OSError | av.FFmpegError) -> str:
    """The reason that the system or FFmpeg gives, in a few words."""
    if isinstance(error, av.error.ExitError):  # the timeout of `open_stream`
        return f"no data for {TIMEOUT_SECONDS:g} s"
    return error.strerror or type(error).__name__


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The first video stream. Raises SourceError if there is none, or none that can be decoded."""
    # FFmpeg treats the cover picture of a music file as a video stream.
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        found = ", ".join(sorted({stream.type for stream in container.streams}))
        what = f"has no video stream (found: {found})" if found else "is empty; it was cut off before its index"
        raise SourceError(f"{name}: {what}; expected a video")
    stream = streams[0]
    if stream.codec_context is None:
        raise SourceError(f"{name}: its video codec is not known to this build of FFmpeg; convert it to H.264")
    if container.open_timeout is None:
        stream.thread_type = "AUTO"
    else:
        stream.codec_context.flags |= CodecFlags.low_delay  # Each frame thread would delay the stream by one frame.
    return stream


def _duration_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return stated_seconds(container)


def _is_stream(address: str | Path) -> bool:
    return isinstance(address, str) and "://" in address and not address.startswith("file://")


STREAM = SourceKind(_is_stream, VideoSource)
VIDEO = SourceKind(lambda address: True, lambda address: VideoSource(file_path(address)), VIDEO_SUFFIXES)
