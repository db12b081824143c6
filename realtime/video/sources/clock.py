"""The timestamps of decoded pictures: they only increase, and a single outlier is moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_DEFAULT_FPS = 25.0
_CONSTANT_SHARE = 0.95  # of a stream's steps that are equal: fewer are missing frames, or a variable rate
_ROUNDING_SECONDS = 1.5e-3  # of the times in Matroska and FLV
_LEAST_GAP = 1.75  # steps: one missing frame is a gap, the rhythm of a telecine (1.5) is none
_MOST_STEPS = 1000  # different ones; a stream with more of them has a variable rate


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
        self._steps: Counter[int] = Counter()
        self._first_at: dict[int, int] = {}

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
        self._count(stated - self._last, at=self._last)
        self._last = stated
        return stated

    def gaps(self) -> str | None:
        """Where frames seem to be missing, as a sentence that lacks its subject: None where the rate is not constant.

        A camera that drops frames leaves such gaps, too.
        """
        if not self._steps or len(self._steps) > _MOST_STEPS:
            return None
        usual = self._steps.most_common(1)[0][0]
        tolerance = max(1.0, float(_ROUNDING_SECONDS / self.time_base))
        equal = sum(count for step, count in self._steps.items() if abs(step - usual) <= tolerance)
        long = {step: count for step, count in self._steps.items() if step > _LEAST_GAP * usual}
        if not long or equal < _CONSTANT_SHARE * self._steps.total():
            return None
        longest, count = max(long), sum(long.values())
        seconds, at = (
            float(ticks * self.time_base) for ticks in (longest, self._first_at[longest] - (self._first or 0))
        )
        return f"its frames have {count} gap{'s' if count > 1 else ''}, the longest of {seconds:.2f} s after {at:.2f} s"

    def _count(self, step: int, at: int) -> None:
        if len(self._steps) <= _MOST_STEPS:
            self._steps[step] += 1
            self._first_at.setdefault(step, at)

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
