"""Copies the input's sound into an output while the pictures are written."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Discard

_LOG = logging.getLogger(__name__)
COPIED_TO_MP4 = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})
"""The codecs that players expect in an .mp4. It may hold PCM and Vorbis, too, but few players support that: they
become AAC."""
COPIED_TO_MOV = frozenset({"aac", "ac3", "alac", "eac3", "mp3", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"})
SOUND_ERRORS = (av.FFmpegError, OSError, ValueError)
"""The exceptions of PyAV where sound cannot be decoded, encoded or muxed."""
_LOWEST_MP3_HZ = 16_000  # FFmpeg muxes MP3 of lower rates (MPEG-2.5) into neither format
_AAC_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}  # by channels: PCM files often name no layout
_AAC_BIT_RATE = 192_000


class AudioTrack:
    """One audio stream of an input: copied packet by packet, or encoded as AAC where the output's format needs that.

    An error in the sound never fails the video: the rest of the sound is left out, with a warning.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: AudioStream,
        output: OutputContainer,
        copy: bool,
        part_seconds: tuple[float, float | None] | None = None,
    ) -> None:
        """Add the stream to the output, which must not have been started. Use `open_audio`."""
        self._container, self._input, self._output = container, stream, output
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        self._copied, self._broken = copy, False
        self._part_seconds = part_seconds
        self._stream = output.add_stream_from_template(stream) if copy else _aac_stream(output, stream)
        self._packets = self._read()
        self._next = next(self._packets, None)
        self._last_dts = -math.inf

    def write_until(self, seconds: float) -> None:
        """Mux the packets that start up to a time of the input."""
        with self._ends_on_error():
            while self._next is not None and _start_seconds(self._next) <= seconds:
                self._write(self._next)
                self._next = next(self._packets, None)

    def finish(self) -> None:
        """Mux the last packets of the encoder."""
        if self._copied or self._broken:
            return
        with self._ends_on_error():
            for frame in self._decoded(None):
                self._output.mux(self._stream.encode(frame))
            self._output.mux(self._stream.encode(None))

    def close(self) -> None:
        """Close the input."""
        self._container.close()

    @contextmanager
    def _ends_on_error(self) -> Iterator[None]:
        try:
            yield
        except SOUND_ERRORS as e:
            self._next, self._broken = None, True
            sound_left_out(self._container.name, e, "from there on")

    def _write(self, packet: Packet[AudioStream]) -> None:
        if not self._copied:
            for frame in self._decoded(packet):
                self._output.mux(self._stream.encode(frame))
        elif packet.dts is not None and packet.dts > self._last_dts:  # a muxer refuses to go back in time
            self._last_dts = packet.dts
            packet.stream = self._stream
            self._output.mux(packet)

    def _read(self) -> Iterator[Packet[AudioStream]]:
        try:
            packets = (packet for packet in self._container.demux(self._input) if packet.size)
            yield from _part(packets, *self._part_seconds) if self._part_seconds else packets
        except av.FFmpegError as e:
            _LOG.warning("%s: its sound is damaged and ends early (%s)", self._container.name, e.strerror)

    def _decoded(self, packet: Packet[AudioStream] | None) -> list[AudioFrame]:
        try:
            return self._input.decode(packet)
        except av.error.InvalidDataError:
            _LOG.warning("%s: a damaged piece of its sound is left out", self._container.name)
            return []


def open_audio(
    path: Path,
    output: OutputContainer,
    copied: frozenset[str],
    part_seconds: tuple[float, float | None] | None = None,
) -> AudioTrack | None:
    """Open the sound of a file for an output that was not started yet; None where the file has no sound.

    Args:
        copied: the codecs that are copied without being encoded again.
        part_seconds: as `SourceInfo.part_seconds`: only the sound of that part, from 0; None: all, at its own times.
    """
    try:
        container = av.open(f"file:{path}")
    except SOUND_ERRORS as e:
        sound_left_out(path, e)
        return None
    stream = container.streams.best("audio")
    if isinstance(stream, AudioStream) and stream.codec_context is not None:
        try:
            return AudioTrack(container, stream, output, _is_copied(stream, copied), part_seconds)
        except SOUND_ERRORS as e:
            sound_left_out(path, e)
    elif stream is not None:
        sound_left_out(path, "this build of FFmpeg does not know its codec")
    container.close()
    return None


def sound_left_out(name: str | Path, why: Exception | str, since: str = "") -> None:
    """Warn that an output lacks (the rest of) its input's sound."""
    _LOG.warning("%s: its sound is left out %s(%s)", name, since and since + " ", why)


def _is_copied(stream: AudioStream, copied: frozenset[str]) -> bool:
    name = stream.codec_context.codec.canonical_name
    return name in copied and (name != "mp3" or stream.rate >= _LOWEST_MP3_HZ)


def _aac_stream(output: OutputContainer, stream: AudioStream) -> AudioStream:
    codec = av.Codec("aac", "w")
    rate = stream.rate if stream.rate in (codec.audio_rates or ()) else 48_000
    layout = _AAC_LAYOUTS.get(stream.channels, "stereo")
    return output.add_stream("aac", rate=rate, layout=layout, bit_rate=_AAC_BIT_RATE)


def _part(packets: Iterable[Packet[AudioStream]], start: float, end: float | None) -> Iterator[Packet[AudioStream]]:
    """The packets that begin in a part of the file, timed from its start."""
    for packet in packets:
        begin = _start_seconds(packet)
        if end is not None and begin >= end:
            return
        if begin >= start:
            ticks = round(start / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - ticks
            packet.dts = None if packet.dts is None else packet.dts - ticks
            yield packet


def _start_seconds(packet: Packet[AudioStream]) -> float:
    start = packet.pts if packet.dts is None else packet.dts
    return -math.inf if start is None else float(start * packet.time_base)
