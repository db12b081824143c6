"""Folders inside folders, what is left out of them, names of outputs, and lists of files that failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.errors import UsageError
from realtime.run.batch import Outcome
from realtime.run.failed import failed_jobs, write_failed
from realtime.run.inputs import find_inputs
from realtime.run.jobs import Job, output_name, plan_found


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
        "left out: 3 files that are not a video or image (2 .txt, 1 without a suffix) and 1 folder inside "
        "(--recursive includes them)"
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


def test_the_list_of_failed_files_is_that_of_their_last_attempts(tree: Path) -> None:
    out = tree / "out"
    good, bad, lost = (Job(tree / name, out / name) for name in ("a.mp4", "day1/a.mp4", "day1/deep/b.jpg"))
    path = write_failed(out, [Outcome(good, error="a reason"), Outcome(bad, error="another")])
    assert path is not None
    assert [json.loads(line)["error"] for line in path.read_text().splitlines()] == ["a reason", "another"]

    again = failed_jobs(path, out, "overlay")
    assert [(job.input, job.output) for job in again] == [(good.input, good.output), (bad.input, bad.output)]

    write_failed(out, [Outcome(good), Outcome(lost, error="a third")])
    assert [job.input for job in failed_jobs(out, out, "overlay")] == [bad.input, lost.input]
    assert write_failed(out, [Outcome(bad), Outcome(lost)]) is None
    assert not path.exists()


def test_what_was_refused_is_refused_again(tree: Path) -> None:
    job = Job(tree / "a.mp4", tree / "a.mp4", "its output would overwrite an input")
    path = write_failed(tree, [Outcome(job, error=job.problem)])
    assert path is not None
    (again,) = failed_jobs(path, tree, "overlay", overwrite=True)
    assert "would overwrite an input" in str(again.problem)


@pytest.mark.parametrize("content", [None, "", "no json", '{"input": 3, "output": null}', '["a.mp4"]'])
def test_what_is_no_list_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "failed.jsonl").write_text(content)
    with pytest.raises(UsageError, match=r"failed\.jsonl"):
        failed_jobs(tmp_path, tmp_path, "overlay")
