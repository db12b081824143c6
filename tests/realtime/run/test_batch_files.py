"""The files that `unveil process` writes beside its outputs: JSON, and the list of files that failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.command import Unveil, one_sentence
from tests.fakes.video import Clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return Clip(frames=3).write(tmp_path / "in" / "clip.mp4")


@pytest.fixture
def broken(clip: Path) -> Path:
    """A folder whose one file is no video."""
    clip.write_bytes(b"no video")
    return clip.parent


@pytest.mark.parametrize("option", ["--json", "--json-lines"])
@pytest.mark.parametrize(
    "name", ["in/clip.mp4", "link", "out/clip.mp4", "out/clip.jsonl", "out/.clip.done.json", "out/failed.jsonl",
             "new.JPG", "notes", "in"],
)  # fmt: skip
def test_a_json_file_replaces_no_other_file(unveil: Unveil, clip: Path, tmp_path: Path, option: str, name: str) -> None:
    (tmp_path / "notes").write_text("my notes")
    (tmp_path / "link").symlink_to(clip)
    before = clip.read_bytes()
    result = unveil("process", clip, "-o", tmp_path / "out", option, tmp_path / name)
    assert (result.status, one_sentence(result)) == (2, True)
    assert f"{option} {tmp_path / name} " in result.stderr
    assert clip.read_bytes() == before
    assert (tmp_path / "notes").read_text() == "my notes"
    assert not (tmp_path / "out").exists()


def test_two_options_need_two_files_and_earlier_json_is_replaced(
    unveil: Unveil, engine: Path, clip: Path, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text('{"earlier": 1}')
    command = ("process", clip, "-o", tmp_path / "out", "--model", engine, "--json", summary)
    assert unveil(*command, "--json-lines", summary).status == 2
    assert unveil(*command).status == 0
    assert json.loads(summary.read_text())["done"] == 1


def test_live_replaces_no_video_by_its_json(unveil: Unveil, clip: Path) -> None:
    result = unveil("live", clip, "--view", "none", "--json", clip)
    assert (result.status, one_sentence(result)) == (2, True)


@pytest.mark.parametrize("option", ["--json", "--json-lines"])
def test_a_full_disk_costs_the_json_only(unveil: Unveil, engine: Path, clip: Path, tmp_path: Path, option: str) -> None:
    result = unveil("process", clip, "-o", tmp_path / "out", "--model", engine, option, "/dev/full")
    assert (result.status, (tmp_path / "out" / "clip.mp4").exists()) == (1, True)
    assert "failed: /dev/full cannot be written (No space left on device)" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("1 done, 0 failed, ")


def test_all_that_failed_is_listed_in_a_new_folder(unveil: Unveil, engine: Path, broken: Path, tmp_path: Path) -> None:
    result = unveil("process", broken, "-o", tmp_path / "new", "--model", engine)
    assert (result.status, (tmp_path / "new" / "failed.jsonl").is_file()) == (1, True)
    result = unveil("process", broken, "-o", tmp_path / "one.mp4", "--model", engine)
    assert (result.status, "failed.jsonl" in result.stderr) == (1, False)


def test_a_retry_with_another_render_is_refused(unveil: Unveil, engine: Path, broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    unveil("process", broken, "-o", out, "--model", engine, "--render", "blur")
    result = unveil("process", "--retry", out, "-o", out, "--model", engine)
    assert (result.status, one_sentence(result)) == (2, True)
    assert "the failed files were asked for with --render blur; got overlay" in result.stderr


def test_a_foreign_list_is_told_before_the_work(unveil: Unveil, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "failed.jsonl").write_text("mine")
    result = unveil("process", clip, "-o", tmp_path / "out")
    assert (result.status, one_sentence(result)) == (2, True)
    assert (tmp_path / "out" / "failed.jsonl").read_text() == "mine"


def test_a_list_that_cannot_be_written_costs_neither_summary_nor_closing_line(
    unveil: Unveil, engine: Path, broken: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("no folder")
    result = unveil("process", broken, "-o", tmp_path / "out", "--model", engine, "--json", "-")
    assert (result.status, json.loads(result.stdout)["failed"]) == (1, 1)
    assert f"failed: {tmp_path / 'out' / 'failed.jsonl'} cannot be written" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("0 done, 1 failed, ")
