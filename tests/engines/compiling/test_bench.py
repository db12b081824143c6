"""The benchmark of the network alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.compiling.bench import bench_network
from engines.errors import UsageError
from engines.load import load_engine


def test_times_are_ordered_and_counted(tiny_engines: dict[str, Path]) -> None:
    with load_engine(tiny_engines["fp32"], threads=1) as engine:
        times = bench_network(engine, np.zeros((3, 32, 32, 3), np.uint8), iterations=50)
        assert bench_network(engine, np.zeros((1, 32, 32, 3), np.uint8), seconds=0).calls == 1
    assert 0 < times.p50_ms <= times.p95_ms <= times.p99_ms
    assert times.calls == 50 and times.fps > 0
    assert times.to_json().keys() >= {"p50_ms", "p95_ms", "p99_ms", "fps"}


@pytest.mark.parametrize(("crops", "iterations"), [(0, 5), (1, 0)])
def test_nothing_to_time_is_wrong_use(tiny_engines: dict[str, Path], crops: int, iterations: int) -> None:
    with load_engine(tiny_engines["fp32"], threads=1) as engine, pytest.raises(UsageError, match="or more; got"):
        bench_network(engine, np.zeros((crops, 32, 32, 3), np.uint8), iterations=iterations)
