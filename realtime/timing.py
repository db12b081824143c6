"""Where the time goes: per stage, and per frame from capture to done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
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

    def add_latency(self, captured_at: float) -> None:
        """Count a frame that is done now. Its latency runs from `captured_at` (`time.perf_counter()` seconds)."""
        self._latency.add(time.perf_counter() - captured_at)

    def to_json(self) -> dict[str, Any]:
        """Latency and stages, in milliseconds. Percentiles are those of the last 10,000 samples."""
        return {
            "latency_ms": {"p50": self._latency.percentile_ms(50), "p95": self._latency.percentile_ms(95)},
            "stages_ms": {name: _stage_json(samples) for name, samples in self._stages.items()},
        }


def _stage_json(samples: _Samples) -> dict[str, Any]:
    return {
        "count": samples.count,
        "total": round(samples.total_seconds * 1e3, 3),
        "mean": round(samples.total_seconds / samples.count * 1e3, 3),
        "p50": samples.percentile_ms(50),
        "p95": samples.percentile_ms(95),
    }
