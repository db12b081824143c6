"""Several processes that share a batch give the results of one, and a process that dies costs one file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import pytest

from engines.load import load_engine
from realtime.pipeline import Options
from realtime.run.batch import process, process_each
from realtime.run.executors.workers import Workers
from realtime.run.jobs import Job, plan
from realtime.run.outcome import Outcome
from realtime.video.sinks.part_file import PartFile
from tests.fakes.pipeline import scene
from tests.fakes.video import Clip

ROOT = Path(__file__).parents[4]
parts: list[PartFile] = []


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "in" / f"{name}.png" for name in "abcd"]
    paths[0].parent.mkdir()
    for path in paths:
        cv2.imwrite(str(path), scene()[:, :, ::-1])
    return paths


def test_the_results_are_those_of_one_process_in_their_order(
    inputs: list[Path], tiny_engines: dict[str, Path], tmp_path: Path
) -> None:
    open_engine = partial(load_engine, tiny_engines["int8"], threads=1)
    with open_engine() as engine:
        one = process(plan(inputs, tmp_path / "one", "labels"), engine, Options("labels"))
        jobs = plan(inputs, tmp_path / "two", "labels")
        two = list(process_each(jobs, engine, Options("labels"), executor=Workers(2), open_engine=open_engine))
    assert [outcome.job for outcome in two] == jobs
    assert [outcome.error for outcome in one + two] == [None] * 8
    for first, second in zip(one, two, strict=True):
        assert first.job.output.read_bytes() == second.job.output.read_bytes()


def dies_at_b(job: Job) -> Outcome:
    if job.input.stem == "b":
        parts.append(PartFile(job.output))
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(job)


def test_a_process_that_dies_costs_one_file(inputs: list[Path], tmp_path: Path) -> None:
    outcomes = list(Workers(2).run(plan(inputs, tmp_path / "out", "labels"), dies_at_b))
    assert [outcome.error is None for outcome in outcomes] == [True, False, True, True]
    assert "its worker process died (signal 9)" in str(outcomes[1].error)
    assert list((tmp_path / "out").iterdir()) == [], "the part of the killed process is removed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_first_one(tiny_engines: dict[str, Path], tmp_path: Path, number: int) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.mp4"):
        Clip(frames=1700, options={"preset": "ultrafast"}).write(tmp_path / "in" / name)  # in one piece
    out = tmp_path / "out"
    command = ["process", tmp_path / "in", "-o", out, "--model", tiny_engines["int8"], "--workers", "2"]
    process = subprocess.Popen([sys.executable, "-m", "cli", *map(str, command)], cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(list(out.glob(".*.part"))) == 2)
    children = list(descendants(process.pid))
    assert len(children) >= 2
    process.send_signal(number)
    process.wait(60)
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    assert [path.name for path in out.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_again_and_again_disturbs_no_tidying_up(
    tiny_engines: dict[str, Path], tmp_path: Path, workers: str
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        Clip(frames=1700, options={"preset": "ultrafast"}).write(tmp_path / "in" / name)  # in one piece
    out = tmp_path / "out"
    command = ["process", tmp_path / "in", "-o", out, "--model", tiny_engines["int8"], "--workers", workers]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *map(str, command)], cwd=ROOT, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    wait_until(lambda: any(out.glob(".*.part")))
    while process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        time.sleep(0.1)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in errors) == (130, False), errors
    assert "0 done, 0 failed, 3 not done (interrupted)" in errors
    assert list(out.iterdir()) == []


def wait_until(ready: object) -> None:
    end = time.monotonic() + 60
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def descendants(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            yield child
            yield from descendants(child)
