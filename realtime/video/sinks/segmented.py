"""Long videos, written as segments of a fixed number of frames that are joined without encoding again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
from av.packet import Packet

from engines.errors import SinkError
from realtime.frames.types import Frame
from realtime.video.container import open_media, packets
from realtime.video.sinks.base import Sink
from realtime.video.sinks.part_file import HeldFile, PartFile, sink_errors
from realtime.video.sinks.video import VideoFileSink, tag
from realtime.video.sources.base import SourceInfo

OpenVideo = Callable[[Path | PartFile, SourceInfo], VideoFileSink]
"""Opens the sink of one video file."""


class SegmentedSink(Sink):
    """Writes each segment into a file of its own, and joins all of them, with the input's sound, when it is closed.

    A segment has its name as soon as it is whole. So another process can go on after the last whole segment.
    """

    wants_thread = True

    def __init__(
        self, output: PartFile, info: SourceInfo, open_video: OpenVideo, folder: Path, length: int, *, done: int = 0
    ) -> None:
        """Args:
        output: the whole video.
        info: the input.
        open_video: opens the sink of a segment.
        folder: holds the segments; it exists.
        length: frames per segment.
        done: segments that are there already. The first frame to be written follows them.
        """
        self._output, self._info, self._open_video = output, info, open_video
        self._folder, self._length = folder, length
        self._files = [self._file(number) for number in range(done)]
        self._segment: VideoFileSink | None = None
        self._segment_file: HeldFile
        self._encoded_by: tuple[str, bytes | None] | None = None
        self._header: bytes | None = _header_of(self._files[0]) if self._files else None
        self._frames = 0  # of the segment
        self._first: Frame | None = None
        self._last_seconds = 0.0
        self._sound_is_cut = False

    def write(self, frame: Frame) -> None:
        if self._segment is not None and self._frames == self._length:
            self._end_segment()
        if self._segment is None:
            self._segment = self._open_segment()
        self._segment.write(frame)
        if self._frames == 0:
            self._check_encoder(self._segment)
        self._frames += 1
        self._first = self._first or frame
        self._last_seconds = frame.pts_seconds or 0.0

    def cut_sound(self) -> None:
        self._sound_is_cut = True

    def close(self) -> None:
        self._end_segment()
        if not self._files:
            self._output.discard()
            return
        joined = _Joined(self._output, self._info, self._open_video(self._output, self._info), self._files)
        self.remarks.take(joined.remarks)
        joined.remarks = self.remarks
        assert self._first is not None  # a run goes on from a boundary only where frames follow it
        joined.join(self._first, self._last_seconds if self._sound_is_cut else None)

    def abort(self) -> None:
        if self._segment is not None:
            self._segment.abort()
        self._output.discard()

    def _open_segment(self) -> VideoFileSink:
        self._files.append(self._file(len(self._files)))
        self._frames = 0
        self._segment_file = HeldFile(self._files[-1])
        # Without a path there is no sound.
        return self._open_video(self._segment_file, replace(self._info, path=None))

    def _check_encoder(self, segment: VideoFileSink) -> None:
        """Fail at the first frame, not when the segments are joined, where another encoder had to be taken."""
        if self._encoded_by is None:
            self._encoded_by = segment.encoded_by
        elif segment.encoded_by != self._encoded_by:
            raise SinkError(self._differs(segment.encoded_by[0]))

    def _differs(self, encoder: str) -> str:
        before = f"those before by {self._encoded_by[0]}" if self._encoded_by else "not those before"
        first_frame = (len(self._files) - 1) * self._length
        return (
            f"{self._output.path}: from frame {first_frame} on it would be encoded by {encoder}, {before}, and they do "
            "not fit together; run the command again once the first encoder is free, and it goes on there, or start "
            "anew with --encoder x264"
        )

    def _end_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            if self._header is None:
                self._header = _header_of(self._segment_file.part)
            elif _header_of(self._segment_file.part) != self._header:
                raise SinkError(self._differs("another encoder, or another version of it"))
            self._segment_file.publish()
            self.remarks.take(self._segment.remarks)
            self._segment = None

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06d}{self._output.path.suffix}"


def _header_of(file: Path) -> bytes:
    """What a video states about its encoding."""
    with open_media(file) as video:
        context = video.streams.video[0].codec_context
        return context.name.encode() + (context.extradata or b"")


class _Joined(VideoFileSink):
    """A video whose pictures are the packets of other files."""

    def __init__(self, output: PartFile, info: SourceInfo, like: VideoFileSink, files: Sequence[Path]) -> None:
        """Args:
        like: a sink of the same kind, of which nothing was written.
        files: of one size and codec, in order.
        """
        super().__init__(output, info)
        self.container_format, self.audio_copied = like.container_format, like.audio_copied
        self._like, self._files, self.with_sound = like, files, like.with_sound
        self._joined_end_seconds = 0.0

    def join(self, frame: Frame, end_seconds: float | None) -> None:
        """Write the whole file.

        Args:
            frame: one of its frames.
            end_seconds: the time of the last frame, where the sound ends with the pictures; None: at its own end.

        Raises:
            SinkError: it cannot be written, or the segments do not fit together.
        """
        path = self._file.path
        try:
            with sink_errors(path), open_media(self._files[0]) as first:
                self._template = first.streams.video[0]
                assert self._template.time_base is not None
                self._tick = self._template.time_base
                self._extradata = self._template.codec_context.extradata
                self._start(frame)
                decoding_times = self._decoding_times()
                for file in self._files:
                    self._copy(file, decoding_times)
        except BaseException:
            self.abort()
            raise
        if end_seconds is not None:
            self.cut_sound()
            self._joined_end_seconds = end_seconds
        self.close()

    def _open(self, frame: Frame) -> None:
        options = self._like._container_options(frame)
        output = av.open(f"file:{self._file.part}", "w", format=self.container_format, container_options=options)
        self._container = output
        # As it is: the name of a decoder, such as libdav1d, need not be that of an encoder.
        self._stream = output.add_stream_from_template(self._template, opaque=True)
        self._stream.time_base = frame.time_base
        context = self._stream.codec_context
        context.codec_tag = self._template.codec_context.codec_tag
        if self._pixel_aspect != 1:
            context.sample_aspect_ratio = self._pixel_aspect
        tag(context, self._like._colour_written(frame))

    def _complete(self, path: Path) -> None:
        self._like._first = self._first
        self._like._complete(path)

    def _decoding_times(self) -> Iterator[int]:
        """The time of decoding of each packet, in order, in the template's ticks.

        Those of the segments overlap where frames are missing at a boundary: each encoder counts them back from its
        first frame. In order of decoding, they are the times of showing in ascending order, each as many frames
        earlier as the reordering needs.
        """
        shown = []
        for file in self._files:
            with open_media(file) as segment:
                for packet in packets(segment, segment.streams.video):
                    assert packet.pts is not None
                    shown.append(round(packet.pts * packet.time_base / self._tick))
        ascending = sorted(shown)
        rank = {time: index for index, time in enumerate(ascending)}
        delay = max(index - rank[time] for index, time in enumerate(shown))
        step = ascending[1] - ascending[0] if len(ascending) > 1 else 1
        return iter(
            [ascending[0] - early * step for early in range(delay, 0, -1)] + ascending[: len(ascending) - delay]
        )

    def _copy(self, file: Path, decoding_times: Iterator[int]) -> None:
        assert self._container is not None
        with open_media(file) as segment:
            if segment.streams.video[0].codec_context.extradata != self._extradata:
                raise SinkError(
                    f"{file} was encoded differently from the segments before it; remove the folder {file.parent} and "
                    "run the command again"
                )
            for packet in packets(segment, segment.streams.video):
                if self._tracks is not None and packet.pts is not None:
                    self._tracks.write_until(float(packet.pts * packet.time_base))
                ratio = packet.time_base / self._tick
                packet.pts, packet.dts = round((packet.pts or 0) * ratio), next(decoding_times)
                packet.duration, packet.time_base = round((packet.duration or 0) * ratio), self._tick
                packet.stream = self._stream
                self._container.mux(packet)

    def _last_packets(self) -> list[Packet]:
        return []

    @property
    def _end_seconds(self) -> float:
        return self._joined_end_seconds
