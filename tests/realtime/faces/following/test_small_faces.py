"""Small faces, which only tiles of a frame show."""

from __future__ import annotations

import pytest

from realtime.faces.following.tracker import Tracker
from realtime.faces.tiles import RENEW_AFTER
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, LowConfidenceEngine
from tests.fakes.tracking import (
    ALL_TILES,
    SMALL,
    detection,
    wide_step,
)


def test_the_first_frame_is_searched_in_all_tiles_and_later_ones_in_a_few() -> None:
    detector = FakeDetector([detection((900, 300, 200))])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    for index in range(31):
        wide_step(tracker, FakeEngine(), [(900, 300, 200)], brighter=2 * index)
    tracker.close()
    assert detector.tiles == [ALL_TILES, 1, 1]


def test_a_frame_without_faces_is_searched_in_one_tile_at_a_time() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC)
    for brighter in (0, 10, 20):
        assert wide_step(tracker, FakeEngine(), [], brighter) == []
    assert detector.tiles == [ALL_TILES, 1, 1]


def test_where_nothing_moves_no_tile_is_searched_again_for_long() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC)
    for _ in range(RENEW_AFTER + 3):
        wide_step(tracker, FakeEngine(), [])
    assert detector.tiles == [ALL_TILES, *[0] * RENEW_AFTER, 1, 1]


def test_when_a_face_is_gone_tiles_are_searched_again_though_nothing_moves() -> None:
    detector = FakeDetector([detection((900, 300, 200))])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    for _ in range(3):
        wide_step(tracker, FakeEngine(), [(900, 300, 200)])
    detector.detections = ()
    tiles = len(detector.tiles)
    for _ in range(120):
        wide_step(tracker, FakeEngine(), [])
    assert 1 in detector.tiles[tiles:][31:45]


@pytest.mark.parametrize("score", [0.45, 0.9])
def test_a_small_face_that_convinces_the_parser_is_shown(score: float) -> None:
    tracker = Tracker(FakeDetector(small=[detection(SMALL, score)]), SPEC)
    assert len(wide_step(tracker, FakeEngine(), [SMALL])) == 1


def test_a_small_face_must_convince_the_parser_however_sure_the_detector_is() -> None:
    tracker = Tracker(FakeDetector(small=[detection(SMALL, 0.95)]), SPEC)
    assert wide_step(tracker, LowConfidenceEngine(), [SMALL]) == []


def test_a_face_that_a_whole_frame_shows_too_coarsely_is_searched_for_close_up() -> None:
    detector = FakeDetector([detection((300, 300, 90))], small=[detection(SMALL)])
    tracker = Tracker(detector, SPEC)
    (face,) = wide_step(tracker, FakeEngine(), [SMALL])
    assert detector.tiles == [ALL_TILES + 1]
    assert face.region.side == pytest.approx(90, rel=0.1)  # 60 px and their margin, not 90 px and theirs


def test_what_no_close_up_confirms_is_not_shown() -> None:
    assert wide_step(Tracker(FakeDetector([detection((300, 300, 90))]), SPEC), FakeEngine(), [SMALL]) == []


def test_a_small_thing_before_a_large_face_neither_takes_its_place_nor_its_number() -> None:
    large = (300.0, 300.0, 200.0)
    tracker = Tracker(FakeDetector([detection(large)], small=[detection(SMALL)]), SPEC, redetect_every=1)
    for _ in range(3):
        (face,) = wide_step(tracker, FakeEngine(), [large])
    assert face.track_id == 0
    assert face.region.side == pytest.approx(300, rel=0.1)
