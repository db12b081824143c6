"""One sound of an input, in an output: copied packet by packet, or encoded as AAC where the format needs that."""

from __future__ import annotations

import math
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

COPIED_TO_MP4 = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})
"""The codecs that players expect in an .mp4. It may hold PCM and Vorbis, too, but few players support that: they
become AAC."""
COPIED_TO_MOV = frozenset({"aac", "ac3", "alac", "eac3", "mp3", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"})
COPIED_TO_MKV = COPIED_TO_MP4 | COPIED_TO_MOV | {
    "dts", "mp2", "pcm_f32le", "pcm_s32le", "pcm_u8", "truehd", "tta", "vorbis", "wavpack",
}  # fmt: skip
_LOWEST_MP3_HZ = 16_000  # FFmpeg muxes MP3 of lower rates (MPEG-2.5) into neither format
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""By the number of channels: PCM files often name no layout."""
_AAC_LAYOUTS = frozenset({
    "mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "quad(side)", "3.1", "5.0", "5.0(side)", "4.1", "5.1",
    "5.1(side)", "6.0", "6.1", "7.0", "7.1", "7.1(wide)", "7.1(wide-side)",
})  # fmt: skip  # those that FFmpeg's encoder takes
_AAC_BIT_RATE, _AAC_BIT_RATE_PER_CHANNEL = 192_000, 64_000
_OVERLAP_SECONDS = 0.1  # what an encoder's first packet may overlap with the last one of the part before


class AudioTrack:
    """Writes one audio stream of an input to an output, which must not have been started when this is made."""

    def __init__(self, stream: AudioStream, output: OutputContainer, copied: frozenset[str]) -> None:
        """Args:
        stream: its codec must be known to FFmpeg.
        copied: the codecs that are copied without being encoded again.
        """
        self._input, self._output = stream, output
        self._copies = _is_copied(stream, copied)
        self.stream = output.add_stream_from_template(stream) if self._copies else _aac_stream(output, stream)
        self._last_dts = -math.inf
        self.lost_packets = 0
        """Packets that were damaged, or that began long before the last one ended."""

    def write(self, packet: Packet[Any]) -> None:
        """Mux or encode a packet. Raises what PyAV raises (`MEDIA_ERRORS`)."""
        if not self._copies:
            for frame in self._decoded(packet):
                self._output.mux(self.stream.encode(frame))
        elif packet.dts is not None and packet.dts > self._last_dts:  # a muxer refuses to go back in time
            self._last_dts = packet.dts
            packet.stream = self.stream
            self._output.mux(packet)
        elif packet.dts is not None:
            self.lost_packets += (self._last_dts - packet.dts) * packet.time_base > _OVERLAP_SECONDS

    def finish(self) -> None:
        """Mux the last packets of the encoder. Raises what PyAV raises."""
        if self._copies:
            return
        for frame in self._decoded(None):
            self._output.mux(self.stream.encode(frame))
        self._output.mux(self.stream.encode(None))

    def _decoded(self, packet: Packet[Any] | None) -> list[AudioFrame]:
        try:
            return self._input.decode(packet)
        except av.error.InvalidDataError:
            self.lost_packets += 1
            return []


def _is_copied(stream: AudioStream, copied: frozenset[str]) -> bool:
    name = stream.codec_context.codec.canonical_name
    return name in copied and (name != "mp3" or stream.rate >= _LOWEST_MP3_HZ)


def _aac_stream(output: OutputContainer, stream: AudioStream) -> AudioStream:
    codec = av.Codec("aac", "w")
    rate = stream.rate if stream.rate in (codec.audio_rates or ()) else 48_000
    layout, channels = stream.layout.name, stream.channels
    if layout not in _AAC_LAYOUTS:
        layout = _USUAL_LAYOUTS.get(channels, "stereo")
    bit_rate = max(_AAC_BIT_RATE, channels * _AAC_BIT_RATE_PER_CHANNEL)
    return output.add_stream("aac", rate=rate, layout=layout, bit_rate=bit_rate)
