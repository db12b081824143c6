"""The times of a file's packets, made continuous. Pictures and sound get the same shifts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any

from av.packet import Packet

_BACK_SECONDS = Fraction(1, 10)
"""Decoding times never go back; rounding and careless writers are allowed this much."""
_STEP_SECONDS = Fraction(1, 2)
"""A longer step is looked at more closely: it may be a gap, a single outlier or a clock that jumps."""
_GAP_SECONDS = Fraction(10)
"""The longest gap that is kept in a format whose clock may leap. FFmpeg's command line uses the same limit."""
_LONGEST_GAP_SECONDS = Fraction(30 * 3600)  # in formats whose clock may not leap
_AHEAD_PACKETS = 1000  # how far ahead the next packet of a stream is looked for
_JUMPING_FORMATS = frozenset({"mpegts", "mpeg", "ogg"})  # those that FFmpeg calls discontinuous


@dataclass
class _StreamTimes:
    """In seconds, as Fractions, because packets of streams with different units meet."""

    shift: Fraction
    due: Fraction
    """When the next packet is due."""
    step: Fraction = Fraction(0)
    """Between the last two packets."""


class Timeline:
    """Shifts packets, so that the clock of a file goes on where it wraps, begins again, or leaps.

    The first stream that jumps sets the shift for the others, so that they stay in step. A lone packet with a wild time
    is moved to where it is due, and loses its pts: the frame that it holds is placed between its neighbours.

    Every reader of a file has a Timeline of its own. All of them see the packets of all streams in the same order, and
    so come to the same shifts.
    """

    def __init__(self, format_name: str) -> None:
        """Args:
        format_name: FFmpeg's name for the container format.
        """
        self._is_indexed = format_name.startswith("mov")  # .mp4 and .mov count their times from packet to packet
        self._gap = _GAP_SECONDS if format_name in _JUMPING_FORMATS else _LONGEST_GAP_SECONDS
        self._streams: dict[int, _StreamTimes] = {}
        self._shift = Fraction(0)
        """The latest shift of any stream."""

    def __call__(self, packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        """The packets, with continuous times."""
        if self._is_indexed:
            yield from packets
            return
        source = iter(packets)
        queue: deque[Packet[Any]] = deque()
        while (packet := queue.popleft() if queue else next(source, None)) is not None:
            stated = _seconds(packet)
            if stated is not None and packet.stream.type in ("video", "audio"):
                self._place(packet, stated, queue, source)
            else:
                times = self._streams.get(packet.stream_index)
                _shift(packet, times.shift if times else self._shift)
            yield packet

    def _place(
        self, packet: Packet[Any], stated: Fraction, queue: deque[Packet[Any]], source: Iterator[Packet[Any]]
    ) -> None:
        times = self._streams.setdefault(packet.stream_index, _StreamTimes(self._shift, stated + self._shift))
        if not -_BACK_SECONDS <= stated + times.shift - times.due <= _STEP_SECONDS:
            following = _next_of_stream(packet.stream_index, queue, source)
            fits = self._fits(stated + times.shift, times.due)
            if (
                following is not None
                and self._fits(following + times.shift, times.due)
                and not (fits and stated <= following)
            ):
                _move_to(packet, times.due)
                times.due += times.step
                return
            if not fits:
                times.shift = self._shift_after_leap(times, stated)
        _shift(packet, times.shift)
        end = stated + times.shift + (packet.duration or 0) * packet.time_base
        times.step = max(Fraction(0), end - times.due)
        times.due = end

    def _fits(self, seconds: Fraction, due: Fraction) -> bool:
        """True if a time is that of the stream's next packet, perhaps after a gap that all streams have."""
        latest = max([due, *(times.due for times in self._streams.values())])
        return due - _BACK_SECONDS <= seconds <= latest + self._gap

    def _shift_after_leap(self, times: _StreamTimes, stated: Fraction) -> Fraction:
        """The shift that another stream got at this leap, or, for the first stream, one that leaves no gap."""
        if self._shift == times.shift or abs(stated + self._shift - times.due) > self._gap:
            self._shift = times.due - stated
        return self._shift


def _next_of_stream(index: int, queue: deque[Packet[Any]], source: Iterator[Packet[Any]]) -> Fraction | None:
    """The stated time of the next packet of a stream. What is read meanwhile is put into the queue."""
    for packet in queue:
        if packet.stream_index == index:
            return _seconds(packet)
    for packet in islice(source, _AHEAD_PACKETS - len(queue)):
        queue.append(packet)
        if packet.stream_index == index:
            return _seconds(packet)
    return None


def _seconds(packet: Packet[Any]) -> Fraction | None:
    """The decoding time, which increases from packet to packet; unknown for the first ones of some files."""
    return None if packet.dts is None else packet.dts * packet.time_base


def _shift(packet: Packet[Any], seconds: Fraction) -> None:
    if ticks := round(seconds / packet.time_base):
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks


def _move_to(packet: Packet[Any], seconds: Fraction) -> None:
    packet.dts = round(seconds / packet.time_base)
    packet.pts = None
