"""Many files: failures are named, the rest is done."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.frames.types import Detection
from realtime.pipeline import Options
from realtime.run import batch
from realtime.run.batch import Unwatched, exit_status, process
from realtime.run.jobs import Job, plan
from realtime.run.outcome import Outcome
from tests.fakes.pipeline import FakeDetector, FakeEngine, face_box, scene, yuv_frame

FACE = (160.0, 120.0, 80.0)


def write_video(path: Path, count: int = 8, options: dict[str, str] | None = None, key_every: int = 250) -> Path:
    with av.open(str(path), "w", options=options or {}) as out:
        stream = out.add_stream("libx264", rate=25, options={"g": str(key_every)})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index in range(count):
            picture = av.VideoFrame.from_ndarray(
                np.vstack([p.reshape(-1, 320) for p in yuv_frame(scene()).planes]), "yuv420p"
            )
            picture.pts = index
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def write_image(path: Path) -> Path:
    cv2.imwrite(str(path), scene()[:, :, ::-1])
    return path


def visible(folder: Path) -> list[str]:
    """The names of a folder's files, without the records of what made them."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".done.json"))


def detector() -> FakeDetector:
    return FakeDetector([Detection(face_box(*FACE), 0.9)])


def test_videos_and_images_are_processed(tmp_path: Path) -> None:
    inputs = [write_video(tmp_path / "clip.mp4"), write_image(tmp_path / "still.png")]
    jobs = plan(inputs, tmp_path / "out", "labels")
    outcomes = process(jobs, FakeEngine(), Options(render="labels"), detector=detector())
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert exit_status(outcomes) == 0
    with av.open(str(tmp_path / "out" / "clip.mkv")) as clip:
        ids = [frame.to_ndarray(format="gray") for frame in clip.decode(video=0)]
    assert len(ids) == 8
    assert all(picture[120, 160] == 1 and picture[5, 5] == 0 for picture in ids)
    still = cv2.imread(str(tmp_path / "out" / "still.png"), cv2.IMREAD_UNCHANGED)
    assert still[120, 160] == 1


def test_a_failure_is_named_and_the_rest_is_done(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_text("this is no video")
    jobs = plan(
        [tmp_path / "missing.mp4", tmp_path / "broken.mp4", write_image(tmp_path / "still.png")],
        tmp_path / "out",
        "cutout",
    )
    outcomes = process(jobs, FakeEngine(), Options(render="cutout"), detector=detector())
    assert ["missing.mp4" in (outcomes[0].error or ""), "broken.mp4" in (outcomes[1].error or "")] == [True, True]
    assert outcomes[2].error is None
    assert exit_status(outcomes) == 1
    assert visible(tmp_path / "out") == ["still.png"]


def test_a_job_with_a_problem_touches_no_file(tmp_path: Path) -> None:
    (outcome,) = process([Job(tmp_path / "a.mp4", tmp_path / "b.mp4", "a problem")], FakeEngine(), detector=detector())
    assert outcome.error == "a problem"
    assert list(tmp_path.iterdir()) == []


def test_an_unexpected_error_is_logged_and_costs_one_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(path: Path, **options: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(batch, "open_source", broken)
    outcomes = process([Job(tmp_path / "a.png", tmp_path / "b.png")] * 2, FakeEngine(), detector=detector())
    assert [outcome.error for outcome in outcomes] == [f"{tmp_path / 'a.png'}: unexpected ZeroDivisionError: oops"] * 2
    assert "Traceback" in caplog.text


def test_an_earlier_output_survives_a_failed_run(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "clip.mp4", 60).read_bytes()
    (tmp_path / "clip.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "clip.mp4").write_text("earlier")
    (outcome,) = process(plan([tmp_path / "clip.mp4"], tmp_path / "out", "blur"), FakeEngine(), detector=detector())
    assert outcome.error is not None
    assert (tmp_path / "out" / "clip.mp4").read_text() == "earlier"
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_progress_is_notified_of_every_step(tmp_path: Path) -> None:
    class Watch(Unwatched):
        calls: list[str] = []  # noqa: RUF012

        def started(self, job, info):  # type: ignore[no-untyped-def]
            self.calls.append(f"start {info.name} {info.kind}")

        def frame_done(self, frames):  # type: ignore[no-untyped-def]
            self.calls.append(f"frame {frames}")

        def finished(self, outcome: Outcome) -> None:
            self.calls.append(f"end {outcome.error}")

    jobs = plan([write_image(tmp_path / "still.png")], tmp_path / "out", "overlay")
    process(jobs, FakeEngine(), detector=detector(), progress=Watch())
    assert Watch.calls == ["start still.png image", "frame 1", "end None"]


def test_outcomes_are_json(tmp_path: Path) -> None:
    jobs = plan([write_image(tmp_path / "still.png"), tmp_path / "missing.mp4"], tmp_path / "out", "overlay")
    done, failed = (json.loads(json.dumps(o.to_json())) for o in process(jobs, FakeEngine(), detector=detector()))
    assert (done["frames"], done["error"]) == (1, None)
    assert failed["input"].endswith("missing.mp4")
    assert failed["error"]


def test_what_a_cut_file_still_holds_is_kept_and_the_damage_named(tmp_path: Path) -> None:
    # Key frames often: most of the file are pictures then, however many threads encode it.
    clip = write_video(tmp_path / "clip.mp4", count=60, options={"movflags": "faststart"}, key_every=5)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 3 // 4])
    (outcome,) = process(plan([clip], tmp_path / "out", "labels"), FakeEngine(), Options("labels"), detector=detector())
    assert outcome.summary is not None
    assert outcome.error is not None
    assert f"the {outcome.summary.frames} frames that could be read are in" in outcome.error
    assert exit_status([outcome]) == 1
    with av.open(str(tmp_path / "out" / "clip.mkv")) as kept:
        assert sum(1 for _ in kept.decode(video=0)) == outcome.summary.frames > 0
