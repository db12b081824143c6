"""One of FFmpeg's filters, for pictures of one size and pixel format."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame

_NO_MORE = (av.error.BlockingIOError, av.error.EOFError)
_SOME_UNIT = Fraction(1, 90_000)


class PictureFilter:
    """Gives one picture for each that it gets, some later, with its own times."""

    def __init__(self, picture: VideoFrame, name: str, options: str) -> None:
        """Args:
        picture: one of those to come.
        name, options: as in FFmpeg's documentation of filters.
        """
        self._graph = Graph()
        source = self._graph.add(
            "buffer",
            video_size=f"{picture.width}x{picture.height}",
            pix_fmt=picture.format.name,
            time_base=str(picture.time_base or _SOME_UNIT),
        )
        filtered, sink = self._graph.add(name, options), self._graph.add("buffersink")
        self._graph.link_nodes(source, filtered, sink).configure()
        self._waiting: deque[tuple[int | None, Fraction, int]] = deque()
        """pts, time base and duration of the pictures that it still has."""

    def push(self, picture: VideoFrame | None) -> Iterator[VideoFrame]:
        """Give it a picture (None: no more will come), and take those that are ready."""
        if picture is not None:
            self._waiting.append((picture.pts, picture.time_base or _SOME_UNIT, picture.duration))
        self._graph.vpush(picture)
        while self._waiting:
            try:
                filtered = self._graph.vpull()
            except _NO_MORE:
                return
            filtered.pts, filtered.time_base, filtered.duration = self._waiting.popleft()
            yield filtered
