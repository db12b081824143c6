"""Cameras that send JPEG pictures one after the other over HTTP ("multipart/x-mixed-replace")."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from fractions import Fraction
from http.client import HTTPResponse
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from engines.errors import SourceError
from realtime.frames.letterbox import letterboxed
from realtime.frames.types import Frame
from realtime.video.av_frame import FromAv
from realtime.video.sources.base import VIDEO_SUFFIXES, Source, SourceInfo, SourceKind
from realtime.video.sources.live.jpegs import JpegSplitter
from realtime.video.sources.stream import PLAYLIST_SUFFIXES, TIMEOUT_SECONDS, without_password
from realtime.video.sources.video import VideoSource

_MULTIPART = "multipart/x-mixed-replace"
_TIME_BASE = Fraction(1, 90_000)
_RECEIVED_BYTES = 1 << 16
_LOST = (OSError, http.client.HTTPException)
"""What is raised where a connection breaks."""


class MjpegSource(Source):
    """The pictures of such a camera, each as soon as it has arrived; that is its time.

    What is between pictures does not matter, and pictures that cannot be decoded are left out; `close` remarks how
    many. The camera is lost if no picture comes for `TIMEOUT_SECONDS`.

    Args:
        url: for messages.
        response: its pictures follow.
    """

    def __init__(self, url: str, response: HTTPResponse) -> None:
        self._name, self._response = without_password(url), response
        self._splitter, self._damaged = JpegSplitter(), 0
        self._decoder = _decoder()
        self._pictures = self._decoded()
        first = self._next_picture(0)
        self._first: VideoFrame | None = first
        super().__init__(SourceInfo(self._name, "stream", (first.width, first.height), live=True))

    def __iter__(self) -> Iterator[Frame]:
        index, pts, started = 0, -1, time.perf_counter()
        picture, self._first = self._first, None
        while picture is not None and not self._stopped.is_set():
            now = time.perf_counter()
            pts = max(pts + 1, round((now - started) / _TIME_BASE))
            planes, colour = FromAv((picture.width, picture.height))(picture)
            frame = Frame(planes, "yuv420p", index, pts, _TIME_BASE, now, colour)
            yield letterboxed(frame, self.info.size_wh)
            index += 1
            picture = None if self._stopped.is_set() else self._next_picture(index)

    def close(self) -> None:
        self._pictures.close()
        self._response.close()
        if damaged := self._damaged + self._splitter.cut_off:
            pictures = "1 damaged picture is" if damaged == 1 else f"{damaged} damaged pictures are"
            self.remarks.note(f"{self._name}: {pictures} left out")

    def _next_picture(self, frames: int) -> VideoFrame:
        try:
            return next(self._pictures)
        except StopIteration:
            reason = "the sender closed the connection"
        except TimeoutError:
            reason = f"no picture for {TIMEOUT_SECONDS:g} s"
        except _LOST as e:
            reason = getattr(e, "strerror", None) or "the data ended early"
        raise SourceError(
            f"{self._name}: the stream broke off after {frames} frames ({reason}); check the sender and the network"
        )

    def _decoded(self) -> Generator[VideoFrame]:
        picture_since = time.perf_counter()
        while received := self._response.read1(_RECEIVED_BYTES):
            for jpeg in self._splitter.feed(received):
                for picture in self._decode(jpeg):
                    yield picture
                    picture_since = time.perf_counter()
            if time.perf_counter() - picture_since > TIMEOUT_SECONDS:
                raise TimeoutError

    def _decode(self, jpeg: bytes) -> list[VideoFrame]:
        try:
            return self._decoder.decode(Packet(jpeg))
        except av.FFmpegError:
            self._decoder = _decoder()
            self._damaged += 1
            return []


def _mjpeg_or_video(address: str | Path) -> Source:
    url = str(address)
    return _mjpeg(url) or VideoSource(url)


def _may_be_mjpeg(address: str | Path) -> bool:
    """Whether a URL may answer with JPEG pictures: what is named as another medium is asked only once."""
    suffix = PurePosixPath(urlsplit(str(address)).path).suffix.lower()
    others = VIDEO_SUFFIXES - {".mjpeg", ".mjpg"} | set(PLAYLIST_SUFFIXES)
    return isinstance(address, str) and address.startswith(("http://", "https://")) and suffix not in others


def _mjpeg(url: str) -> Source | None:
    """The source of a URL that answers with JPEG pictures; None where it answers with something else, or not at all.

    Raises:
        SourceError: pictures were announced, and none came.
    """
    try:
        response = _opener(url).open(without_password(url), timeout=TIMEOUT_SECONDS)
    except (*_LOST, ValueError):  # what reads other streams will say what is wrong
        return None
    if response.headers.get_content_type() != _MULTIPART:
        response.close()
        return None
    try:
        return MjpegSource(url, response)
    except BaseException:
        response.close()
        raise


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Opens URLs with the user and password of one, whichever way the camera asks for them."""
    parts = urlsplit(url)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, without_password(url), unquote(parts.username or ""), unquote(parts.password or ""))
    handlers = [urllib.request.HTTPBasicAuthHandler(passwords), urllib.request.HTTPDigestAuthHandler(passwords)]
    return urllib.request.build_opener(*(handlers if parts.username else []))


def _decoder() -> VideoCodecContext:
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.thread_count = 1  # each further thread would delay the pictures by one
    return decoder


MJPEG = SourceKind(_may_be_mjpeg, _mjpeg_or_video)
