"""Video files and network streams, through PyAV."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
from av.packet import Packet
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame

from engines.errors import SourceError
from realtime.frames.types import U8, DeepPicture, Frame
from realtime.video.av_frame import (
    SPACE_OF_MATRIX,
    UNSPECIFIED,
    FromAv,
    Orientation,
    orientation_of,
    side_data_of,
    turn,
)
from realtime.video.container import packets
from realtime.video.deep import deep_of, loses_bits
from realtime.video.ffmpeg_log import FfmpegLog, rest
from realtime.video.fields import Field, first_field
from realtime.video.hdr import DYNAMIC, Hdr, hdr_of
from realtime.video.sources.base import VIDEO_SUFFIXES, Source, SourceInfo, SourceKind, file_path
from realtime.video.sources.clock import Clock, with_following
from realtime.video.sources.completeness import Completeness
from realtime.video.sources.deinterlace import deinterlaced
from realtime.video.sources.opening import duration_seconds, first_seconds, open_container, read_reason, video_stream
from realtime.video.sources.stream import StreamReader, without_password
from realtime.video.timeline import Timeline

_CHECK = "check the sender and the network"


class VideoSource(Source):
    """The frames of a video file or stream, upright, in their own planes, with their own times.

    The times of a file begin at 0, with the earliest of its pictures and sounds (`SourceInfo.origin_seconds`).

    Opening decodes the first frame, so that whatever opens also plays. A file that is cut off or damaged, and a stream
    that breaks off, give all frames that decode and then raise SourceError.
    """

    def __init__(self, address: str | Path, *, deinterlace: bool = True) -> None:
        """Args:
        address: the Path of a file, or the URL of a stream.
        deinterlace: whether interlaced pictures become whole.
        """
        self._keeps_fields = not deinterlace
        self._name = address.name if isinstance(address, Path) else without_password(address)
        self._log = FfmpegLog(is_heard=isinstance(address, Path))
        try:
            with self._log.listening(opening=True):
                self._container = open_container(address, self._name)
        except BaseException:
            self._log.close()
            raise
        try:
            self._stream = video_stream(self._container, self._name)
            self._reader = StreamReader(address, self._container, self._stream) if isinstance(address, str) else None
            path = address if isinstance(address, Path) else None
            self._completeness = Completeness(self._container, self._stream, path, self._log)
            self._log.format_name = self._container.format.name
            self._log.codec_name = self._stream.codec_context.codec.name
            self._orientations: dict[int, Orientation] = {}
            self._pictures = deinterlaced(self._decode(), self._note_interlaced) if deinterlace else self._decode()
            first = self._first_picture()
            self._all_pictures: Iterator[VideoFrame] = chain([first], self._pictures)
            self._convert = FromAv((first.width, first.height))
            super().__init__(self._describe(first, address))
            self._origin = round(self.info.origin_seconds / (self._stream.time_base or Fraction(1)))
        except BaseException:
            self._close_container()
            raise

    def __iter__(self) -> Iterator[Frame]:
        clock = Clock(self._stream, self.info.fps)
        # A live picture cannot wait for the one after it.
        following = with_following if self._reader is None else _alone
        index = -1
        try:
            for index, (picture, next_pts) in enumerate(following(self._all_pictures)):
                pts = clock.pts(picture.pts, next_pts) - self._origin
                yield self._frame(picture, index, pts, clock.time_base)
                if self._stopped.is_set():
                    return
        except av.FFmpegError as e:
            raise SourceError(f"{self._name}: reading failed after {index + 1} frames ({read_reason(e)})") from e
        if not self._stopped.is_set():
            if self._is_file and (gaps := clock.gaps()):
                self.remarks.note(f"{self._name}: {gaps}")
            self._check_end(index + 1, clock.elapsed_seconds)

    def stop(self) -> None:
        super().stop()
        if self._reader is not None:
            self._reader.stop()

    def close(self) -> None:
        # The generators refer to this object: otherwise the decoder and its frames stay until garbage collection.
        self._pictures.close()
        self._all_pictures = iter(())
        self._close_container()

    def _close_container(self) -> None:
        for stream in self._container.streams.video:
            if stream.codec_context is not None:
                rest(stream.codec_context)
        self._container.close()
        self._log.close()

    def _check_end(self, frames: int, seconds: float) -> None:
        stated = f" of about {self.info.frames}" if self.info.frames else ""
        problem = self._reader.problem(seconds) if self._reader else None
        if problem:
            raise SourceError(f"{self._name}: the stream broke off after {frames} frames{stated} ({problem}); {_CHECK}")
        if self._is_file and (problem := self._completeness.problem()):
            raise SourceError(f"{self._name} {problem}: {frames} frames{stated} could be read; get a whole copy of it")

    def _packets(self) -> Iterator[Packet[Any] | None]:
        """The packets of the pictures, then None, which flushes the decoder."""
        if self._reader is not None:
            yield from self._reader.packets()
            return
        timeline = Timeline(self._container.format.name)
        for packet in timeline(self._completeness.noted(self._log.heard(packets(self._container)))):
            if packet.stream_index == self._stream.index:
                yield packet
        yield None

    def _decode(self) -> Generator[VideoFrame]:
        for packet in self._packets():
            if packet is not None and self._reader is not None:
                self._completeness.note_packet(packet)
            if packet is not None and packet.has_sidedata("encryption_info"):
                raise SourceError(f"{self._name}: its video is encrypted; decrypt it first")
            try:
                with self._log.listening():
                    pictures = self._stream.decode(packet)
            except av.error.InvalidDataError:
                # This is normal before the first key frame of a recording, and from time to time on a network.
                self._completeness.note_refused()
                continue
            self._completeness.note_pictures(pictures)
            yield from pictures

    @property
    def _is_file(self) -> bool:
        """True for a file on disk and for one of known size behind a URL."""
        return self._reader is None or self._reader.is_file

    def _first_picture(self) -> VideoFrame:
        try:
            first = next(self._pictures, None)
        except av.FFmpegError as e:
            raise SourceError(f"{self._name}: reading failed before the first frame ({read_reason(e)})") from e
        if first is None and self._reader and self._reader.reason:
            raise SourceError(
                f"{self._name}: the stream broke off before its first frame ({self._reader.reason}); {_CHECK}"
            )
        if first is None:
            codec = self._stream.codec_context.name
            raise SourceError(f"{self._name}: no frame of its {codec} video can be decoded; is it whole?")
        return first

    def _note_interlaced(self) -> None:
        self.remarks.note(f"{self._name}: the video is interlaced; FFmpeg's filter bwdif deinterlaces it")

    def _first_field(self, picture: VideoFrame) -> Field | None:
        first = first_field(picture) if self._keeps_fields else None
        if first is not None:
            self.remarks.note(f"{self._name}: the video is interlaced, {first} field first, and stays so")
            if any(self._orientation(picture)):
                self.remarks.note(f"{self._name}: its output does not state that, because the pictures are turned")
                return None
        return first

    def _frame(self, picture: VideoFrame, index: int, pts: int, time_base: Fraction) -> Frame:
        planes, colour = self._convert(picture)
        if (size_wh := (picture.width, picture.height)) != self._convert.size_wh:
            first, other = (f"{width}x{height}" for width, height in (self._convert.size_wh, size_wh))
            self.remarks.note(
                f"{self._name}: the frame size changes from {first} to {other}; these frames are scaled to fit {first}"
            )
        orientation = self._orientation(picture)
        if any(orientation):
            planes = tuple(turn(plane, orientation) for plane in planes)  # type: ignore[assignment]
            if colour.space == UNSPECIFIED:  # The guess depends on the height, which turning changes.
                colour = replace(colour, space=SPACE_OF_MATRIX[colour.matrix])
        return Frame(
            planes, "yuv420p", index, pts, time_base, time.perf_counter(), colour,
            duration=picture.duration or None, deep=self._deep(picture, planes, orientation),
        )  # fmt: skip

    def _deep(self, picture: VideoFrame, planes: tuple[U8, ...], orientation: Orientation) -> DeepPicture | None:
        if (picture.width, picture.height) != self._convert.size_wh:
            return None
        if bits := loses_bits(picture):
            self.remarks.note(f"{self._name}: its {bits} bits become 10")
        return deep_of(picture, planes, orientation)

    def _hdr(self, side_data: dict[SideDataType, bytes]) -> Hdr | None:
        for name in sorted({DYNAMIC[kind] for kind in side_data if kind in DYNAMIC}):
            self.remarks.note(f"{self._name}: its metadata of {name} are left out; those of HDR10 are kept")
        return hdr_of(side_data)

    def _orientation(self, picture: VideoFrame) -> Orientation:
        rotation = picture.rotation  # Quick, but less exact than the display matrix, which is read once per rotation.
        if rotation not in self._orientations:
            self._orientations[rotation] = orientation_of(side_data_of(picture))
        return self._orientations[rotation]

    def _describe(self, first: VideoFrame, address: str | Path) -> SourceInfo:
        stream, side_data = self._stream, side_data_of(first)
        self._orientations[first.rotation] = orientation_of(side_data)
        turned = self._orientation(first)[0]
        rate = stream.average_rate or stream.guessed_rate
        fps = float(rate) if rate else None
        seconds = duration_seconds(self._container, stream)
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
            first_field=self._first_field(first),
            hdr=self._hdr(side_data),
            origin_seconds=first_seconds(self._container, first) if isinstance(address, Path) else Fraction(0),
        )


def _alone(pictures: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, int | None]]:
    """Each picture at once, without the time of the next one."""
    return ((picture, None) for picture in pictures)


def _is_stream(address: str | Path) -> bool:
    return isinstance(address, str) and "://" in address and not address.startswith("file://")


STREAM = SourceKind(_is_stream, VideoSource)
VIDEO = SourceKind(lambda address: True, lambda address: VideoSource(file_path(address)), VIDEO_SUFFIXES)
