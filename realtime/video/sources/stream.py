"""Network streams: opening them, reading them, and the reason why one broke off."""

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

from realtime.video.container import open_url, packets

TIMEOUT_SECONDS = 5.0
"""The longest wait for a stream to open, and for its next packet. Closing a stream may take as long."""
_PLAYLIST_TIMEOUT_SECONDS = 15.0  # A live playlist sends a segment at once, then nothing until the next: up to 10 s.
PLAYLIST_SUFFIXES = (".m3u8", ".mpd")
_PLAYLISTS = frozenset({"dash", "hls"})
_WITHOUT_MEDIA = _PLAYLISTS | {"sdp"}  # The size of such a file is not the size of the media.
_LOW_DELAY = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay"}
_TOLERANCE_SECONDS = 0.5  # between the stated duration and the end of the last packet
_PLAYLIST_TOLERANCE_SECONDS, _PLAYLIST_TOLERANCE_SHARE = 1.0, 0.05  # Old playlists state whole seconds per segment.


class StreamReader:
    """Reads the video packets of a stream, and reports afterwards whether the stream broke off.

    A stream can state its end: by its size (a file over HTTP), by its duration, or by a complete playlist. It broke off
    if it ended in any other way and nobody stopped it.
    """

    def __init__(self, url: str, container: InputContainer, pictures: VideoStream) -> None:
        self._url, self._container, self._pictures = url, container, pictures
        self._timeout_seconds = float(container.read_timeout or TIMEOUT_SECONDS)
        self._format = container.format.name
        self.is_file = container.size > 0 and self._format not in _WITHOUT_MEDIA
        """True if the size is known. FFmpeg then reports an error where bytes are missing."""
        self._is_endless = not self.is_file and stated_seconds(container) is None
        self.reason: str | None = None
        """Why no more packets came, as text for users; None before the end, and for a file that was read completely."""
        self._stopped = threading.Event()
        self._at_end = False  # True once FFmpeg has reported an end, and neither an error nor a timeout
        start = container.start_time
        self._first_seconds = math.inf if start is None else start / av.time_base
        self._last_seconds = -math.inf

    def stop(self) -> None:
        """Make `packets` end soon. Another thread may call this."""
        self._stopped.set()

    def packets(self) -> Iterator[Packet[VideoStream] | None]:
        """The video packets, then None, which flushes the decoder. A network error ends them without an exception."""
        read_since = picture_since = time.perf_counter()
        waits_seconds: deque[float] = deque(maxlen=2)  # After a timeout FFmpeg first returns what it has read.
        error: av.FFmpegError | None = None
        try:
            # This reads the sound, too: a stream whose pictures have stopped can then be stopped, and times out.
            for packet in packets(self._container):
                if self._stopped.is_set():
                    return
                now = time.perf_counter()
                waits_seconds.append(now - read_since)
                self._note_times(packet)
                if packet.stream_index == self._pictures.index:
                    yield packet
                    picture_since = time.perf_counter()
                elif self._is_endless and now - picture_since > self._timeout_seconds:
                    self.reason = f"no picture for {self._timeout_seconds:g} s"
                    break
                read_since = time.perf_counter()
        except av.FFmpegError as e:
            error = e
        waits_seconds.append(time.perf_counter() - read_since)
        if self.reason is None:
            timed_out = isinstance(error, av.error.ExitError) or max(waits_seconds) >= self._timeout_seconds
            self._at_end = error is None and not timed_out
            self.reason = f"no data for {self._timeout_seconds:g} s" if timed_out else self._reason_for(error)
        yield None

    def problem(self, pictures_seconds: float) -> str | None:
        """Why the stream broke off, as text for users; None if it ended as it stated, or was stopped.

        Args:
            pictures_seconds: duration of the frames that were read.
        """
        if self._stopped.is_set() or self.reason is None:
            return None
        if self.is_file:
            return self.reason
        stated = stated_seconds(self._container)
        if self._format in _PLAYLISTS:
            read = max(pictures_seconds, self._read_seconds)
            return self._problem_of_playlist(stated, read) if self._at_end else self.reason
        # A stream may also be longer than stated: a fragmented file states the duration of its first fragment.
        ended = stated is not None and abs(self._read_seconds - stated) <= _TOLERANCE_SECONDS
        return None if ended else self.reason

    @property
    def _read_seconds(self) -> float:
        return max(0.0, self._last_seconds - self._first_seconds)

    def _note_times(self, packet: Packet[Stream]) -> None:
        if packet.pts is not None and packet.time_base is not None:
            start = float(packet.pts * packet.time_base)
            self._first_seconds = min(self._first_seconds, start)
            self._last_seconds = max(self._last_seconds, start + float((packet.duration or 0) * packet.time_base))

    def _reason_for(self, error: av.FFmpegError | None) -> str | None:
        if error is None:
            return None if self.is_file else "the sender closed the connection"
        if error.errno == errno.EIO:  # FFmpeg's code for a connection that closes before the end of the data
            return "the data ended early"
        return error.strerror or type(error).__name__

    def _problem_of_playlist(self, stated: float | None, read_seconds: float) -> str | None:
        # FFmpeg skips segments that it cannot read, and reports the same end for a complete playlist and a lost one.
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
    """Open a network stream. Raises PyAV's exception if that fails or takes too long."""
    # HTTP serves files and playlists: "nobuffer" would drop the frames that probing reads.
    options = {} if url.startswith("http") else _LOW_DELAY
    is_playlist = urlsplit(url).path.endswith(PLAYLIST_SUFFIXES)
    between_packets = _PLAYLIST_TIMEOUT_SECONDS if is_playlist else TIMEOUT_SECONDS
    return open_url(url, options, (TIMEOUT_SECONDS, between_packets))


def without_password(url: str) -> str:
    """The URL without user and password, so that it can be shown."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def stated_seconds(container: InputContainer) -> float | None:
    """The duration that a container states; None if it states none."""
    if not container.duration:
        return None
    is_end_time = container.format.name.startswith("matroska")  # its "duration" counts from zero, not from the start
    return (container.duration - (container.start_time or 0) * is_end_time) / av.time_base
