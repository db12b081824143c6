"""Where the time goes: per stage, and per frame from capture to done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
_PACE_SECONDS = 2.0  # a rate that is shown follows a change within that time, and does not flicker
_KEPT = 10_000  # samples for the percentiles: a live run of days must not grow


@dataclass
class _Samples:
    count: int = 0
    total_seconds: float = 0.0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total_seconds += seconds
        self.recent.append(seconds)

    def percentile_ms(self, percent: float) -> float | None:
        return round(float(np.percentile(tuple(self.recent), percent)) * 1e3, 3) if self.recent else None


class StageTimer:
    """Times the stages of a loop, each stage in one thread. A measurement costs about a microsecond.

    Stages may run in several threads at once (reading, parsing, drawing, encoding). Their totals then add up to more
    than the wall time.
    """

    def __init__(self) -> None:
        self._stages: dict[str, _Samples] = {}
        self._latency = _Samples()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the body as one run of a stage. A run that raises counts, too."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Iterate, and time how long each item takes to arrive. The end of the items counts, too."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                item = next(iterator, None)
            if item is None:
                return
            yield item

    def add(self, name: str, seconds: float) -> None:
        """Count one run of a stage that was timed elsewhere."""
        self._stages.setdefault(name, _Samples()).add(seconds)

    def add_latency(self, captured_at: float) -> float:
        """Count a frame that is done now. Its latency runs from `captured_at` (`time.perf_counter()` seconds).

        Returns:
            The latency in milliseconds.
        """
        seconds = time.perf_counter() - captured_at
        self._latency.add(seconds)
        return seconds * 1e3

    def to_json(self) -> dict[str, Any]:
        """Latency and stages, in milliseconds. Percentiles are those of the last 10,000 samples."""
        return {
            "latency_ms": {"p50": self._latency.percentile_ms(50), "p95": self._latency.percentile_ms(95)},
            "stages_ms": {name: _stage_json(samples) for name, samples in self._stages.items()},
        }


class Pace:
    """How many frames come per second. One thread counts them; any may read the rate.

    Args:
        clock: seconds that only increase.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.total = 0
        self._clock = clock
        self._first = self._last = 0.0
        self._recent: deque[float] = deque()

    def count(self) -> None:
        """A frame has come now."""
        now = self._clock()
        self._first, self._last = (self._first if self.total else now), now
        self.total += 1
        self._recent.append(now)
        while now - self._recent[0] > _PACE_SECONDS:
            self._recent.popleft()

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """Iterate, and count the items."""
        for item in items:
            self.count()
            yield item

    @property
    def fps(self) -> float:
        """Over the last two seconds before the last frame; 0 before there are two frames."""
        recent = list(self._recent)
        seconds = recent[-1] - recent[0] if recent else 0.0
        return (len(recent) - 1) / seconds if seconds else 0.0

    @property
    def mean_fps(self) -> float | None:
        """From the first frame to the last; None before there are two."""
        seconds = self._last - self._first
        return round((self.total - 1) / seconds, 2) if seconds else None


def _stage_json(samples: _Samples) -> dict[str, Any]:
    return {
        "count": samples.count,
        "total": round(samples.total_seconds * 1e3, 3),
        "mean": round(samples.total_seconds / samples.count * 1e3, 3),
        "p50": samples.percentile_ms(50),
        "p95": samples.percentile_ms(95),
    }
