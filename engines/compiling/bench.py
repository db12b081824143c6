"""The speed of the network alone."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import numpy as np

from engines.engine import U8, Engine, check_crops
from engines.errors import UsageError

_WARM_UP = 10


@dataclass(frozen=True)
class NetworkTimes:
    """Times of calls: copying in, the network, copying out. No detection, cropping or drawing."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    fps: float
    """Crops per second over the whole run."""
    calls: int
    batch: int = 1
    """Crops per call."""

    def to_json(self) -> dict[str, float]:
        """A JSON-ready dictionary."""
        return asdict(self)


def bench_network(
    engine: Engine, crops: U8, *, seconds: float = 3.0, iterations: int | None = None, batch: int = 1
) -> NetworkTimes:
    """Time an engine, taking the crops in turn.

    Args:
        crops: (N, S, S, 3) uint8 RGB, at least one.
        seconds: how long to measure, where `iterations` is None.
        iterations: how many calls to measure.
        batch: crops per call.
    """
    check_crops(crops, engine.spec.size_px)
    if not len(crops) or batch < 1 or (iterations is not None and iterations < 1):
        raise UsageError(
            f"a benchmark needs one crop, a batch of one and one iteration, or more; got {len(crops)}, {batch} and "
            f"{iterations}"
        )
    calls = [crops[np.arange(first, first + batch) % len(crops)] for first in range(0, len(crops), batch)]
    for call in range(_WARM_UP):
        engine(calls[call % len(calls)])
    times_ms: list[float] = []
    end = time.perf_counter() + seconds
    while len(times_ms) < iterations if iterations is not None else (not times_ms or time.perf_counter() < end):
        some = calls[len(times_ms) % len(calls)]
        started = time.perf_counter()
        engine(some)
        times_ms.append((time.perf_counter() - started) * 1000)
    p50, p95, p99 = np.percentile(times_ms, (50, 95, 99))
    fps = 1000 * batch * len(times_ms) / sum(times_ms)
    return NetworkTimes(float(p50), float(p95), float(p99), fps, len(times_ms), batch)
