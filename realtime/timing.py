"""Where the time goes: per stage, and per frame from capture to done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_KEPT = 10_000  # samples that percentiles look at: a live run of days must not grow


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
    """Times the stages of a loop, each stage by one thread. Costs about a microsecond a stage.

    Stages may run in several threads at once (reading, parsing, drawing, encoding): their totals then add up to more
    than the wall time.
    """

    def __init__(self) -> None:
        self._stages: dict[str, _Samples] = {}
        self._latency = _Samples()
        self._frames = 0
        self._started: float | None = None
        self._ended: float | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the body as one run of a stage; a run that raises counts too."""
        start = time.perf_counter()
        if self._started is None:
            self._started = start
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        """Count one run of a stage that was timed elsewhere."""
        self._stages.setdefault(name, _Samples()).add(seconds)

    def frame_done(self, captured_at: float) -> None:
        """Count a frame as done now. Its latency runs from `captured_at` (`time.perf_counter()` seconds)."""
        self._ended = time.perf_counter()
        self._latency.add(self._ended - captured_at)
        self._frames += 1

    @property
    def frames(self) -> int:
        """Frames that were done."""
        return self._frames

    @property
    def fps(self) -> float | None:
        """Frames per second of wall time, from the first stage's start to the last frame's end."""
        if self._started is None or self._ended is None or self._ended <= self._started:
            return None
        return self._frames / (self._ended - self._started)

    def to_json(self) -> dict[str, Any]:
        """Frames, fps, latency and stages, in milliseconds. Percentiles are those of the last 10,000 samples."""
        return {
            "frames": self._frames,
            "fps": None if self.fps is None else round(self.fps, 2),
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
