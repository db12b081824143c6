"""Depth on the command line, measured and estimated, and two networks together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from realtime.faces import composed
from tests.fakes.command import Unveil, one_sentence
from tests.fakes.depth import steps, write_pictures


@pytest.fixture
def parts(parts_engines: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Engines of parts, of depth and of what estimates it."""
    monkeypatch.setattr(composed, "TRANSLATOR", parts_engines["rgb-to-depth"])
    return parts_engines


def depth_beside(sample_clip: Path, folder: Path, count: int = 10, size_wh: tuple[int, int] = (1280, 720)) -> Path:
    assert sample_clip.stem == "sample"
    return write_pictures(folder / "depth", [steps(size_wh=size_wh)] * count)


def test_measured_depth_is_reported_with_its_scale(
    unveil: Unveil, parts: dict[str, Path], sample_clip: Path, tmp_path: Path
) -> None:
    depth, summary = depth_beside(sample_clip, tmp_path), tmp_path / "summary.json"
    arguments = ("--model", parts["parts-depth"], "--depth", depth, "--depth-scale", "0.002", "--json", summary)
    result = unveil("process", sample_clip, "--output", tmp_path / "out", *arguments)
    assert result.status == 0, result.stderr
    assert "depth: measured, 1 file, 0.002 m per step (as given)" in result.stderr
    assert "estimated" not in result.stderr
    (file,) = json.loads(summary.read_text())["files"]
    assert (file["frames"], file["depth"]) == (10, f"{depth}, 0.002 m per step (as given)")


def test_estimated_depth_is_reported(unveil: Unveil, parts: dict[str, Path], sample_clip: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    arguments = ("--output", tmp_path / "out", "--model", parts["parts-depth"], "--json", summary)
    result = unveil("process", sample_clip, *arguments)
    assert result.status == 0, result.stderr
    assert f"on depth estimated from colour by {parts['rgb-to-depth']}" in result.stderr.splitlines()[0]
    values = json.loads(summary.read_text())
    assert f"on depth estimated from colour by {parts['rgb-to-depth']}" in values["engine"]
    assert values["files"][0]["depth"] is None


def test_parts_and_consensus_run_together(
    unveil: Unveil, parts: dict[str, Path], sample_clip: Path, tmp_path: Path
) -> None:
    model = f"{parts['parts']}+consensus"
    result = unveil("process", sample_clip, "--output", tmp_path, "--model", model, "--render", "labels")
    assert result.status == 0, result.stderr
    assert f"{parts['parts']} (architecture parts), OpenVINO fp32" in result.stderr
    assert "+ consensus-lite" in result.stderr


@pytest.mark.parametrize(
    ("count", "size_wh", "says", "frames"),
    [(7, (1280, 720), "7 depth pictures, but sample.mp4 has more", 7), (12, (1280, 720), "more depth pictures", 10),
     (10, (640, 360), "depth of 640x360 at frame 0", 0)],
)  # fmt: skip
def test_depth_that_does_not_fit_is_named_and_what_came_before_is_kept(
    unveil: Unveil, parts: dict[str, Path], sample_clip: Path, tmp_path: Path,
    count: int, size_wh: tuple[int, int], says: str, frames: int,
) -> None:  # fmt: skip
    depth, out = depth_beside(sample_clip, tmp_path, count, size_wh), tmp_path / "out"
    result = unveil("process", sample_clip, "--output", out, "--model", parts["parts-depth"], "--depth", depth)
    assert result.status == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    kept = f"the {frames} frames that could be read are in {out / 'sample.mp4'}"
    assert (kept in result.stderr, (out / "sample.mp4").is_file()) == (bool(frames), bool(frames))


@pytest.mark.parametrize(
    ("model", "arguments", "status", "says"),
    [
        ("parts", ("--depth", "."), 2, "parts sees colour, and --depth"),
        ("parts", ("--depth-scale", "0.001"), 2, "--depth-scale needs --depth"),
        ("parts-depth", ("--depth", ".", "--depth-scale", "0"), 2, "expected metres per step"),
        ("parts-depth", ("--depth", "gone"), 1, "gone: no such depth"),
        ("rgb-to-depth", (), 2, "estimates depth and parses no face"),
    ],
)
@pytest.mark.parametrize("command", ["process", "live"])
def test_wrong_use_of_depth_is_one_sentence(
    unveil: Unveil, parts: dict[str, Path], sample_clip: Path, tmp_path: Path,
    command: str, model: str, arguments: tuple[str, ...], status: int, says: str,
) -> None:  # fmt: skip
    where = ("--output", tmp_path / "out") if command == "process" else ("--view", "none")
    result = unveil(command, sample_clip, *where, "--model", parts[model], *arguments)
    assert (result.status, one_sentence(result)) == (status, True), result.stderr
    assert says in result.stderr


def test_live_plays_a_file_with_its_depth(
    unveil: Unveil, parts: dict[str, Path], sample_clip: Path, tmp_path: Path
) -> None:
    depth, summary = depth_beside(sample_clip, tmp_path), tmp_path / "live.json"
    arguments = ("--model", parts["parts-depth"], "--depth", depth, "--json", summary)
    result = unveil("live", sample_clip, "--view", "none", *arguments)
    assert result.status == 0, result.stderr
    assert json.loads(summary.read_text())["depth"].startswith(f"{depth}, 0.001 m per step (assumed")


def test_live_depth_beside_a_camera_is_refused(unveil: Unveil, parts: dict[str, Path], tmp_path: Path) -> None:
    result = unveil("live", "0", "--view", "none", "--model", parts["parts-depth"], "--depth", tmp_path)
    assert result.status == 2
    assert result.stderr.splitlines()[-1].startswith("unveil: 0: --depth needs a file")


def test_bench_names_both_models(unveil: Unveil, parts: dict[str, Path], sample_clip: Path, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    model = f"{parts['parts']}+consensus"
    result = unveil("bench", sample_clip, "--model", model, "--seconds", "0.1", "--json", file)
    assert result.status == 0, result.stderr
    assert json.loads(file.read_text())["engine"]["model"] == f"{parts['parts']}+consensus"
