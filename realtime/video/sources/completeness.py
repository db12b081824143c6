"""Compares what was read from a file with what the file states, so that no loss goes unnoticed."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realtime.video.ffmpeg_log import FfmpegLog
from realtime.video.sources.stream import stated_seconds

_TOLERANCE_SECONDS = 0.5  # between a stated duration and the end of the last packet; writers round
_HIDDEN_PICTURES = frozenset({"vp8", "vp9", "av1", "mpeg4"})  # their packets may hold pictures that are never shown
_FEWER_PICTURES = 2  # packets without a picture that any file may have, such as the second field of the last frame
_START_SECONDS = 1.0  # a recording that begins between two key frames has no pictures for so long
_JOINT_SECONDS = 1.0  # a longer step between two packets of the pictures is a joint
_BEFORE_JOINT = 3  # FFmpeg may call as many packets before a joint incomplete
_TS, _TS_SYNC = "mpegts", 0x47
_TS_PACKETS = {188: 188, 192: 188, 204: 204}
"""Bytes from one packet's first byte to the next one's, and to its own end: plain, with time codes, with error
correction."""
_TS_TAIL = 8 * max(_TS_PACKETS)  # bytes at the end of a file by which the length of its packets is known
_TAGGED = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
_ESTIMATED = frozenset({"h264", "hevc", "m4v", "mpeg", "mpegts", "mpegvideo", "mjpeg", "vc1"})
"""Formats that state no duration: FFmpeg estimates it from the size or from the last packets."""


class Completeness:
    """Counts the packets, with their stated times, and the pictures of a file while they are read.

    Args:
        container: the file, of which nothing was read yet.
        stream: its pictures.
        path: the file; None for a stream on a network, which states no size.
        log: what FFmpeg reports meanwhile.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, path: Path | None, log: FfmpegLog) -> None:
        self._container, self._stream, self._path, self._log = container, stream, path, log
        self._size = path.stat().st_size if path else 0
        self._stated_packets = _stated_packets(container, stream)
        self._packets = self._left_out = self._pictures = self._refused = self._concealed = self._corrupt = 0
        self._rate = float(stream.average_rate or 25)
        self._since_start = 0  # packets since the first key frame, or the last joint
        self._before_key = 0  # packets that come, or are shown, before the first key frame
        self._key_pts: int | None = None
        self._ends: dict[int, float] = {}
        self._first_seconds = math.inf
        self._ticks: dict[int, float] = {}
        self._cut_off: set[int] = set()
        """The streams whose last packet is incomplete: the file ended within it."""
        self._latest_corrupt: deque[bool] = deque()
        self._last_seconds: float | None = None

    def noted(self, packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        """The packets of all streams, each counted."""
        for packet in packets:
            self.note_packet(packet)
            yield packet

    def note_packet(self, packet: Packet[Any]) -> None:
        """Count a packet of any stream."""
        index, pts = packet.stream_index, packet.pts
        (self._cut_off.add if packet.is_corrupt else self._cut_off.discard)(index)
        if pts is not None:
            if (tick := self._ticks.get(index)) is None:  # seconds; a Fraction for each packet takes long
                tick = self._ticks[index] = float(packet.time_base)
            self._first_seconds = min(pts * tick, self._first_seconds)
            self._ends[index] = max((pts + (packet.duration or 0)) * tick, self._ends.get(index, -math.inf))
        if index == self._stream.index:
            self._packets += 1
            self._left_out += packet.is_discard  # by an edit list
            self._note_corrupt(packet)
            if self._key_pts is None and packet.is_keyframe:
                self._key_pts = packet.pts or 0
                self._log.counts_pictures = True
                self._since_start = 0
            self._since_start += 1
            self._log.counts_references = self._since_start > _START_SECONDS * self._rate and self._key_pts is not None
            self._before_key += self._key_pts is None or (packet.pts is not None and packet.pts < self._key_pts)

    def _note_corrupt(self, packet: Packet[Any]) -> None:
        """Count an incomplete packet, but where two recordings were joined: there, its counter of packets leaps."""
        dts, tick = packet.dts, self._ticks.get(packet.stream_index)
        seconds = None if dts is None or tick is None else dts * tick
        step = 0.0 if seconds is None or self._last_seconds is None else seconds - self._last_seconds
        self._last_seconds = seconds
        if not 0 <= step <= _JOINT_SECONDS:
            self._latest_corrupt.clear()
            self._since_start = 0
        elif len(self._latest_corrupt) == _BEFORE_JOINT:
            self._corrupt += self._latest_corrupt.popleft()
        self._latest_corrupt.append(packet.is_corrupt)

    def note_pictures(self, pictures: list[VideoFrame]) -> None:
        """Count what a packet of the pictures gave."""
        self._pictures += len(pictures)
        self._concealed += sum(picture.is_corrupt for picture in pictures)

    def note_refused(self) -> None:
        """Count a packet that the decoder refused. Before the first picture that is normal for a recording."""
        self._refused += self._pictures > 0

    def problem(self) -> str | None:
        """What is missing or damaged, as a sentence that lacks its subject; None where the file is whole."""
        return self._growth() or self._cut() or self._damage()

    def _cut(self) -> str | None:
        if self._stated_packets and self._packets < self._stated_packets:
            return f"ends early (its header lists {self._stated_packets} frames, but it holds {self._packets})"
        if (lacking := self._lacking_frames()) >= 1:
            return f"ends early (its header lists {self._stream.frames} frames; at its end {lacking} are missing)"
        if self._cut_off & ({self._stream.index} if self._container.format.name == _TS else self._cut_off):
            return "ends early"
        if self._path and self._container.format.name == _TS and _ends_within_packet(self._path):
            return "ends early (within a packet of MPEG-TS)"
        for stream in self._container.streams:
            stated, end = _tagged_seconds(stream.metadata), self._ends.get(stream.index)
            if stated is not None and stream.type in ("video", "audio") and (end or 0.0) + _TOLERANCE_SECONDS < stated:
                what = "pictures" if stream.type == "video" else "sound"
                return f"ends early (its header gives {stated:.1f} s of {what}, but it holds {end or 0.0:.1f} s)"
        stated = None if self._container.format.name in _ESTIMATED else stated_seconds(self._container)
        read = max(self._ends.values()) - self._first_seconds if self._ends else 0.0
        if self._path and stated is not None and read + _TOLERANCE_SECONDS < stated:
            return f"ends early (its header gives {stated:.1f} s, but it holds {read:.1f} s)"
        return f"ends early ({self._log.cut})" if self._log.cut.count else None

    def _lacking_frames(self) -> int:
        """How many frames an .avi lacks at its end. It states their number, and each has a time, also a dropped one."""
        if self._container.format.name != "avi" or not self._stream.average_rate:
            return 0
        end = self._ends.get(self._stream.index, 0.0)
        return self._stream.frames - round(end * float(self._stream.average_rate))

    def _damage(self) -> str | None:
        if self._refused:
            return f"is damaged (packets lost: {self._refused})"
        missing = self._packets - self._left_out - self._pictures
        if self._stream.codec_context.name in _HIDDEN_PICTURES or missing <= _FEWER_PICTURES:
            missing = 0
        if missing and missing > min(self._before_key, _START_SECONDS * self._rate) + _FEWER_PICTURES:
            return f"is damaged ({missing} of {self._packets} pictures cannot be decoded)"
        if incomplete := max(self._concealed, self._corrupt + sum(self._latest_corrupt)):
            return f"is damaged (incomplete pictures: {incomplete})"
        return f"is damaged ({self._log.damage})" if self._log.damage.count else None

    def _growth(self) -> str | None:
        if self._path is None or not self._path.exists() or self._path.stat().st_size == self._size:
            return None
        return "was still being written"


def _stated_packets(container: InputContainer, stream: VideoStream) -> int:
    """The packets of the pictures by the file's index; 0 where it has none that is complete from the start."""
    return len(stream.index_entries) if container.format.name.startswith("mov") else 0


def _ends_within_packet(path: Path) -> bool:
    """Whether a file of MPEG-TS ends within a packet. Other bytes at its end, such as zeros, are no part of one."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TS_TAIL))
        tail = file.read()
    for step, length in _TS_PACKETS.items():
        for first in range(min(step, len(tail) - step)):
            if all(byte == _TS_SYNC for byte in tail[first::step]):
                last = first + (len(tail) - 1 - first) // step * step
                return last + length > len(tail)
    return False


def _tagged_seconds(metadata: dict[str, str]) -> float | None:
    """When a stream of a Matroska file ends, as its tags state."""
    found = _TAGGED.fullmatch(metadata.get("DURATION", "").strip())
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return float(Fraction(hours) * 3600 + Fraction(minutes) * 60 + Fraction(seconds))
