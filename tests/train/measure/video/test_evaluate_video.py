"""The page and the command of `unveil evaluate --video`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli import app
from engines.errors import DataError, UsageError
from tests.fakes.training import write_labels, write_occluders
from train.measure.video.evaluate import Plan
from train.measure.video.page import page_text, read_result, video_text
from train.measure.video.scenes.material import Material
from train.measure.video.scenes.registry import SCENARIOS

RESULT = {
    "model": "tiny", "seed": 0, "quick": False, "seconds": 3.0,
    "followed": [{"scenario": "leaving", "title": "a face leaves", "scenes": 2, "frames": 90, "ghost_frames": 0,
                  "ghost_scenes": 0, "iou": 93.5}],
    "turned": [{"angle_deg": 90, "faces": 4, "found": 100.0, "iou": 95.0, "iou_over_0.8": 100.0}],
}  # fmt: skip


def test_the_page_shows_what_changed() -> None:
    before = json.loads(json.dumps(RESULT))
    before["followed"][0]["ghost_frames"] = 17
    line = next(line for line in page_text(RESULT, before).splitlines() if line.startswith("| a face leaves"))
    assert "17 → **0**" in line
    assert "| 93.5 |" in line
    assert "→" not in page_text(RESULT, RESULT)
    assert "a face leaves" in video_text(RESULT)


def test_a_file_that_is_no_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"frames": 3}')
    with pytest.raises(DataError, match="holds no result"):
        read_result(tmp_path / "other.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_result(tmp_path / "missing.json")


def test_an_unknown_scenario_names_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="cut-to-wall"):
        Plan(("leavings",))


def test_scenarios_have_names_of_their_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_a_photograph_that_cuts_the_head_off_is_not_cut_out(tmp_path: Path) -> None:
    labels = write_labels(tmp_path / "labels", count=4)
    material = Material(labels, write_occluders(tmp_path / "occluders"))
    photo = material.photo(np.random.default_rng(0))
    assert photo.shows_whole_head is False  # 20 px above a face of 61 px would do, 16 below do not
    with pytest.raises(DataError, match="can be cut out"):
        material.people(np.random.default_rng(0), 1)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--quick"], "--video"),
        (["--video"], "--labels"),
        (["--video", "--labels", "l", "--occluders", "o", "--split", "val"], "leave out"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], reason: str) -> None:
    result = CliRunner().invoke(app, ["evaluate", "consensus-lite", *options])
    assert result.exit_code != 0
    assert reason in str(result.exception)
