"""`unveil bench`."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from realtime.tools import bench
from tests.fakes.command import Unveil, one_sentence
from tests.fakes.video import breaks_off


def test_bench_writes_the_promised_keys(unveil: Unveil, engine: Path, sample_clip: Path, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    result = unveil("bench", sample_clip, "--model", engine, "--seconds", "0.1", "--json", file)
    assert result.status == 0, result.stderr
    values = json.loads(file.read_text())
    assert values.keys() == {
        "machine", "engine", "network", "end_to_end", "engines", "ceilings", "source", "left_out",
    }  # fmt: skip
    assert values["ceilings"]["decode_fps"] > 0 and values["ceilings"]["decode_encode_fps"] > 0
    assert values["source"]["damage"] is None
    assert values["network"].keys() >= {"p50_ms", "p95_ms", "p99_ms", "fps"}
    assert values["end_to_end"].keys() >= {"fps", "p50_ms", "p95_ms", "stages_ms"}
    assert "network alone" in result.stdout


def test_bench_compares_engines_and_draws(unveil: Unveil, engine: Path, sample_clip: Path, tmp_path: Path) -> None:
    file, plot = tmp_path / "bench.json", tmp_path / "plots" / "bench.png"
    more = ("--batch", "4", "--seconds", "0.1", "--json", file, "--plot", plot)
    result = unveil("bench", engine, sample_clip, engine.parent / "fp32", *more)
    assert result.status == 0, result.stderr
    values = json.loads(file.read_text())
    assert [each["engine"]["precision"] for each in values["engines"]] == ["int8", "fp32"]
    assert values["engine"] == values["engines"][0]["engine"]
    assert values["engines"][1]["network"]["batches"]["4"]["batch"] == 4
    header = next(line for line in result.stdout.splitlines() if "end to end fps" in line)
    assert "network p50 ms, 4 per call" in header
    assert f"{engine} int8: end to end is" in result.stdout
    assert cv2.imread(str(plot)) is not None


def test_bench_takes_one_source_and_known_models(unveil: Unveil, sample_clip: Path) -> None:
    result = unveil("bench", sample_clip, "other.mp4")
    assert (result.status, one_sentence(result)) == (2, True)
    assert "sample.mp4, other.mp4" in result.stderr
    result = unveil("bench", "nobody", sample_clip)
    assert (result.status, one_sentence(result)) == (2, True)
    assert "'nobody'" in result.stderr


def test_bench_names_a_missing_video(unveil: Unveil, engine: Path, tmp_path: Path) -> None:
    result = unveil("bench", tmp_path / "missing.mp4", "--model", engine)
    assert (result.status, one_sentence(result)) == (1, True)


def test_bench_of_an_image_is_wrong_use(unveil: Unveil, engine: Path) -> None:
    result = unveil("bench", "photo.png", "--model", engine)
    assert (result.status, result.stderr) == (2, "unveil: bench needs a video; got an image: photo.png\n")


def test_bench_of_a_cut_video_says_so_and_fails(
    unveil: Unveil, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "open_source", breaks_off)
    file = tmp_path / "bench.json"
    result = unveil("bench", "cut.mp4", "--model", engine, "--seconds", "0.1", "--json", file)
    assert (result.status, result.stdout.splitlines()[-1]) == (1, "failed: camera 0: lost")
    assert json.loads(file.read_text())["source"]["damage"] == "camera 0: lost"


@pytest.mark.parametrize("command", [("bench",), ("evaluate", "consensus-lite", "--labels", "x", "--occluders", "y")])
def test_a_summary_replaces_no_file_that_is_no_json(unveil: Unveil, tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    result = unveil(*command, "--json", file)
    assert (result.status, one_sentence(result)) == (2, True)
    assert "is there and is no JSON" in result.stderr
    assert file.read_text() == "mine"
