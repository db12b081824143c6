"""A new executor is a class and a line in the registry: here one that works backwards, in threads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

import cli
from realtime.run.executors import EXECUTORS
from realtime.run.jobs import Job
from realtime.run.outcome import Outcome

order: list[str] = []


class Backwards:
    name = "backwards"

    def run(self, jobs: Iterable[Job], work: Callable[[Job], Outcome]) -> Iterator[Outcome]:
        with ThreadPoolExecutor(1) as pool:
            futures = [pool.submit(work, job) for job in reversed(list(jobs))]
            order.extend(future.result().job.input.name for future in futures)
            yield from (future.result() for future in reversed(futures))


def test_a_new_executor_runs_the_files_of_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXECUTORS, Backwards.name, Backwards)
    names = ["a.png", "b.png", "c.png"]
    for name in names:
        cv2.imwrite(str(tmp_path / name), np.zeros((64, 64, 3), np.uint8))
    summary = tmp_path / "out.json"
    arguments = ["process", str(tmp_path), "-o", str(tmp_path / "out"), "--executor", "backwards"]
    with pytest.raises(SystemExit) as end:
        cli.main([*arguments, "--json", str(summary)])
    assert end.value.code == 0
    assert order == names[::-1]
    values = json.loads(summary.read_text())
    assert values["executor"] == "backwards"
    assert [Path(file["input"]).name for file in values["files"]] == names


def test_an_unknown_executor_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["process", str(tmp_path), "-o", str(tmp_path / "out"), "--executor", "none"])
    assert end.value.code == 2
    assert "expected one of local" in capsys.readouterr().err
