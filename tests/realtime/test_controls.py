"""Another model, renderer or smoothing counts from the next frame on, without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engines.engine import Engine
from engines.errors import UnveilError, UsageError
from realtime.buffer import Policy
from realtime.controls import Controls, Settings
from realtime.frames.types import U8, Detection, Frame
from realtime.options import Options
from realtime.pipeline import run
from realtime.run.live.models import ModelLoader
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, FakeSink, FakeSource, face_box, rgb_frame, scene

LIVE = Options(policy=Policy.DROP_OLDEST)


class OtherEngine(FakeEngine):
    """Another model."""

    spec = replace(SPEC, name="other")
    description = "other engine"
    closed = False

    def close(self) -> None:
        self.closed = True


class ByHand(FakeSource):
    """Gives each frame once the one before was shown, after an action."""

    def __init__(self, sink: FakeSink, actions: dict[int, object], picture: U8 | None = None) -> None:
        super().__init__([rgb_frame(scene() if picture is None else picture, index) for index in range(12)])
        self._sink, self._actions = sink, actions

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            while len(self._sink.frames) < frame.index:
                self._stopped.wait(0.001)
            if action := self._actions.get(frame.index):
                action()  # type: ignore[operator]
            yield frame


def detector() -> FakeDetector:
    return FakeDetector([Detection(face_box(160, 120, 80), 0.9)])


def test_what_is_changed_counts_from_the_next_frame_also_while_that_is_waited_for() -> None:
    controls, sink, other = Controls(), FakeSink(), OtherEngine()
    seen: list[tuple[str, str]] = []
    actions = {
        3: lambda: controls.change_look(render="labels"),
        6: lambda: controls.give_engine(other),
        9: lambda: controls.change_look(render="blur"),
    }
    source = ByHand(sink, actions)
    run(
        source, FakeEngine(), sink, LIVE, detector=detector(), controls=controls,
        on_frame=lambda _: seen.append((controls.vitals.engine, sink.frames[-1].layout)),
    )  # fmt: skip
    layouts, engines = [layout for _, layout in seen], [engine for engine, _ in seen]
    assert layouts == ["rgb"] * 3 + ["gray"] * 6 + ["rgb"] * 3
    assert engines == ["fake engine"] * 6 + ["other engine"] * 6
    assert other.closed
    assert all((frame.planes[0] != scene()).any() for frame in sink.frames if frame.layout == "rgb"), "no mask"


def test_a_limit_fails_a_run_where_it_left_a_face_visible_in_a_frame_that_hides_faces() -> None:
    faces = [(90.0, 120.0, 80.0), (230.0, 120.0, 60.0)]
    detections, picture = [Detection(face_box(*face), 0.9) for face in faces], scene(faces=faces)
    for first, then, failed in (("overlay", "blur", 9), ("blur", "labels", 3), ("overlay", "labels", 0)):
        options = Options(render=first, policy=Policy.DROP_OLDEST, max_faces=1)
        controls, sink = Controls(Settings(options.look)), FakeSink()
        source = ByHand(sink, {3: lambda c=controls, to=then: c.change_look(render=to)}, picture)
        summary = run(source, FakeEngine(), sink, options, detector=FakeDetector(detections), controls=controls)
        assert summary.left_out is not None
        assert summary.left_out.frames == 12
        assert (summary.left_visible.frames if summary.left_visible else 0) == failed
        assert bool(summary.visible_faces) is bool(failed)


def test_frames_that_nobody_watches_are_counted_and_not_parsed() -> None:
    class Unwatched(FakeSink):
        is_watched = False

    engine = FakeEngine()
    summary = run(FakeSource([rgb_frame(scene(), i) for i in range(5)]), engine, Unwatched(), detector=detector())
    assert (summary.frames, summary.unwatched, engine.batches) == (0, 5, [])


def test_a_viewer_can_end_a_run_while_no_frame_comes() -> None:
    class Ending(FakeSink):
        def idle(self) -> None:
            self.wants_more = not self.frames

    sink = Ending()
    source = ByHand(sink, {3: lambda: source._stopped.wait(60)})
    summary = run(source, FakeEngine(), sink, LIVE, detector=detector())
    assert (summary.damage, summary.frames <= 3, sink.closed) == (None, True, True)


def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing() -> None:
    controls = Controls()
    for values in ({"render": "nonsense"}, {"opacity": 2.0}):
        with pytest.raises(UsageError):
            controls.change_look(**values)
    assert controls.settings == Controls().settings


def test_the_model_that_was_asked_for_last_is_loaded_and_a_failure_keeps_the_one_before() -> None:
    controls, said, opened, loaded = Controls(), [], [], OtherEngine()

    def open_model(name: str) -> Engine:
        opened.append(name)
        if name == "broken":
            raise UnveilError("broken: no such model")
        if name == "odd":
            raise RuntimeError("out of memory")
        return loaded  # type: ignore[return-value]

    with ModelLoader(controls, open_model, said.append) as loader:
        loader.want("broken")
        loader._thread.submit(lambda: None).result()
        assert controls.settings.model == "consensus-lite"
        loader.want("odd")
        loader._thread.submit(lambda: None).result()
        assert loader.problem == said[-1]
        loader.want("parts")
        loader._thread.submit(lambda: None).result()
        assert controls.has_engine
        assert loader.problem is None
    assert opened == ["broken", "odd", "parts"]
    assert said == [
        "failed: broken: no such model; consensus-lite goes on",
        "failed: odd cannot be loaded (out of memory); consensus-lite goes on",
    ]
    assert not controls.has_engine
    assert loaded.closed, "it came after the run"
