"""Copies an input's other streams to an output, beside the pictures: sound, subtitles, chapters and metadata."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Literal

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from realtime.video.container import MEDIA_ERRORS, open_media, packets, picture_streams, reason_of
from realtime.video.remarks import Remarks
from realtime.video.sinks.audio import AudioTrack
from realtime.video.sinks.metadata import describe, shifted_chapters, written_tags
from realtime.video.sinks.subtitles import SubtitleTrack, holds
from realtime.video.sources.base import SourceInfo
from realtime.video.timeline import Timeline

Wanted = Literal["all", "no sound", "one sound"]
"""Which of the other streams are copied."""
_ROUNDING_SECONDS = 1e-3  # of times in Matroska
_LAG_SECONDS = 2.0  # how far the streams of a file may lag behind each other
_Track = AudioTrack | SubtitleTrack


class Tracks:
    """The streams of an input beside its pictures, in an output in .mp4 or .mov.

    An error in one of them never fails the pictures. What the format cannot hold is noted, and lost sound is a loss.
    """

    def __init__(
        self,
        output: OutputContainer,
        info: SourceInfo,
        copied: frozenset[str],
        wanted: Wanted = "all",
    ) -> None:
        """Add the streams to an output whose pictures have a stream, and which was not started yet.

        Args:
            info: the input. It must have a path.
            copied: the codecs of sound that are copied without being encoded again.

        Raises:
            MEDIA_ERRORS: the input cannot be opened again.
        """
        assert info.path is not None
        self._output, self._info, self._copied, self._wanted = output, info, copied, wanted
        self.remarks = Remarks(log=False)
        """What cannot be kept. A sink puts its own remarks in this place once the output has been started."""
        self._is_matroska = output.format.name == "matroska"
        self._container = open_media(info.path)
        self._tracks: dict[int, _Track] = {}
        left_out = [what for stream in self._container.streams if (what := self._add(stream))]
        left_out += self._add_description()
        if left_out:
            counted = ", ".join(f"{count} x {what}" if count > 1 else what for what, count in Counter(left_out).items())
            self.remarks.note(f"{info.name}: not kept, because the output's format cannot hold it: {counted}")
        self._packets = self._read()
        self._next = next(self._packets, None)

    def write_until(self, seconds: float) -> None:
        """Mux the packets that start up to a time of the output."""
        while self._next is not None and _start_seconds(self._next) <= seconds:
            self._write(self._next)
            self._next = next(self._packets, None)

    def finish(self, seconds: float) -> None:
        """Mux what is left up to a time of the output, and what the encoders hold."""
        while self._next is not None and _start_seconds(self._next) <= seconds + _LAG_SECONDS:
            if _start_seconds(self._next) <= seconds:
                self._write(self._next)
            self._next = next(self._packets, None)
        for index, track in list(self._tracks.items()):
            self._guarded(index, lambda track: track.finish())
            if isinstance(track, AudioTrack) and track.lost_packets:
                count = f"{track.lost_packets} audio packet{'s were' if track.lost_packets > 1 else ' was'} lost"
                self.remarks.loss(f"{self._info.name}: {count}")

    def close(self) -> None:
        """Close the input."""
        self._packets = iter(())
        self._container.close()

    def _write(self, packet: Packet[Any]) -> None:
        self._guarded(packet.stream_index, lambda track: track.write(packet))

    def _guarded(self, index: int, act: Callable[[_Track], None]) -> None:
        """Let a track act. After an error the rest of it is left out."""
        if (track := self._tracks.get(index)) is None:
            return
        try:
            act(track)
        except MEDIA_ERRORS as e:
            del self._tracks[index]
            what = "sound" if isinstance(track, AudioTrack) else "subtitles"
            self.remarks.loss(f"{self._info.name}: the rest of its {what} is left out ({reason_of(e)})")

    def _read(self) -> Iterator[Packet[Any]]:
        """The packets of the tracks, in the time of the output."""
        start, end = self._info.part_seconds or (-math.inf, None)
        shift = self._info.origin_seconds
        try:
            for packet in Timeline(self._container.format.name)(packets(self._container)):
                begin = _start_seconds(packet) - float(shift)
                if end is not None and begin >= end + _LAG_SECONDS:
                    return
                if packet.stream_index not in self._tracks or begin < start or (end is not None and begin >= end):
                    continue
                if self._is_matroska and begin + float((packet.duration or 0) * packet.time_base) <= _ROUNDING_SECONDS:
                    continue  # an encoder's delay, which nobody hears: for its sake FFmpeg would make all the rest late
                ticks = round((shift + (Fraction(start) if math.isfinite(start) else 0)) / packet.time_base)
                packet.pts = None if packet.pts is None else packet.pts - ticks
                packet.dts = None if packet.dts is None else packet.dts - ticks
                yield packet
        except MEDIA_ERRORS as e:
            self.remarks.loss(f"{self._info.name}: its sound is damaged and ends early ({reason_of(e)})")

    def _add(self, stream: Stream) -> str | None:
        """Add a stream to the output, or say what it is that the output cannot hold."""
        if isinstance(stream, AudioStream):
            self._add_sound(stream)
        elif isinstance(stream, SubtitleStream):
            if self._wanted != "one sound" and holds(self._output, stream):
                self._tracks[stream.index] = track = SubtitleTrack(stream, self._output)
                describe(track.stream, stream)
            else:
                return "subtitles"
        elif isinstance(stream, VideoStream):
            if stream not in picture_streams(self._container)[:1]:
                return "an extra video stream"
            describe(self._output.streams.video[0], stream)
        else:
            return f"{stream.type} stream"
        return None

    def _add_sound(self, stream: AudioStream) -> None:
        is_best = stream is self._container.streams.best("audio")
        if self._wanted == "no sound":
            return
        why: object = "the output's format refuses it"
        if self._wanted == "all" or (self._wanted == "one sound" and is_best):
            if stream.codec_context is None:
                why = "this build of FFmpeg does not know its codec"
            else:
                try:
                    self._tracks[stream.index] = track = AudioTrack(stream, self._output, self._copied)
                except MEDIA_ERRORS as e:
                    why = reason_of(e)
                else:
                    describe(track.stream, stream)
                    return
        self.remarks.loss(f"{self._info.name}: its sound is left out ({why})")

    def _add_description(self) -> list[str]:
        """Add the chapters and the tags. Returns the names of tags that the format lacks."""
        tags, left_out = written_tags(self._container.metadata, all_kept=self._is_matroska)
        self._output.metadata.update(tags)
        start, end = self._info.part_seconds or (0.0, None)
        origin = self._info.origin_seconds
        part_end = None if end is None else origin + Fraction(end)
        self._output.set_chapters(shifted_chapters(self._container.chapters(), origin + Fraction(start), part_end))
        return [f"the tag {name}" for name in left_out]


def _start_seconds(packet: Packet[Any]) -> float:
    start = packet.pts if packet.dts is None else packet.dts
    return -math.inf if start is None else float(start * packet.time_base)
