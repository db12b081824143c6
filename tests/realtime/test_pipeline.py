"""The loop, with fakes for source, detector, engine and sink."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from engines.engine import Parsed
from engines.errors import EngineMismatch, SinkError, SourceError, UsageError
from realtime import pipeline
from realtime.buffer import Policy
from realtime.faces.finding.detectors import DETECTORS
from realtime.faces.smooth import Smoother
from realtime.frames.types import U8, Detection, Frame, ParsedFace
from realtime.pipeline import Options, run
from tests.fakes.pipeline import FakeDetector, FakeEngine, FakeSink, FakeSource, face_box, rgb_frame, scene, yuv_frame

FACE = (160.0, 120.0, 80.0)


def frames(count: int, faces: Sequence[tuple[float, float, float]] = (FACE,)) -> list[Frame]:
    return [yuv_frame(scene(faces=faces), index) for index in range(count)]


def detector() -> FakeDetector:
    return FakeDetector([Detection(face_box(*FACE), 0.9)])


def test_every_frame_reaches_the_sink_in_order_and_drawn() -> None:
    sink = FakeSink()
    summary = run(FakeSource(frames(7)), FakeEngine(), sink, Options(render="labels"), detector=detector())
    assert [frame.pts for frame in sink.frames] == list(range(7))
    assert all(frame.planes[0][120, 160] == 1 for frame in sink.frames)
    assert sink.closed
    assert (summary.frames, summary.faces, summary.frames_without_face, summary.dropped) == (7, 1, 0, 0)


def test_frames_without_a_face_are_counted_and_passed_on() -> None:
    sink = FakeSink()
    summary = run(FakeSource(frames(5, faces=())), FakeEngine(), sink, detector=FakeDetector())
    assert len(sink.frames) == 5
    assert (summary.faces, summary.frames_without_face) == (0, 5)


def test_summary_is_json_and_names_every_stage() -> None:
    summary = run(FakeSource(frames(3)), FakeEngine(), FakeSink(), detector=detector())
    values = json.loads(json.dumps(summary.to_json()))
    of_faces = ["search", "tiles", "detect", "crop", "network", "track", "smooth"]
    assert list(values["stages_ms"])[1:] == [*of_faces, "draw", "write"]
    assert values["engine"] == "fake engine"
    assert values["fps"] > 0
    assert values["latency_ms"]["p50"] > 0


def test_limit_stops_early_and_still_closes() -> None:
    sink = FakeSink()
    assert run(FakeSource(frames(9)), FakeEngine(), sink, Options(limit=4), detector=detector()).frames == 4
    assert sink.closed


def test_a_sink_that_has_enough_ends_the_run() -> None:
    sink = FakeSink(enough=2)
    assert run(FakeSource(frames(9)), FakeEngine(), sink, detector=detector()).frames == 2
    assert sink.closed


def test_a_source_that_cannot_be_read_aborts_the_output() -> None:
    sink = FakeSink()
    with pytest.raises(SourceError, match="no frame"):
        run(FakeSource([], error=SourceError("no frame")), FakeEngine(), sink, detector=detector())
    assert (sink.aborted, sink.closed) == (True, False)


def test_a_source_that_breaks_off_leaves_what_came_before_and_says_why() -> None:
    sink = FakeSink()
    summary = run(FakeSource(frames(3), error=SourceError("ends early")), FakeEngine(), sink, detector=detector())
    assert (summary.frames, summary.damage) == (3, "ends early")
    assert (sink.aborted, sink.closed) == (False, True)


def test_a_fault_of_ours_in_the_source_aborts_the_output() -> None:
    sink = FakeSink()
    with pytest.raises(RuntimeError, match="a fault"):
        run(FakeSource(frames(3), error=RuntimeError("a fault")), FakeEngine(), sink, detector=detector())
    assert (sink.aborted, sink.closed) == (True, False)


def test_an_error_of_the_sink_ends_the_run() -> None:
    sink = FakeSink(fail_at=2, error=SinkError("disk full"))
    with pytest.raises(SinkError, match="disk full"):
        run(FakeSource(frames(9)), FakeEngine(), sink, detector=detector())
    assert sink.aborted


def test_a_run_gives_opencv_its_threads_back() -> None:
    cv2.setNumThreads(3)
    during: list[int] = []
    run(
        FakeSource(frames(1)), FakeEngine(), FakeSink(),
        detector=detector(), on_frame=lambda _: during.append(cv2.getNumThreads()),
    )  # fmt: skip
    assert (during, cv2.getNumThreads()) == ([1], 3)


class FailingEngine(FakeEngine):
    """Parses two frames."""

    def __call__(self, crops: U8) -> Parsed:
        if len(self.batches) == 2:
            raise EngineMismatch("the graphics card is gone")
        return super().__call__(crops)


def test_an_error_of_the_engine_ends_the_run() -> None:
    sink = FakeSink()
    with pytest.raises(EngineMismatch, match="card is gone"):
        run(FakeSource(frames(9)), FailingEngine(), sink, detector=detector())
    assert (sink.aborted, sink.closed) == (True, False)


class StalledSource(FakeSource):
    """A camera that gives its frames and then nothing, until it is stopped."""

    stopped = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        yield from super().__iter__()
        assert self.stopped.wait(20), "nobody stopped the source"

    def stop(self) -> None:
        self.stopped.set()


def test_a_run_ends_at_its_limit_though_the_source_gives_no_more() -> None:
    summary = run(StalledSource(frames(4)), FakeEngine(), FakeSink(), Options(limit=4), detector=detector())
    assert summary.frames == 4
    assert not {"reader", "parser"} & {thread.name for thread in threading.enumerate()}


def test_damage_after_the_last_frame_that_was_asked_for_does_not_count() -> None:
    broken = FakeSource(frames(4), error=SourceError("ends early"))
    assert run(broken, FakeEngine(), FakeSink(), Options(limit=4), detector=detector()).damage is None


class SlowSink(FakeSink):
    """Shows a frame every 30 ms."""

    def write(self, frame: Frame) -> None:
        time.sleep(0.03)
        super().write(frame)


class QuickCamera(FakeSource):
    """A live source of 200 frames a second."""

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            time.sleep(0.005)
            yield replace(frame, captured_at=time.perf_counter())


def test_a_slow_display_shows_a_live_frame_that_is_hardly_older_than_two_of_its_own() -> None:
    camera = QuickCamera(frames(150))
    summary = run(camera, FakeEngine(), SlowSink(), Options(policy=Policy.DROP_OLDEST), detector=detector())
    latency_ms = summary.latency_ms["p50"]
    assert summary.dropped > 50
    assert latency_ms is not None and latency_ms < 85


def test_on_frame_gets_the_number_of_frames_that_are_done() -> None:
    seen: list[int] = []
    run(FakeSource(frames(3)), FakeEngine(), FakeSink(), detector=detector(), on_frame=seen.append)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize(("kind", "smoothed"), [("image", False), ("video", True)])
def test_an_image_is_not_smoothed(kind: str, smoothed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Smoother] = []
    monkeypatch.setattr(pipeline, "new_smoothing", lambda: made.append(Smoother()) or made[0])
    run(FakeSource([rgb_frame(scene())], kind=kind), FakeEngine(), FakeSink(), detector=detector())
    assert bool(made) is smoothed


@pytest.mark.parametrize("values", [{"detector": "mine"}, {"redetect_every": 0}, {"max_faces": 0}, {"limit": -1}])
def test_options_that_make_no_sense_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(values))):
        Options(**values)  # type: ignore[arg-type]


def test_files_are_searched_less_often_than_live_sources_and_what_is_blurred() -> None:
    assert Options().search_interval(False, frames_are_held=False) == 5
    assert Options().search_interval(False, frames_are_held=True) == 10
    assert Options().search_interval(True, frames_are_held=True) == 5
    assert Options(redetect_every=9).search_interval(False, frames_are_held=True) == 9


def test_another_detector_is_a_class_and_a_line_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    class AtOnePlace(FakeDetector):
        def __init__(self) -> None:
            super().__init__([Detection(face_box(*FACE), 0.9)])

    monkeypatch.setitem(DETECTORS, "toy", AtOnePlace)
    assert run(FakeSource(frames(2)), FakeEngine(), FakeSink(), Options(detector="toy")).faces == 1


def test_another_smoothing_is_a_class_and_the_line_that_chooses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class FirstStays:
        first: list[ParsedFace] | None = None

        def smooth(self, faces: Sequence[ParsedFace]) -> list[ParsedFace]:
            self.first = self.first or list(faces)
            return self.first

    monkeypatch.setattr(pipeline, "new_smoothing", FirstStays)
    sink, moving = FakeSink(), [yuv_frame(scene(faces=[(160.0 + 8 * i, 120.0, 80.0)]), i) for i in range(5)]
    run(FakeSource(moving), FakeEngine(), sink, Options("labels"), detector=detector())
    for frame in sink.frames[1:]:
        np.testing.assert_array_equal(frame.planes[0], sink.frames[0].planes[0])
