"""Lists of files that failed, and what `--retry` makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engines.errors import UsageError
from realtime.pipeline import Options
from realtime.run.failed import Asked, failed_jobs, write_failed
from realtime.run.jobs import Job, with_depth
from realtime.run.outcome import Outcome

OVERLAY = Asked(Options(), "parts")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.mp4", "day1/a.mp4", "day1/deep/b.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    return tmp_path / "in"


def line_of(**changed: Any) -> str:
    line = {"input": "/in/a.mp4", "output": "a.mp4", "error": "", "model": "parts", "options": {}}
    return json.dumps(line | changed) + "\n"


def test_the_list_of_failed_files_is_that_of_their_last_attempts(tree: Path) -> None:
    out = tree / "out"
    good, bad, lost = (Job(tree / name, out / name) for name in ("a.mp4", "day1/a.mp4", "day1/deep/b.jpg"))
    path = write_failed(out, [Outcome(good, error="a reason"), Outcome(bad, error="another")], OVERLAY)
    assert path is not None
    assert [json.loads(line)["error"] for line in path.read_text().splitlines()] == ["a reason", "another"]

    again, _ = failed_jobs(path, out, OVERLAY)
    assert [(job.input, job.output) for job in again] == [(good.input, good.output), (bad.input, bad.output)]

    write_failed(out, [Outcome(good), Outcome(lost, error="a third")], OVERLAY)
    assert [job.input for job in failed_jobs(out, out, OVERLAY)[0]] == [bad.input, lost.input]
    assert write_failed(out, [Outcome(bad), Outcome(lost)], OVERLAY) is None
    assert not path.exists()


def test_what_was_refused_is_refused_again(tree: Path) -> None:
    job = Job(tree / "a.mp4", tree / "a.mp4", "its output would overwrite an input")
    path = write_failed(tree, [Outcome(job, error=job.problem)], OVERLAY)
    assert path is not None
    ((again,), _) = failed_jobs(path, tree, OVERLAY, overwrite=True)
    assert "would overwrite an input" in str(again.problem)


def test_the_depth_of_one_of_several_files_is_looked_for_as_in_the_first_run(tree: Path) -> None:
    """A video alone may have its depth as pictures in the folder itself; one of several may not."""
    out, depth = tree / "out", tree / "depth"
    depth.mkdir()
    names = ("a.mp4", "day1/a.mp4")
    jobs = with_depth([Job(tree / name, out / name) for name in names], depth)
    path = write_failed(out, [Outcome(jobs[0], error=jobs[0].problem)], OVERLAY)
    assert path is not None
    (again,) = with_depth(failed_jobs(path, out, OVERLAY)[0], depth)
    assert again.problem == jobs[0].problem
    assert "no depth in" in str(again.problem)

    alone = with_depth([Job(tree / "a.mp4", out / "a.mp4")], depth)
    path = write_failed(out, [Outcome(alone[0], error="a reason")], OVERLAY)
    assert path is not None
    (again,) = with_depth(failed_jobs(path, out, OVERLAY)[0], depth)
    assert (again.problem, again.depth) == (None, alone[0].depth)


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (Asked(Options("blur"), "parts"), "asked for with --render blur; got overlay"),
        (Asked(Options(data=True), "parts"), "asked for with --data; got no --data"),
        (Asked(Options(smooth=False), "parts"), "asked for with --no-smooth; got no --no-smooth"),
        (Asked(Options(), "consensus"), "asked for with --model consensus; got parts"),
        (Asked(Options(), "parts", "/depth"), "asked for with --depth /depth; got no --depth"),
    ],
)
def test_other_options_than_those_of_the_run_that_failed_are_refused(tree: Path, before: Asked, says: str) -> None:
    write_failed(tree, [Outcome(Job(Path("/a.mp4"), tree / "a.mp4"), error="a reason")], before)
    with pytest.raises(UsageError, match=says):
        failed_jobs(tree, tree, OVERLAY)
    assert len(failed_jobs(tree, tree, before)[0]) == 1


def test_files_that_were_asked_for_otherwise_stay_on_the_list(tree: Path) -> None:
    blur = Asked(Options("blur"), "parts")
    for name, asked in (("a", OVERLAY), ("b", blur)):
        write_failed(tree, [Outcome(Job(Path(f"/{name}.mp4"), tree / f"{name}.mp4"), error="a reason")], asked)
    jobs, left_out = failed_jobs(tree, tree, blur)
    assert [job.input.name for job in jobs] == ["b.mp4"]
    assert left_out == "left out: 1 file on the list, asked for with --render overlay; got blur"


@pytest.mark.parametrize(
    "content",
    [
        None, "", "no json", '["a.mp4"]', "[" * 100_000, line_of(input=3), line_of(input=""), line_of(input="a\0.mp4"),
        line_of(output="../a.mp4"), line_of(output="/a.mp4"), line_of(output="."), line_of(options=3),
    ],
)  # fmt: skip
def test_what_is_no_list_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "failed.jsonl").write_text(content)
    with pytest.raises(UsageError, match=r"failed\.jsonl"):
        failed_jobs(tmp_path, tmp_path, OVERLAY)


def test_a_listed_output_of_another_kind_is_refused_and_equal_lines_are_one(tmp_path: Path) -> None:
    (tmp_path / "failed.jsonl").write_text(line_of() * 2)
    assert len(failed_jobs(tmp_path, tmp_path, OVERLAY)[0]) == 1
    (tmp_path / "failed.jsonl").write_text(line_of(output="a.txt"))
    with pytest.raises(UsageError, match=r"does not fit: --render overlay writes a video as \.mp4"):
        failed_jobs(tmp_path, tmp_path, OVERLAY)
