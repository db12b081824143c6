"""Stage times, latency and rate."""

from __future__ import annotations

import json
import time

import pytest

from realtime import timing
from realtime.timing import StageTimer


def test_stages_are_counted_and_measured() -> None:
    timer = StageTimer()
    for _ in range(3):
        with timer.stage("draw"):
            time.sleep(0.01)
    draw = timer.to_json()["stages_ms"]["draw"]
    assert draw["count"] == 3
    assert 10 <= draw["p50"] <= draw["p95"] < 200
    assert draw["total"] == pytest.approx(3 * draw["mean"], abs=0.01)


def test_stage_that_raises_is_counted_and_raises() -> None:
    timer = StageTimer()
    with pytest.raises(KeyError), timer.stage("parse"):
        raise KeyError
    assert timer.to_json()["stages_ms"]["parse"]["count"] == 1


def test_percentiles_are_those_of_the_samples() -> None:
    timer = StageTimer()
    for milliseconds in range(1, 101):
        timer.add("parse", milliseconds / 1e3)
    parse = timer.to_json()["stages_ms"]["parse"]
    assert (parse["p50"], parse["p95"], parse["mean"]) == pytest.approx((50.5, 95.05, 50.5))


def test_latency_is_that_of_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)
    timer = StageTimer()
    for _ in range(4):
        now += 0.25
        timer.add_latency(captured_at=now - 0.04)
    assert timer.to_json()["latency_ms"] == pytest.approx({"p50": 40.0, "p95": 40.0})


def test_iterating_is_timed_to_the_end() -> None:
    timer = StageTimer()
    assert list(timer.each("decode", iter("abc"))) == ["a", "b", "c"]
    assert timer.to_json()["stages_ms"]["decode"]["count"] == 4  # the last finds the end


def test_empty_timer_is_json() -> None:
    report = StageTimer().to_json()
    assert json.loads(json.dumps(report)) == {
        "latency_ms": {"p50": None, "p95": None},
        "stages_ms": {},
    }


def test_long_runs_keep_exact_totals_and_bounded_samples() -> None:
    timer = StageTimer()
    for _ in range(25_000):
        timer.add("draw", 0.001)
    draw = timer.to_json()["stages_ms"]["draw"]
    assert (draw["count"], draw["total"]) == (25_000, pytest.approx(25_000))
    assert len(timer._stages["draw"].recent) == 10_000
