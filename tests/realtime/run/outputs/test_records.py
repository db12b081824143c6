"""A finished output is not made again, and one that something else made is not touched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from realtime.frames.types import Detection, Frame
from realtime.pipeline import Options
from realtime.run.batch import exit_status, process_file
from realtime.run.jobs import plan
from realtime.run.outcome import Outcome
from realtime.run.outputs.records import record_path
from tests.fakes.pipeline import FakeDetector, FakeEngine, face_box
from tests.fakes.video import Clip

LABELS = Options("labels")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip(frames=6).write(tmp_path / "clip.mp4")


def masked(path: Path, options: Options = LABELS, engine: FakeEngine | None = None, overwrite: bool = False) -> Outcome:
    (job,) = plan([path], path.parent / "out", options.render, overwrite=overwrite)
    return process_file(job, engine or FakeEngine(), options, FakeDetector([Detection(face_box(160, 120, 80), 0.9)]))


def state(output: Path) -> tuple[int, int]:
    """What changes when a file is written again."""
    return output.stat().st_ino, output.stat().st_mtime_ns


def test_a_finished_output_is_not_made_again(clip: Path) -> None:
    first = masked(clip)
    before = state(first.job.output)
    second = masked(clip)
    assert state(second.job.output) == before
    assert (first.skipped, second.skipped) == (False, True)
    assert (second.error, second.summary) == (None, first.summary)


def test_what_an_earlier_run_had_to_report_is_reported_again(clip: Path) -> None:
    # Key frames often: most of the file are pictures then.
    clip = Clip(frames=60, options={"g": "5"}, container_options={"movflags": "faststart"}).write(clip)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 3 // 4])
    first, second = masked(clip), masked(clip)
    assert second.skipped
    assert first.error is not None
    assert (second.error, exit_status([second])) == (first.error, 1)


class OtherEngine(FakeEngine):
    manifest = SimpleNamespace(batch=1, files={"fake.bin": "1" * 64})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("input", "made from another input (clip.mp4, "),
        ("option", "made with another option (smooth was True and is now False)"),
        ("engine", "made by another engine (fake engine)"),
        ("output", "changed after it was made"),
        ("record", "without a record of how it was made"),
    ],
)
def test_an_output_of_something_else_is_named_and_left_untouched(clip: Path, change: str, why: str) -> None:
    output = masked(clip).job.output
    if change == "input":
        Clip(frames=7).write(clip)
    elif change == "output":
        output.write_bytes(output.read_bytes() + b"more")
    elif change == "record":
        record_path(output).write_text('{"schema": 1, "outputs": {"clip.mkv": {"half": ')
    options = replace(LABELS, smooth=change != "option")
    before = state(output)
    second = masked(clip, options, OtherEngine() if change == "engine" else None)
    assert state(output) == before
    assert second.error is not None
    assert why in second.error
    third = masked(clip, options, overwrite=True)
    assert (third.error, third.skipped) == (None, False)
    assert state(output) != before


def test_a_record_whose_output_never_appeared_is_no_output(clip: Path) -> None:
    # The record comes first: so a process may be killed after it.
    output = masked(clip).job.output
    output.unlink()
    again = masked(clip)
    assert (again.error, again.skipped, output.is_file()) == (None, False, True)


def test_outputs_of_one_stem_share_a_record(clip: Path) -> None:
    outputs = [masked(clip).job.output, masked(clip, Options("cutout")).job.output]
    assert [masked(clip).skipped, masked(clip, Options("cutout")).skipped] == [True, True]
    assert len({record_path(output) for output in outputs}) == 1
    assert set(json.loads(record_path(outputs[0]).read_text())["outputs"]) == {"clip.mkv", "clip.mp4"}


def test_an_option_that_is_newer_than_a_record_had_its_default(clip: Path) -> None:
    output = masked(clip).job.output
    record = json.loads(record_path(output).read_text())
    del record["outputs"][output.name]["options"]["keep_occluders"]
    record_path(output).write_text(json.dumps(record))
    assert masked(clip).skipped


def test_the_longest_names_have_a_record(tmp_path: Path) -> None:
    clip = Clip(frames=2).write(tmp_path / ("ä" * 125 + ".mp4"))
    assert [masked(clip).skipped, masked(clip).skipped] == [False, True]


def test_a_file_that_grows_meanwhile_is_named(clip: Path) -> None:
    class Growing(FakeDetector):
        def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
            with clip.open("ab") as file:
                file.write(b"more")
            return super().detect(frame, low_confidence=low_confidence)

    (job,) = plan([clip], clip.parent / "out", "labels")
    outcome = process_file(job, FakeEngine(), LABELS, Growing([Detection(face_box(160, 120, 80), 0.9)]))
    assert "changed while it was read" in str(outcome.error)
    assert job.output.is_file()
