"""`--executor ray`, on a cluster of two nodes on this machine. It is skipped where the extra `cluster` is missing."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

ray = pytest.importorskip("ray")

import cli  # noqa: E402
from realtime.run.executors.ray_cluster import ADDRESS, RayCluster  # noqa: E402
from realtime.run.jobs import Job  # noqa: E402
from realtime.run.outcome import Outcome  # noqa: E402


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head that works on nothing, and two nodes with one place each."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    made.nodes = [made.add_node(num_cpus=2), made.add_node(num_cpus=2)]
    monkeypatch.setenv(ADDRESS, made.address)
    yield made
    ray.shutdown()
    made.shutdown()


def slowly(folder: Path) -> Callable[[Job], Outcome]:
    """Work that takes a moment, and leaves a line with its process for each time that it is done."""

    def work(job: Job) -> Outcome:
        with (folder / f"{job.input.name}.begun").open("a") as file:
            file.write(f"{os.getppid()}\n")
        time.sleep(0.5)
        with (folder / f"{job.input.name}.done").open("a") as file:
            file.write("done\n")
        return Outcome(job)

    return work


def test_a_node_that_is_killed_loses_no_file_and_none_is_done_twice(cluster: Any, tmp_path: Path) -> None:
    jobs = [Job(tmp_path / f"{number}.png", tmp_path / "out" / f"{number}.png") for number in range(12)]
    outcomes = []
    for outcome in RayCluster().run(jobs, slowly(tmp_path)):
        outcomes.append(outcome)
        if len(outcomes) == 3:
            cluster.remove_node(cluster.nodes[0], allow_graceful=False)
    assert [outcome.job for outcome in outcomes] == jobs
    assert [outcome.error for outcome in outcomes] == [None] * 12
    assert len({outcome.node for outcome in outcomes}) == 2
    assert all((tmp_path / f"{number}.png.done").read_text() == "done\n" for number in range(12))


def test_a_file_that_kills_its_worker_fails_and_the_others_are_done(cluster: Any, tmp_path: Path) -> None:
    def deadly(job: Job) -> Outcome:
        if job.input.name == "1.png":
            os._exit(9)
        return Outcome(job)

    jobs = [Job(tmp_path / f"{number}.png", tmp_path / "out" / f"{number}.png") for number in range(4)]
    outcomes = list(RayCluster().run(jobs, deadly))
    assert [outcome.error is None for outcome in outcomes] == [True, False, True, True]
    assert "its worker died 3 times" in str(outcomes[1].error)


def test_the_command_masks_on_the_cluster_and_names_its_nodes(cluster: Any, tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((64, 64, 3), np.uint8))
    summary = tmp_path / "summary.json"
    words = ["process", tmp_path, "-o", tmp_path / "out", "--executor", "ray", "--address", cluster.address]
    with pytest.raises(SystemExit) as end:
        cli.main([str(word) for word in (*words, "--json", summary)])
    assert end.value.code == 0
    values = json.loads(summary.read_text())
    assert values["executor"] == "ray"
    assert sum(values["nodes"].values()) == 3 and set(values["nodes"]) == {file["node"] for file in values["files"]}
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a.png", "b.png", "c.png"]


def test_an_address_without_a_cluster_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64, 3), np.uint8))
    words = ["process", tmp_path / "a.png", "-o", tmp_path / "out", "--executor", "ray", "--address", "127.0.0.1:1"]
    with pytest.raises(SystemExit) as end:
        cli.main([str(word) for word in words])
    assert end.value.code == 2
    assert "no Ray cluster answers at 127.0.0.1:1" in capsys.readouterr().err
