"""All faces are followed, or the largest ones."""

from __future__ import annotations

from collections.abc import Sequence

from realtime.faces.following.tracker import Tracker
from tests.fakes.pipeline import SPEC, FakeDetector
from tests.fakes.tracking import (
    FACE,
    OTHER,
    detection,
    step,
)


def test_all_faces_are_followed_by_default() -> None:
    faces = [(20.0 + 40 * column, 30.0 + 60 * row, 40.0) for column in range(8) for row in range(3)]
    assert len(step(Tracker(FakeDetector([detection(face) for face in faces]), SPEC), faces=faces)) == 24


def test_at_most_max_faces_are_followed() -> None:
    detector = FakeDetector([detection(FACE), detection(OTHER)])
    assert len(step(Tracker(detector, SPEC, max_faces=1), faces=[FACE, OTHER])) == 1
    assert len(step(Tracker(detector, SPEC, max_faces=2), faces=[FACE, OTHER])) == 2


NEAREST, NEARER, FARTHEST = (60.0, 120.0, 100.0), (160.0, 120.0, 80.0), (260.0, 120.0, 60.0)


def followed_largest(
    tracker: Tracker, detector: FakeDetector, faces: Sequence[tuple[float, float, float]]
) -> list[float]:
    """Where the followed faces of a frame are, x in pixels, from left to right."""
    detector.detections = [detection(face) for face in faces]
    return sorted(round(parsed.region.centre_x, -1) for parsed in step(tracker, faces=faces))


def test_the_largest_faces_are_followed_and_the_others_are_counted() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC, redetect_every=1, max_faces=2)
    assert followed_largest(tracker, detector, [FARTHEST, NEARER, NEAREST]) == [60, 160]
    assert tracker.left_out == 1
    assert followed_largest(tracker, detector, [FARTHEST, NEARER]) == [160, 260]
    assert tracker.left_out == 0


def test_a_larger_face_that_comes_later_takes_a_place() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC, redetect_every=1, max_faces=1)
    assert followed_largest(tracker, detector, [FARTHEST]) == [260]
    for _ in range(3):
        assert followed_largest(tracker, detector, [FARTHEST, NEAREST]) == [60]
        assert tracker.left_out == 1


def test_faces_of_one_size_do_not_take_turns() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC, redetect_every=1, max_faces=1)
    first = followed_largest(tracker, detector, [NEARER])
    for index in range(6):
        rival = (60.0, 120.0, 84.0 if index % 2 else 76.0)
        assert followed_largest(tracker, detector, [NEARER, rival]) == first


def test_a_face_that_is_left_out_counts_between_searches_too() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC, redetect_every=4, max_faces=1)
    counts = []
    for _ in range(9):
        followed_largest(tracker, detector, [NEARER, NEAREST])
        counts.append(tracker.left_out)
    assert counts == [1] * 9
