"""Network streams: how they are opened and read, and whether they end as they stated."""

from __future__ import annotations

import errno
import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from urllib.parse import urlsplit

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

TIMEOUT_SECONDS = 5.0
"""The longest wait to open a stream and between two packets. Closing a stream may take as long."""
_PLAYLIST_TIMEOUT_SECONDS = 15.0  # a live playlist gives a segment at once and then nothing for its length: up to 10 s
_PLAYLIST_SUFFIXES = (".m3u8", ".mpd")
_PLAYLISTS = frozenset({"dash", "hls"})
_WITHOUT_MEDIA = _PLAYLISTS | {"sdp"}  # what is opened is a description, and its size is not that of the media
_LOW_DELAY = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay"}
_TOLERANCE_SECONDS = 0.5  # between a stated duration and the end of the last packet
_PLAYLIST_TOLERANCE_SECONDS, _PLAYLIST_TOLERANCE_SHARE = 1.0, 0.05  # old playlists round each segment to a second


class StreamReader:
    """Reads the packets of a stream's pictures and knows afterwards whether the stream broke off.

    A stream may state its end: by the number of its bytes (a file over HTTP), by its duration, or by a playlist that is
    complete. Every other end is one that nobody asked for: the stream broke off.
    """

    def __init__(self, url: str, container: InputContainer, pictures: VideoStream) -> None:
        self._url, self._container, self._pictures = url, container, pictures
        self._format = container.format.name
        self.is_file = container.size > 0 and self._format not in _WITHOUT_MEDIA
        """True if the number of bytes is known: FFmpeg then reports an error where some are missing."""
        self._is_endless = not self.is_file and stated_seconds(container) is None
        self.reason: str | None = None
        """Why no more packets came, for people; None before the end and where a file was read completely."""
        self._stopped = threading.Event()
        self._timed_out = False
        start = container.start_time
        self._first_seconds = math.inf if start is None else start / av.time_base
        self._last_seconds = -math.inf

    def stop(self) -> None:
        """Ask `packets` to end soon. Another thread may call it."""
        self._stopped.set()

    def packets(self) -> Iterator[Packet[VideoStream] | None]:
        """The packets of the pictures, then None, which flushes the decoder. An error of the network ends them, too."""
        read_since = picture_since = time.perf_counter()
        waits_seconds: deque[float] = deque(maxlen=2)  # two: after it timed out, FFmpeg still gives what it has read
        error: av.FFmpegError | None = None
        try:
            # All streams are read, so that a stream whose sound goes on alone can be stopped and does not last forever.
            for packet in self._container.demux():
                if self._stopped.is_set():
                    return
                if not packet.size:
                    continue
                now = time.perf_counter()
                waits_seconds.append(now - read_since)
                self._note_times(packet)
                if packet.stream_index == self._pictures.index:
                    yield packet  # type: ignore[misc]
                    picture_since = time.perf_counter()
                elif self._is_endless and now - picture_since > self._timeout_seconds:
                    self._timed_out, self.reason = True, f"no picture for {self._timeout_seconds:g} s"
                    break
                read_since = time.perf_counter()
        except av.FFmpegError as e:
            error = e
        waits_seconds.append(time.perf_counter() - read_since)
        if self.reason is None:
            self._timed_out = isinstance(error, av.error.ExitError) or max(waits_seconds) >= self._timeout_seconds
            self.reason = self._reason_for(error)
        yield None

    def problem(self, pictures_seconds: float) -> str | None:
        """Why the stream broke off, for people; None where it ended as it stated or was stopped.

        Args:
            pictures_seconds: how long the pictures lasted that were read.
        """
        if self._stopped.is_set() or self.reason is None:
            return None
        if self.is_file:
            return self.reason
        stated = stated_seconds(self._container)
        if self._format in _PLAYLISTS and not self._timed_out:
            return self._problem_of_playlist(stated, max(pictures_seconds, self._read_seconds))
        # More than the stated duration is no end, either: that of a fragmented file is the duration of one fragment.
        ended = stated is not None and abs(self._read_seconds - stated) <= _TOLERANCE_SECONDS
        return None if ended else self.reason

    @property
    def _read_seconds(self) -> float:
        return max(0.0, self._last_seconds - self._first_seconds)

    @property
    def _timeout_seconds(self) -> float:
        return TIMEOUT_SECONDS if self._container.read_timeout is None else float(self._container.read_timeout)

    def _note_times(self, packet: Packet[Stream]) -> None:
        if packet.pts is not None and packet.time_base is not None:
            start = float(packet.pts * packet.time_base)
            self._first_seconds = min(self._first_seconds, start)
            self._last_seconds = max(self._last_seconds, start + float((packet.duration or 0) * packet.time_base))

    def _reason_for(self, error: av.FFmpegError | None) -> str | None:
        if self._timed_out:
            return f"no data for {self._timeout_seconds:g} s"
        if error is None:
            return None if self.is_file else "the sender closed the connection"
        if error.errno == errno.EIO:  # FFmpeg's code where a connection ends before the data do
            return "the data ended early"
        return error.strerror or type(error).__name__

    def _problem_of_playlist(self, stated: float | None, read_seconds: float) -> str | None:
        # FFmpeg skips segments that it cannot read, and ends alike where a playlist is complete and where it is gone.
        try:
            with open_stream(self._url) as again:
                complete = again.duration is not None
        except (av.FFmpegError, OSError):
            return "its playlist can no longer be read"
        if not complete:
            return self.reason
        tolerance = max(_PLAYLIST_TOLERANCE_SECONDS, _PLAYLIST_TOLERANCE_SHARE * (stated or 0.0))
        if stated is not None and read_seconds + tolerance < stated:
            return f"the playlist states {stated:.1f} s, {read_seconds:.1f} s could be read"
        return None


def open_stream(url: str) -> InputContainer:
    """Open a network stream. Raises what PyAV raises where that fails or takes too long."""
    # HTTP serves files and playlists: "nobuffer" would drop the frames that are read to probe them.
    options = {} if url.startswith("http") else _LOW_DELAY
    is_playlist = urlsplit(url).path.endswith(_PLAYLIST_SUFFIXES)
    between_packets = _PLAYLIST_TIMEOUT_SECONDS if is_playlist else TIMEOUT_SECONDS
    return av.open(url, options=options, timeout=(TIMEOUT_SECONDS, between_packets))


def without_password(url: str) -> str:
    """The URL without user and password, so that it can be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def stated_seconds(container: InputContainer) -> float | None:
    """The duration that a container states; None where it states none."""
    if not container.duration:
        return None
    is_end_time = container.format.name.startswith("matroska")  # its "duration" counts from zero, not from the start
    return (container.duration - (container.start_time or 0) * is_end_time) / av.time_base
