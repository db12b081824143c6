"""How confident detector and parser must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.engine import Parsed
from engines.spec import CONSENSUS_LABELS, ModelSpec, Thresholds
from realtime.faces.face_parser import crop_faces, parse_faces
from realtime.faces.following.tracker import Tracker
from realtime.faces.probabilities import confidence
from realtime.frames.types import U8
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, LowConfidenceEngine, rgb_frame, scene
from tests.fakes.tracking import (
    FACE,
    OTHER,
    SMALL,
    detection,
    low_confidence_step,
    step,
    wide_step,
)


def test_a_small_face_beside_a_large_one_is_shown_whichever_was_found_first() -> None:
    large, small = (110.0, 120.0, 150.0), (190.0, 120.0, 50.0)
    for found in ([large, small], [small, large]):
        tracker = Tracker(FakeDetector([detection(face) for face in found]), SPEC)
        for _ in range(5):
            faces = step(tracker, faces=[large, small])
        assert len(faces) == 2
        assert sorted(face.region.side for face in faces)[0] < 100


@pytest.mark.parametrize(("score", "shown"), [(0.55, 0), (0.9, 1)])
def test_a_low_score_with_a_low_confidence_is_not_shown(score: float, shown: int) -> None:
    assert len(low_confidence_step(Tracker(FakeDetector([detection(FACE, score)]), SPEC))) == shown


def test_a_track_from_a_low_score_ends_when_the_parsers_confidence_falls() -> None:
    tracker = Tracker(FakeDetector([detection(FACE, 0.55)]), SPEC)
    assert len(step(tracker)) == 1
    assert [len(low_confidence_step(tracker)) for _ in range(5)] == [1, 1, 0, 0, 0]


def test_a_detection_that_a_search_was_sure_of_once_stays_whatever_the_parser_thinks() -> None:
    detector = FakeDetector([detection(FACE, 0.55)])
    tracker = Tracker(detector, SPEC, redetect_every=1)
    step(tracker)
    detector.detections = [detection(FACE, 0.8)]
    step(tracker)
    detector.detections = [detection(FACE, 0.55)]
    assert {len(low_confidence_step(tracker)) for _ in range(40)} == {1}


@pytest.mark.parametrize(("unconfirmed", "shown"), [(0.78, 1), (0.83, 0)])
def test_how_confident_a_parser_must_be_depends_on_the_network(unconfirmed: float, shown: int) -> None:
    class MediumConfidenceEngine(FakeEngine):
        def __call__(self, crops: U8) -> Parsed:
            parsed = super().__call__(crops)
            likely = parsed.probabilities.astype(np.float32)
            return Parsed(parsed.labels, (likely * 0.72 + 255 / 3 * 0.28).astype(np.uint8))

    spec = ModelSpec("any", CONSENSUS_LABELS, thresholds=Thresholds(unconfirmed))
    tracker = Tracker(FakeDetector([detection(FACE, 0.55)]), spec)
    frame = rgb_frame(scene())
    regions = tracker.regions(frame)
    parsed = parse_faces(MediumConfidenceEngine(), crop_faces(frame, regions, SPEC.size_px), regions)
    assert 0.78 < confidence(parsed[0].probabilities, SPEC) < 0.83
    assert len(tracker.update(parsed)) == shown


def test_a_low_confidence_detection_must_convince_the_parser_more_and_counts_only_where_nothing_is_followed() -> None:
    detector = FakeDetector([detection(FACE, 0.4)])
    tracker = Tracker(detector, ModelSpec("any", CONSENSUS_LABELS, thresholds=Thresholds(0.83, 0.88)), redetect_every=1)
    assert low_confidence_step(tracker) == []
    assert len(step(tracker)) == 1
    detector.detections = [detection(OTHER, 0.4)]
    assert [len(step(tracker, faces=[FACE, OTHER])) for _ in range(3)] == [1, 1, 1]


def test_a_low_confidence_detection_is_not_put_to_networks_that_cannot_tell() -> None:
    assert step(Tracker(FakeDetector([detection(FACE, 0.4)]), ModelSpec("another", CONSENSUS_LABELS))) == []


@pytest.mark.parametrize(("score", "shown"), [(0.8, 0), (0.95, 1)])
def test_a_likely_detection_that_is_nonsense_to_the_parser_is_not_shown(score: float, shown: int) -> None:
    tracker = Tracker(FakeDetector([detection(FACE, score)]), SPEC)
    frame = rgb_frame(scene())
    regions = tracker.regions(frame)
    (face,) = parse_faces(FakeEngine(), crop_faces(frame, regions, SPEC.size_px), regions)
    nonsense = (face.probabilities * 0.3 + 255 / 3 * 0.7).astype(np.uint8)
    nonsense[..., 0] //= 2  # full_face sees one
    assert confidence(nonsense, SPEC) < 0.57
    assert len(tracker.update([replace(face, probabilities=nonsense)])) == shown


def test_low_confidence_detections_leave_the_places_to_small_faces() -> None:
    texture = (900.0, 500.0, 200.0)
    detector = FakeDetector([detection(texture, 0.4)], small=[detection(SMALL)])
    tracker = Tracker(detector, ModelSpec("any", CONSENSUS_LABELS, thresholds=Thresholds(0.83, 0.88)), max_faces=1)
    assert len(wide_step(tracker, FakeEngine(), [SMALL])) == 1


def test_when_a_low_confidence_ends_a_track_tiles_are_searched_again_though_nothing_moves() -> None:
    detector = FakeDetector(small=[detection(SMALL, 0.95)])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    assert len(wide_step(tracker, FakeEngine(), [SMALL])) == 1
    detector.small = ()
    given_up = [wide_step(tracker, LowConfidenceEngine(), [SMALL]) for _ in range(3)][-1]
    assert given_up == []
    tiles = len(detector.tiles)
    for _ in range(15):
        wide_step(tracker, FakeEngine(), [SMALL])
    assert detector.tiles[tiles:] == [1] * 15
