"""The subtitles of an input, in an output: copied to .mkv, or as the text that .mp4 and .mov know."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from typing import Any

from av.container import OutputContainer
from av.packet import Packet
from av.subtitles.stream import SubtitleStream

_PLAIN = frozenset({"subrip", "text", "webvtt"})  # codecs whose packets are text, with tags like those of HTML
_PICTURES = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"})
_ASS = frozenset({"ass", "ssa"})
_ASS_FIELDS = 8  # before the text of an event of a Matroska file: ReadOrder, Layer, Style, Name, margins, Effect
_ASS_TAG = re.compile(r"\{[^}]*\}")
_HTML_TAG = re.compile(r"</?[a-zA-Z][^>]*>")
_HEADER = b"""[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""What FFmpeg's encoder of `mov_text` makes the style of a track from."""


class SubtitleTrack:
    """Writes one stream of subtitles of an input: to an .mp4 or .mov as `mov_text`, to an .mkv as it is."""

    def __init__(self, stream: SubtitleStream, output: OutputContainer) -> None:
        """Args:
        stream: one that the output `holds`.
        """
        self._codec = _codec_of(stream)
        self._output = output
        self._copies = output.format.name == "matroska" or self._codec == "mov_text"
        self.stream: Any
        if self._copies:
            self.stream = output.add_stream_from_template(stream)
        else:
            self.stream = output.add_stream("mov_text")
            self.stream.codec_context.subtitle_header = _HEADER
            self.stream.codec_context.time_base = Fraction(1, 1000)
        self.lost_packets = 0

    def write(self, packet: Packet[Any]) -> None:
        """Mux a packet. Raises what PyAV raises (`MEDIA_ERRORS`)."""
        if packet.pts is None:
            self.lost_packets += 1
            return
        if not self._copies:
            packet = self._as_mov_text(packet)
        packet.stream = self.stream
        self._output.mux(packet)

    def finish(self) -> None:
        """Nothing is held back."""

    def _as_mov_text(self, packet: Packet[Any]) -> Packet[Any]:
        text = bytes(packet).decode("utf-8", "replace")
        if self._codec in _ASS:
            text = _ASS_TAG.sub("", text.split(",", _ASS_FIELDS)[-1]).replace("\\N", "\n").replace("\\h", " ")
        data = _HTML_TAG.sub("", text).strip().encode()[: 2**16 - 1]
        converted = Packet(struct.pack(">H", len(data)) + data)
        converted.pts, converted.dts = packet.pts, packet.pts
        converted.duration, converted.time_base = packet.duration, packet.time_base
        return converted


def holds(output: OutputContainer, stream: SubtitleStream) -> bool:
    """True if an output can hold subtitles: .mkv text and pictures, .mp4 and .mov text."""
    known = _PLAIN | _ASS
    return _codec_of(stream) in (known | _PICTURES if output.format.name == "matroska" else known | {"mov_text"})


def _codec_of(stream: SubtitleStream) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context else ""
