"""Folders inside folders, what is left out of them, and names of outputs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.errors import UsageError
from realtime.run.inputs import find_inputs
from realtime.run.jobs import output_name, plan_found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "in"
    for name in (
        "a.mp4",
        "notes.TXT",
        "more.txt",
        "README",
        ".hidden.mp4",
        "day1/a.mp4",
        "day1/deep/b.jpg",
        "out/x.mp4",
    ):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()
    return top


def outputs(tree: Path, **options: bool) -> list[str]:
    found = find_inputs([tree], not_in=tree / "out", **options)
    return [str(job.output.relative_to(tree / "out")) for job in plan_found(found, tree / "out", "overlay")]


def test_a_folder_inside_is_left_out_with_a_word_or_mirrored(tree: Path) -> None:
    assert outputs(tree) == ["a.mp4"]
    assert outputs(tree, recursive=True) == ["a.mp4", "day1/a.mp4", "day1/deep/b.jpg"]
    assert find_inputs([tree], not_in=tree / "out").left_out == (
        "left out: 3 files that are not a video or image (2 .txt, 1 without a suffix), 1 hidden video or image and "
        "1 folder inside (--recursive includes them)"
    )
    assert find_inputs([tree / "day1" / "deep"]).left_out is None


def test_a_link_to_a_folder_is_not_followed(tree: Path) -> None:
    (tree / "day1" / "loop").symlink_to(tree)
    assert outputs(tree, recursive=True) == ["a.mp4", "day1/a.mp4", "day1/deep/b.jpg"]


def test_an_output_among_the_inputs_of_its_folder_is_refused(tree: Path) -> None:
    jobs = plan_found(find_inputs([tree], recursive=True), tree, "labels")
    assert all("would lie in the same folder" in str(job.problem) for job in jobs)


def test_names_tell_equal_stems_apart() -> None:
    pattern = "{folder}_{stem}_{source}_{render}{suffix}"
    assert output_name(Path("day1/a.MOV"), "labels", pattern) == "day1_a_MOV_labels.mkv"


@pytest.mark.parametrize(
    "pattern",
    ["{stem}", "{stem}.mp4", "../{stem}{suffix}", "{nothing}{suffix}", "{stem", "{0}{suffix}", ".{stem}{suffix}"],
)
def test_a_pattern_that_gives_no_name_is_refused_in_a_sentence(pattern: str) -> None:
    with pytest.raises(UsageError, match="expected a"):
        output_name(Path("a.mov"), "labels", pattern)


def test_what_is_no_file_to_process_is_counted_by_its_kind(tree: Path) -> None:
    (tree / ".trash").mkdir()
    (tree / ".a.mp4.unveil-0123.segments").mkdir()
    (tree / ".a.done.json").touch()
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe.mp4")
    found = find_inputs([tree], recursive=True, not_in=tree / "out")
    assert found.left_out == (
        "left out: 3 files that are not a video or image (2 .txt, 1 without a suffix), 1 hidden folder, "
        "1 hidden video or image, 1 link to a folder and 1 special file (such as a pipe)"
    )


def test_a_link_to_nothing_is_an_input_that_fails_when_opened(tree: Path) -> None:
    (tree / "gone.mp4").symlink_to("nothing.mp4")
    (tree / "self.mp4").symlink_to("self.mp4")
    for named in (tree, tree / "*.mp4"):
        assert [each.path.name for each in find_inputs([named]).inputs] == ["a.mp4", "gone.mp4", "self.mp4"]


def test_a_folder_that_cannot_be_read_costs_its_own_files_only(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    all_files = Path.iterdir

    def files(folder: Path) -> Iterator[Path]:
        if folder.name == "deep":
            raise PermissionError(13, "Permission denied", str(folder))
        return all_files(folder)

    monkeypatch.setattr(Path, "iterdir", files)
    found = find_inputs([tree], recursive=True, not_in=tree / "out")
    assert [str(each.path.relative_to(tree)) for each in found.inputs] == ["a.mp4", "day1/a.mp4"]
    deep = tree / "day1" / "deep"
    assert found.problems == [(deep, f"{deep} cannot be read (Permission denied)")]


def test_a_name_that_is_too_long_is_the_problem_of_its_file(tree: Path) -> None:
    name = "x" * 246 + "{stem}.mp4"
    (tree / "much_longer.mp4").touch()
    jobs = plan_found(find_inputs([tree]), tree / "out", "overlay", name=name)
    assert [job.problem is None for job in jobs] == [True, False]
    assert "its output's name would have 261 bytes; file systems allow 255" in str(jobs[1].problem)
