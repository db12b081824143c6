"""The timestamps of decoded pictures: they only increase, and a single outlier is moved."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_DEFAULT_FPS = 25.0


class Clock:
    """Times that only increase, in the unit of a stream.

    A time that is missing, or not after the last one, continues at the average rate, and so does a time that lies after
    that of the next picture.
    """

    def __init__(self, stream: VideoStream, fps: float | None) -> None:
        self.time_base = stream.time_base or Fraction(1, 90_000)
        self._step = max(1, round(1 / (fps or _DEFAULT_FPS) / self.time_base))
        self._first: int | None = None
        self._last: int | None = None

    @property
    def elapsed_seconds(self) -> float:
        """From the first picture to the last."""
        return 0.0 if self._first is None or self._last is None else float((self._last - self._first) * self.time_base)

    def pts(self, stated: int | None, following: int | None = None) -> int:
        """The time of the next picture.

        Args:
            stated: the picture's own; None: missing.
            following: that of the picture after it, where it is known.
        """
        if self._last is None:
            self._first = self._last = self._first_pts(stated, following)
            return self._last
        next_pts = following if following is not None and following > self._last else None
        if stated is None or stated <= self._last or (next_pts is not None and stated > next_pts):
            stated = self._last + self._step
            if next_pts is not None and stated >= next_pts:  # between its neighbours, if there is room
                stated = max(self._last + 1, (self._last + next_pts) // 2)
        self._last = stated
        return stated

    def _first_pts(self, stated: int | None, following: int | None) -> int:
        if following is not None and (stated is None or stated > following):
            return following - self._step
        return 0 if stated is None else stated


def with_following(pictures: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, int | None]]:
    """Each picture with the time of the next one. An error in between is raised after the pictures before it."""
    held, error = next(pictures, None), None
    while held is not None:
        try:
            following = next(pictures, None)
        except av.FFmpegError as e:
            following, error = None, e
        yield held, following.pts if following is not None else None
        held = following
    if error is not None:
        raise error
