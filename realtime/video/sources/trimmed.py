"""A part of a video, from one time to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from engines.errors import SourceError
from realtime.frames.types import Frame
from realtime.video.sources.base import Source

_ROUNDING_SECONDS = 1e-6


class TrimmedSource(Source):
    """The frames of another source from one time to another, counted and timed from 0.

    Opening decodes and drops the frames before the start. Times count from the first frame of the video.
    """

    def __init__(self, source: Source, start_seconds: float = 0.0, end_seconds: float | None = None) -> None:
        """Args:
        source: a video; this object closes it.
        start_seconds: the first frame at or after this time comes first.
        end_seconds: the frames before this time are given; None: to the end.

        Raises:
            SourceError: the video ends before the start.
        """
        self._source, self._end_seconds = source, end_seconds
        self._frames = iter(source)
        try:
            origin, self._first = self._skip_to(start_seconds)
        except BaseException:
            source.close()
            raise
        info, start = source.info, self._first.pts_seconds or 0.0
        self._origin_seconds = origin
        end = None if end_seconds is None else origin + end_seconds
        ends = [seconds for seconds in (info.duration_seconds, end_seconds) if seconds is not None]
        seconds = max(0.0, min(ends) - start_seconds) if ends else None
        super().__init__(
            replace(
                info,
                part_seconds=(start, end),
                duration_seconds=seconds,
                frames=round(seconds * info.fps) if seconds is not None and info.fps else None,
            )
        )
        self.remarks = source.remarks

    def __iter__(self) -> Iterator[Frame]:
        first_pts = self._first.pts or 0
        for index, frame in enumerate(chain([self._first], self._frames)):
            if self._end_seconds is not None and self._seconds(frame) >= self._end_seconds - _ROUNDING_SECONDS:
                return
            yield replace(frame, index=index, pts=(frame.pts or 0) - first_pts)

    def stop(self) -> None:
        super().stop()
        self._source.stop()

    def close(self) -> None:
        self._frames = iter(())  # the generator holds frames of the decoder
        self._source.close()

    def _skip_to(self, start_seconds: float) -> tuple[float, Frame]:
        """The time of the video's first frame, and the first frame to give."""
        origin = seconds = 0.0
        for index, frame in enumerate(self._frames):
            origin = (frame.pts_seconds or 0.0) if index == 0 else origin
            seconds = (frame.pts_seconds or 0.0) - origin
            if seconds >= start_seconds - _ROUNDING_SECONDS:
                return origin, frame
        raise SourceError(
            f"{self._source.info.name}: it ends after {seconds:.1f} s, before the start that was asked for, "
            f"{start_seconds:g} s"
        )

    def _seconds(self, frame: Frame) -> float:
        return (frame.pts_seconds or 0.0) - self._origin_seconds
