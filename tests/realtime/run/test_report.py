"""What people read: tables, lines and JSON files."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from engines.errors import SinkError
from realtime.run.jobs import Job
from realtime.run.outcome import Outcome
from realtime.run.progress import Progress, counted
from realtime.run.report import table, write_json


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def lines_of(total: int | None, seconds_and_frames: list[tuple[float, int]], *, terminal: bool = False) -> str:
    """What a progress prints for frames that are done at given times."""
    text, clock = io.StringIO(), Clock()
    with Progress(Console(file=text, force_terminal=terminal, width=100), clock) as progress:
        progress.start("clip.mp4", total)
        for seconds, frames in seconds_and_frames:
            clock.seconds = 100 + seconds
            progress.frame_done(frames)
    return text.getvalue()


def test_columns_are_as_wide_as_their_contents_and_numbers_to_the_right() -> None:
    assert table([("a", 1, 2.5), ("long", 10, 33.333)], ("name", "n", "ms")).splitlines() == [
        "name   n     ms",
        "----  --  -----",
        "a      1   2.50",
        "long  10  33.33",
    ]


def test_an_empty_table_is_empty() -> None:
    assert table([]) == ""


def test_a_plain_line_appears_every_five_seconds_only() -> None:
    text = lines_of(100, [(1, 10), (2, 20), (5, 50), (6, 60), (10, 95)])
    assert text.splitlines() == [
        "clip.mp4: 50 of 100 frames, 10 fps, 5 s left",
        "clip.mp4: 95 of 100 frames, 10 fps, 1 s left",
    ]


@pytest.mark.parametrize("total", [None, 10])
def test_an_unknown_or_understated_length_promises_no_end(total: int | None) -> None:
    assert lines_of(total, [(5, 50)]).splitlines() == ["clip.mp4: 50 frames, 10 fps"]


def test_a_terminal_gets_a_bar_instead_of_lines() -> None:
    text = lines_of(100, [(5, 50)], terminal=True)
    assert "clip.mp4" in text
    assert "/100" in text
    assert "s left" not in text


def test_a_failed_file_is_named_once_with_its_folder() -> None:
    text = io.StringIO()
    job = Job(Path("some/clip.mp4"), Path("out/clip.mp4"))
    with Progress(Console(file=text)) as progress:
        progress.finished(Outcome(job, error="clip.mp4: cannot be opened"))
        progress.finished(Outcome(job, error="some/clip.mp4: cannot be opened"))
    assert text.getvalue().splitlines() == ["failed: some/clip.mp4: cannot be opened"] * 2


def test_json_goes_into_a_new_folder(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "a.json", {"a": 1})
    assert (tmp_path / "new" / "a.json").read_text() == '{\n  "a": 1\n}\n'


def test_json_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written"):
        write_json(tmp_path, {})


def test_counted_work_speaks_at_once_and_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with counted("labelling", "pictures") as progress:
        assert capsys.readouterr().err == "labelling: starting\n"
        progress(1, 3)
        progress(3, 3)
    assert capsys.readouterr().err == "labelling: 3 of 3 pictures\n"
