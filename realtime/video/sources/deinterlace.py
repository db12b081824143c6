"""Makes whole pictures of interlaced ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame

_FILTER, _OPTIONS = "bwdif", "mode=send_frame:deint=interlaced"  # one picture per frame; progressive ones stay
_NO_MORE = (av.error.BlockingIOError, av.error.EOFError)
_Kind = tuple[int, int, str]


class _Filter:
    """FFmpeg's filter for pictures of one size and pixel format. It gives each picture once it has the next one."""

    def __init__(self, picture: VideoFrame) -> None:
        self.kind = _kind(picture)
        self._graph = Graph()
        source = self._graph.add(
            "buffer",
            video_size=f"{picture.width}x{picture.height}",
            pix_fmt=picture.format.name,
            time_base=str(picture.time_base or Fraction(1, 90_000)),
        )
        deinterlace, sink = self._graph.add(_FILTER, _OPTIONS), self._graph.add("buffersink")
        self._graph.link_nodes(source, deinterlace, sink).configure()
        self._waiting: deque[tuple[int | None, Fraction, int]] = deque()
        """pts, time base and duration of the pictures that it still has."""

    def push(self, picture: VideoFrame | None) -> Iterator[VideoFrame]:
        """Give it a picture (None: no more will come), and take those that are ready, with their own times."""
        if picture is not None:
            self._waiting.append((picture.pts, picture.time_base or Fraction(1, 90_000), picture.duration))
        self._graph.vpush(picture)
        while self._waiting:
            try:
                whole = self._graph.vpull()
            except _NO_MORE:
                return
            whole.pts, whole.time_base, whole.duration = self._waiting.popleft()
            yield whole


def deinterlaced(pictures: Iterator[VideoFrame], on_interlaced: Callable[[], None]) -> Generator[VideoFrame]:
    """The pictures, in order. Interlaced ones become whole, by FFmpeg's filter bwdif: one picture each.

    Args:
        on_interlaced: called at the first interlaced picture.
    """
    running: _Filter | None = None
    for picture in pictures:
        if running is not None and running.kind != _kind(picture):
            yield from running.push(None)
            running = _Filter(picture)
        elif running is None and picture.interlaced_frame:
            on_interlaced()
            running = _Filter(picture)
        if running is None:
            yield picture
        else:
            yield from running.push(picture)
    if running is not None:
        yield from running.push(None)


def _kind(picture: VideoFrame) -> _Kind:
    return picture.width, picture.height, picture.format.name
