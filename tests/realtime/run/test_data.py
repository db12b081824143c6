"""Faces as data: the same faces and pixels as in the label video, at the same times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from pycocotools import mask

from engines.errors import SinkError
from realtime.frames.types import Detection
from realtime.pipeline import Options
from realtime.render.data import FaceData
from realtime.run.batch import process_file
from realtime.run.inputs import Found, Input
from realtime.run.jobs import FAILED, data_path, plan_found
from realtime.run.outcome import Outcome
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, face_box
from tests.realtime.run.test_batch import FACE, visible, write_image, write_video


def run(path: Path, *, overwrite: bool = False) -> Outcome:
    found = Found([Input(path)])
    (job,) = plan_found(found, path.parent / "out", "labels", overwrite=overwrite, data=True)
    detector = FakeDetector([Detection(face_box(*FACE), 0.9)])
    return process_file(job, FakeEngine(), Options("labels", data=True), detector)


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    first, *frames = [json.loads(line) for line in path.read_text().splitlines()]
    return first, frames


def test_the_data_of_a_video_are_its_labels(tmp_path: Path) -> None:
    outcome = run(write_video(tmp_path / "clip.mp4"))
    assert outcome.error is None
    first, frames = read(tmp_path / "out" / "clip.jsonl")
    assert (first["schema"], first["labels"]) == (1, list(SPEC.labels))
    with av.open(str(outcome.job.output)) as labels:
        pictures = [(float(frame.time), frame.to_ndarray(format="gray")) for frame in labels.decode(video=0)]
    assert [frame["frame"] for frame in frames] == list(range(len(pictures)))
    for frame, (seconds, ids) in zip(frames, pictures, strict=True):
        assert frame["time_s"] == pytest.approx(seconds, abs=0.0006)  # Matroska counts milliseconds
        (face,) = frame["faces"]
        drawn = np.zeros_like(ids)
        for name, encoded in face["masks"].items():
            drawn[mask.decode(encoded) > 0] = SPEC.labels.index(name)
        np.testing.assert_array_equal(drawn, ids)
        left, top, right, bottom = face["box_xyxy"]
        assert left < FACE[0] < right
        assert top < FACE[1] < bottom


def test_an_image_has_one_line_without_a_time(tmp_path: Path) -> None:
    run(write_image(tmp_path / "still.png"))
    _, (frame,) = read(tmp_path / "out" / "still.jsonl")
    assert (frame["time_s"], frame["size_wh"], len(frame["faces"])) == (None, [320, 240], 1)


def test_data_that_are_gone_are_missed(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4")
    output = run(clip).job.output
    assert run(clip).skipped
    data_path(output).unlink()
    assert "clip.jsonl, which was made with it, is missing" in str(run(clip).error)
    assert run(clip, overwrite=True).error is None
    assert visible(output.parent) == ["clip.jsonl", "clip.mkv"]


def test_equal_stems_and_the_list_of_failed_files_are_not_overwritten(tmp_path: Path) -> None:
    found = Found([Input(tmp_path / name) for name in ("a.jpg", "a.png", "failed.png")])
    jobs = plan_found(found, tmp_path / "out", "overlay", data=True)
    assert jobs[0].problem is None
    assert "and so would" in str(jobs[1].problem)
    assert FAILED in str(jobs[2].problem)
    assert all(job.problem is None for job in plan_found(found, tmp_path / "out", "overlay"))


def test_data_that_cannot_be_written_fail_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(SinkError), FaceData(tmp_path / "clip.jsonl", "clip", SPEC) as data:
        data._file.close()
        data._file = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115
        data._line({"schema": 1})
    assert list(tmp_path.iterdir()) == []
