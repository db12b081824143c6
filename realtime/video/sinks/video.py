"""Video files: the base class, and class ids in FFV1. Other codecs have files of their own."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from engines.errors import SinkError, UsageError
from realtime.frames.colour import Colour
from realtime.frames.types import Frame, Layout
from realtime.video.av_frame import SPACE_OF_MATRIX
from realtime.video.container import MEDIA_ERRORS, reason_of
from realtime.video.fields import FieldMarker, state_fields
from realtime.video.sinks import matroska
from realtime.video.sinks.base import Sink
from realtime.video.sinks.part_file import PartFile, sink_errors
from realtime.video.sinks.tracks import Tracks, Wanted
from realtime.video.sources.base import SourceInfo
from realtime.video.to_av import ToAv

_MAX_TIMESCALE = 2**31 - 1
_SLICED_PX = 16  # FFV1 refuses slices smaller than a pixel


class VideoFileSink(Sink):
    """Writes one video stream, each frame at its own time, and copies the input's sound if the format has sound.

    The first frame opens the file and sets its size, colour and time base. Without a frame there is no file.
    """

    wants_thread = True
    container_format: str
    codec: str
    layouts: tuple[Layout, ...]
    audio_copied: frozenset[str] = frozenset()

    states_fields = True
    """Whether the codec can hold interlaced pictures as such."""
    with_sound = True
    """False to leave the input's sound out."""

    def __init__(self, path: Path | PartFile, info: SourceInfo | None = None) -> None:
        """Args:
        path: the output, which is written under a hidden name and renamed on close; or a part file.
        info: the input: its frame rate, pixel aspect and sound are kept.
        """
        self._file = PartFile.of(path)
        self._info = info
        self._pixel_aspect = info.pixel_aspect if info else Fraction(1)
        self._container: OutputContainer | None = None
        self._stream: VideoStream
        self._to_av: ToAv
        self._colour: Colour
        self._tracks: Tracks | None = None
        self._mark_fields: FieldMarker | None = None
        self._first: Frame | None = None
        self._last: Frame | None = None
        self._before_last: Frame | None = None
        self._held: list[Packet] = []  # the latest packets, until it is known whether they are the last ones
        self._sound_is_cut = False

    def write(self, frame: Frame) -> None:
        self._check(frame)
        with sink_errors(self._file.path):
            if self._container is None:
                self._start(frame)
            assert self._container is not None and frame.pts_seconds is not None
            self._container.mux(self._held)
            self._held = self._stream.encode(self._picture(frame))
            self._before_last, self._last = self._last, frame
            if self._tracks is not None:
                self._tracks.write_until(frame.pts_seconds)

    @property
    def encoded_by(self) -> tuple[str, bytes | None]:
        """The encoder, and its header, once a frame was written. Parts of one video must agree in both."""
        return self.codec, self._stream.codec_context.extradata

    def cut_sound(self) -> None:
        self._sound_is_cut = True

    def close(self) -> None:
        if self._container is None:
            self._file.discard()
            return
        try:
            with sink_errors(self._file.path):
                self._container.mux(self._last_packets())
                if self._tracks is not None:
                    self._tracks.finish(self._end_seconds if self._sound_is_cut else math.inf)
                self._container.close()
                self._complete(self._file.part)
        except BaseException:
            self.abort()
            raise
        self._close_tracks()
        self._file.keep()

    def abort(self) -> None:
        self._close_container()
        self._file.discard()

    def _options(self, frame: Frame) -> dict[str, str]:
        raise NotImplementedError

    def _container_options(self, frame: Frame) -> dict[str, str]:
        # .mp4 and .mov store the time of the first frame in this unit. The default, milliseconds, is not exact.
        ticks = frame.time_base.denominator
        return {"movie_timescale": str(ticks)} if ticks <= _MAX_TIMESCALE else {}

    def _pixel_format(self, frame: Frame) -> str:
        raise NotImplementedError

    def _picture(self, frame: Frame) -> VideoFrame:
        picture = self._to_av(frame)
        if self._mark_fields is not None:
            picture = self._mark_fields(picture)
        tag(picture, self._colour)  # some encoders read the tags of the picture, others those of the context
        return picture

    def _last_packets(self) -> list[Packet]:
        """The packets that were not muxed yet. The last one states how long the last frame is shown."""
        packets = [*self._held, *self._stream.encode(None)]
        last, before = self._last, self._before_last
        assert last is not None and last.pts is not None
        is_unusual = before is None or before.pts is None or last.duration != last.pts - before.pts
        if packets and last.duration and is_unusual:
            end = (last.pts + last.duration) * last.time_base
            packet = packets[-1]  # in the order of decoding, by which muxers count
            packet.duration = round(end / packet.time_base) - (packet.pts or 0)
        return packets

    @property
    def _end_seconds(self) -> float:
        """The time of the last frame."""
        assert self._last is not None and self._last.pts_seconds is not None
        return self._last.pts_seconds

    def _complete(self, path: Path) -> None:
        """What is left to do to the closed file."""

    def _start(self, frame: Frame) -> None:
        self._first = frame
        attempts: tuple[Wanted, ...] = ("all", "one sound") if self.with_sound else ("no sound",)
        problem: str | None = None
        for wanted in attempts if self.audio_copied and self._info and self._info.path else ():
            if (problem := self._start_with_tracks(frame, wanted)) is None:
                return
        self._open(frame)
        if problem is not None:
            assert self._container is not None and self._info is not None
            self._container.start_encoding()  # fails again where it was not the sound's fault
            self.remarks.loss(f"{self._info.name}: its sound is left out ({problem})")

    def _start_with_tracks(self, frame: Frame, wanted: Wanted) -> str | None:
        """Open the output with other streams of the input. Returns why that fails, or None."""
        assert self._info is not None
        self._open(frame)
        assert self._container is not None
        try:
            self._tracks = Tracks(self._container, self._info, self.audio_copied, wanted)
            self._container.start_encoding()
        except MEDIA_ERRORS as e:
            # Either a stream does not fit, and cannot be removed, or the pictures fail again without it.
            self._close_container()
            return reason_of(e)
        self.remarks.take(self._tracks.remarks)
        self._tracks.remarks = self.remarks
        return None

    def _open(self, frame: Frame) -> None:
        path, options = f"file:{self._file.part}", self._container_options(frame)
        self._container = av.open(path, "w", format=self.container_format, container_options=options)
        rate = Fraction(self._info.fps).limit_denominator(10_000) if self._info and self._info.fps else None
        self._stream = cast("VideoStream", self._container.add_stream(self.codec, rate, self._options(frame)))
        # Set this before the first packet of sound is muxed, which also opens the video encoder.
        context = self._stream.codec_context
        context.width, context.height = frame.size_wh
        context.pix_fmt = self._pixel_format(frame)
        context.time_base = frame.time_base
        context.sample_aspect_ratio = self._pixel_aspect
        context.thread_type = "AUTO"  # PyAV's default is slices, with which x264 compresses worse
        self._mark_fields = self._fields_of(context)
        self._to_av = ToAv(context.pix_fmt)
        self._colour = self._colour_written(frame)
        tag(context, self._colour)

    def _fields_of(self, context: VideoCodecContext) -> FieldMarker | None:
        """Let the encoder code fields where the input's pictures stay interlaced."""
        if self._info is None or self._info.first_field is None:
            return None
        if not self.states_fields:
            self.remarks.note(f"{self._info.name}: its output's codec cannot state that the pictures are interlaced")
            return None
        state_fields(context, self._info.first_field)
        return FieldMarker(self._info.first_field)

    def _colour_written(self, frame: Frame) -> Colour:
        if frame.layout == "yuv420p":
            return frame.colour
        return replace(frame.colour, matrix="bt709", full_range=False, space=SPACE_OF_MATRIX["bt709"])  # see ToAv

    def _check(self, frame: Frame) -> None:
        name = self._file.path.name
        if frame.layout not in self.layouts:
            raise UsageError(f"{name}: got a {frame.layout} frame; a {type(self).__name__} takes {self.layouts}")
        if frame.pts is None:
            raise UsageError(f"{name}: got a frame without a pts; a video needs one")
        if self._first is not None and frame.size_wh != self._first.size_wh:
            raise SinkError(
                f"{name}: frame {frame.index} is {frame.size_wh}, the first was {self._first.size_wh}; "
                "a video has one size: split the input where its size changes"
            )

    def _close_container(self) -> None:
        if self._container is not None:
            # The trailer of a file that is discarded may fail (a full disk, no packet yet).
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                self._container.close()
        self._close_tracks()

    def _close_tracks(self) -> None:
        if self._tracks is not None:
            self._tracks.close()
            self._tracks = None


class LabelVideoSink(VideoFileSink):
    """Class ids in one channel without loss: gray FFV1 in .mkv, whose times are in milliseconds."""

    container_format, codec, layouts = "matroska", "ffv1", ("gray",)

    def _options(self, frame: Frame) -> dict[str, str]:
        return {"level": "3", "slices": slices_of(frame), "slicecrc": "1"}

    def _container_options(self, frame: Frame) -> dict[str, str]:
        return matroska.OPTIONS if self._pixel_aspect != 1 else {}

    def _pixel_format(self, frame: Frame) -> str:
        return "gray"

    def _colour_written(self, frame: Frame) -> Colour:
        # Full range, so that no player stretches the ids.
        if self._pixel_aspect == 1:
            return Colour(full_range=True)
        return Colour("bt709", True, matroska.PLACE_HOLDER, matroska.PLACE_HOLDER, matroska.PLACE_HOLDER)

    def _complete(self, path: Path) -> None:
        if self._pixel_aspect != 1 and self._first is not None:
            matroska.state_pixel_aspect(path, self._first.size_wh, self._pixel_aspect)


def slices_of(frame: Frame) -> str:
    """How many slices FFV1 makes of a frame, for as many threads."""
    return "4" if min(frame.size_wh) >= _SLICED_PX else "1"


def tag(target: VideoCodecContext | VideoFrame, colour: Colour) -> None:
    """Set the colour tags, so that players show the output in the input's colours."""
    target.color_range = ColorRange.JPEG if colour.full_range else ColorRange.MPEG
    target.colorspace, target.color_primaries, target.color_trc = colour.space, colour.primaries, colour.transfer
