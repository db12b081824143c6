"""One step per frame: parsed in one call, parsed again where misplaced, steadied, without specks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from engines.engine import Parsed
from realtime.faces.face_parser import FaceParser, crop_faces, parse_faces
from realtime.faces.following.tracker import TrackedRegion
from realtime.faces.probabilities import visible_share
from realtime.frames.crop import crop_rgb
from realtime.frames.types import U8, Detection, ParsedFace, Region
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, face_box, rgb_frame, scene

FRAME = rgb_frame(scene(faces=[(100, 120, 80), (220, 120, 80)]))
REGIONS = [TrackedRegion(4, Region(100, 120, 120)), TrackedRegion(7, Region(220, 120, 120))]
FACE, OTHER = (160.0, 120.0, 80.0), (250.0, 60.0, 60.0)


def detection(face: tuple[float, float, float], score: float = 0.9) -> Detection:
    return Detection(face_box(*face), score)


def test_all_faces_of_a_frame_are_one_call() -> None:
    engine = FakeEngine()
    faces = parse_faces(engine, crop_faces(FRAME, REGIONS, 128), REGIONS)
    assert engine.batches == [2]
    assert [face.track_id for face in faces] == [4, 7]
    assert [face.region for face in faces] == [tracked.region for tracked in REGIONS]


def test_each_face_keeps_its_own_crop_and_probabilities() -> None:
    faces = parse_faces(FakeEngine(), crop_faces(FRAME, REGIONS, 128), REGIONS)
    for face in faces:
        np.testing.assert_array_equal(face.crop, crop_rgb(FRAME, face.region, 128))
        assert face.probabilities[64, 64].tolist() == [0, 255, 0]


def test_no_region_is_an_empty_batch_and_no_face() -> None:
    crops = crop_faces(FRAME, [], 128)
    assert crops.shape == (0, 128, 128, 3)
    assert parse_faces(FakeEngine(), crops, []) == []


@pytest.mark.parametrize("found", [(176.0, 108.0, 80.0), (160.0, 120.0, 58.0), (160.0, 120.0, 110.0)])
def test_a_new_face_that_the_detector_misplaced_is_parsed_once_more_in_the_same_frame(
    found: tuple[float, float, float],
) -> None:
    engine = FakeEngine()
    parser = FaceParser(engine, FakeDetector([detection(found)]))
    (face,) = parser.step(rgb_frame(scene()))
    assert engine.batches == [1, 1]
    assert face.region.centre_x == pytest.approx(160, abs=5)
    assert face.region.centre_y == pytest.approx(120, abs=6)
    assert face.region.side == pytest.approx(120, rel=0.12)
    parser.step(rgb_frame(scene()))
    assert engine.batches == [1, 1, 1]


def test_faces_that_lie_where_they_were_found_are_parsed_once_and_stay_in_order() -> None:
    engine = FakeEngine()
    parser = FaceParser(engine, FakeDetector([detection(FACE), detection((262.0, 60.0, 60.0))]))
    faces = parser.step(rgb_frame(scene(faces=[FACE, OTHER])))
    assert engine.batches == [2, 1]
    assert [face.track_id for face in faces] == [0, 1]
    assert faces[1].region.centre_x == pytest.approx(OTHER[0], abs=4)


def test_what_is_no_face_is_not_parsed_twice() -> None:
    engine = FakeEngine()
    parser = FaceParser(engine, FakeDetector([detection(FACE)]))
    assert parser.step(rgb_frame(scene(faces=[]))) == []
    assert engine.batches == [1]


def test_a_second_parse_that_finds_nothing_leaves_the_first_one() -> None:
    class BlindAtSecond(FakeEngine):
        def __call__(self, crops: U8) -> Parsed:
            return super().__call__(crops if not self.batches else np.zeros_like(crops))

    engine = BlindAtSecond()
    parser = FaceParser(engine, FakeDetector([detection((176.0, 108.0, 80.0))]))
    (face,) = parser.step(rgb_frame(scene()))
    assert engine.batches == [1, 1]
    assert visible_share(face.probabilities, SPEC) > 0.1


def test_a_step_is_its_two_halves() -> None:
    whole, halves = (FaceParser(FakeEngine(), FakeDetector([detection(FACE)]), smoothing=Faded()) for _ in range(2))
    for index in range(3):
        frame = rgb_frame(scene(faces=[(160.0 + 3 * index, 120.0, 80.0)]), index)
        (face,), (other,) = whole.step(frame), halves.smooth(halves.parse(frame))
        assert face.region == other.region
        np.testing.assert_array_equal(face.probabilities, other.probabilities)


class Faded:
    """A smoothing: the n-th frame's probabilities are divided by n."""

    def __init__(self) -> None:
        self.frames = 0

    def smooth(self, faces: Sequence[ParsedFace]) -> list[ParsedFace]:
        self.frames += 1
        return [replace(face, probabilities=face.probabilities // self.frames) for face in faces]


def test_another_smoothing_is_asked_in_every_frame_and_decides_the_mask() -> None:
    parser = FaceParser(FakeEngine(), FakeDetector([detection(FACE)]), smoothing=Faded())
    centres = [parser.step(rgb_frame(scene(), index))[0].probabilities[64, 64, 1] for index in range(3)]
    assert centres == [255, 127, 85]


class SpeckledEngine(FakeEngine):
    """Sees a speck of occlusion in the middle of each face."""

    def __call__(self, crops: U8) -> Parsed:
        parsed = super().__call__(crops)
        parsed.probabilities[:, 64:66, 64:66] = (0, 0, 255)
        return parsed


def test_specks_are_removed() -> None:
    (face,) = FaceParser(SpeckledEngine(), FakeDetector([detection(FACE)])).step(rgb_frame(scene()))
    assert face.probabilities[64, 64].tolist() == [0, 255, 0]


def test_the_faces_are_the_same_with_a_search_thread_and_without() -> None:
    def steps(thread: ThreadPoolExecutor | None) -> list[list[tuple[int, Region]]]:
        detector = FakeDetector([detection(FACE)])
        parser = FaceParser(FakeEngine(), detector, redetect_every=3, search_thread=thread)
        shown = []
        for index in range(12):
            if index == 4:
                detector.detections = [detection(FACE), detection(OTHER)]
            faces = parser.step(rgb_frame(scene(faces=[FACE, OTHER]), index))
            shown.append([(face.track_id, face.region) for face in faces])
        return shown

    with ThreadPoolExecutor(1) as thread:
        beside = steps(thread)
    assert steps(None) == beside
    assert [len(faces) for faces in beside] == [1] * 7 + [2] * 5  # searched in frame 6, known in frame 7


@pytest.mark.parametrize("independent", [True, False])
def test_pages_of_a_document_are_each_searched_whole(independent: bool) -> None:
    # White pages look alike: between them there is no cut that could be detected.
    detector = FakeDetector()
    with FaceParser(FakeEngine(), detector, redetect_every=1, independent=independent) as parser:
        for index in range(3):
            parser.step(rgb_frame(np.full((480, 640, 3), 255, np.uint8), index))
    first, *others = detector.tiles
    assert first > 1
    assert (set(others) == {first}) == independent


def test_a_second_parse_of_a_new_face_is_no_movement() -> None:
    detector = FakeDetector([detection((105.0, 120.0, 80.0))])  # the first parse sees a part of it
    with FaceParser(FakeEngine(), detector) as parser:
        (face,) = parser.step(rgb_frame(scene(faces=[(160.0, 120.0, 80.0)])))
        (track,) = parser._tracker.tracks([face.track_id])
    assert track.parsed_frames > 1
    assert track.motion is not None
    assert (track.motion.dx, track.motion.dy) == (0, 0)
