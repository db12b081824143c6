"""Following faces from frame to frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from realtime.faces.following.tracker import Tracker
from realtime.frames.crop import region_from_box
from realtime.frames.types import ParsedFace, Region
from tests.fakes.pipeline import SPEC, FakeDetector, face_box, rgb_frame, scene
from tests.fakes.tracking import (
    FACE,
    OTHER,
    detection,
    low_confidence_step,
    step,
    with_background,
)


def test_detects_once_and_then_follows() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    ids = {face.track_id for _ in range(15) for face in step(tracker)}
    assert ids == {0}
    assert detector.calls == 1


def test_searches_for_new_faces_every_n_frames() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=5)
    for _ in range(11):
        step(tracker)
    tracker.close()  # lets the last search end
    assert detector.calls == 3


def test_detects_in_every_frame_while_nothing_is_tracked() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC)
    assert [step(tracker) for _ in range(4)] == [[]] * 4
    assert detector.calls == 4


def test_a_new_face_gets_the_next_number() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=2)
    step(tracker)
    detector.detections = [detection(OTHER), detection(FACE)]
    faces = [face for _ in range(3) for face in step(tracker, faces=[FACE, OTHER])][-2:]
    assert [face.track_id for face in faces] == [0, 1]
    assert faces[1].region.centre_x == pytest.approx(OTHER[0], abs=3)


def test_region_follows_a_moving_growing_face() -> None:
    tracker = Tracker(FakeDetector([detection(FACE)]), SPEC, redetect_every=100)
    for index in range(25):
        face = (160 + 3.0 * index, 120, 80 + 2.0 * index)
        (parsed,) = step(tracker, faces=[face])
    expected = region_from_box(face_box(*face), SPEC.crop_scale)
    assert parsed.region.centre_x == pytest.approx(expected.centre_x, abs=0.06 * expected.side)
    assert parsed.region.side == pytest.approx(expected.side, rel=0.08)


def test_region_of_a_still_face_stays_the_same_to_the_bit() -> None:
    tracker = Tracker(FakeDetector([detection((165, 124, 90))]), SPEC)
    regions = [step(tracker, faces=[(160 + 0.3 * (index % 2), 120, 80)])[0].region for index in range(20)]
    assert len(set(regions[8:])) == 1


def test_a_poor_first_box_is_put_right() -> None:
    tracker = Tracker(FakeDetector([detection((168, 114, 100))]), SPEC, redetect_every=100)
    for _ in range(10):
        (parsed,) = step(tracker)
    assert parsed.region.centre_x == pytest.approx(160, abs=4)
    assert parsed.region.side == pytest.approx(120, rel=0.06)


def test_a_hand_over_most_of_the_face_neither_loses_nor_moves_it() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=5)
    step(tracker)
    detector.detections = []  # the detector no longer sees it
    left, top, right, bottom = (round(edge) for edge in face_box(*FACE))
    covers = [(left, top + 25, right, bottom)]
    faces = [step(tracker, covers=covers) for _ in range(100)]
    assert all(len(found) == 1 for found in faces)
    assert faces[-1][0].region.centre_x == pytest.approx(160, abs=4)
    assert faces[-1][0].region.side == pytest.approx(120, rel=0.12)


def test_a_face_that_is_gone_is_not_drawn_and_dropped_after_a_while_and_searched_for_meanwhile() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    detector.detections = []
    assert [step(tracker, faces=[]) for _ in range(80)] == [[]] * 80
    assert detector.calls > 30 + 80 / 10
    detector.detections = [detection(FACE)]
    (face,) = step(tracker)
    assert face.track_id == 1


def test_a_wholly_covered_face_is_drawn_until_its_track_ends() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    detector.detections = []
    left, top, right, bottom = (round(edge) for edge in face_box(*FACE))
    drawn = [len(step(tracker, covers=[(left + 6, top + 6, right - 6, bottom - 6)])) for _ in range(30)]
    assert drawn == [1] * 30


def test_a_track_ends_where_the_detector_does_not_confirm_it_and_the_parsers_confidence_is_low() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    detector.detections = []
    assert [len(low_confidence_step(tracker)) for _ in range(5)] == [1, 1, 0, 0, 0]


def test_a_track_stays_where_the_detector_confirms_it_though_the_parsers_confidence_is_low() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    step(tracker)
    calls = detector.calls
    assert [len(low_confidence_step(tracker)) for _ in range(14)] == [1] * 14
    assert detector.calls == calls + 1, "asked once, at once"


def test_a_track_stays_where_the_parser_is_sure_though_the_detector_does_not_confirm_it() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=2)
    step(tracker)
    detector.detections = []
    assert [len(step(tracker)) for _ in range(60)] == [1] * 60


def test_every_track_ends_at_a_cut() -> None:
    """Here the detector and the parser would both go on with the old face."""
    tracker = Tracker(FakeDetector([detection(FACE)]), SPEC)
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::40] = stripes[:, 1::40] = 255
    assert [face.track_id for face in step(tracker)] == [0]
    left, top, right, bottom = (round(edge) for edge in face_box(*FACE))
    other = cv2.blur(stripes, (25, 25)) * 2
    other[top:bottom, left:right] = scene()[top:bottom, left:right]
    frame = rgb_frame(other)
    regions = tracker.regions(frame)
    assert [region.track_id for region in regions] == [1]


def test_a_face_that_comes_back_within_a_second_keeps_its_number() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    for _ in range(20):
        step(tracker, faces=[])
    (parsed,) = step(tracker)
    assert parsed.track_id == 0


def test_a_missing_face_is_found_again_where_the_detector_sees_it() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    step(tracker, faces=[])
    moved = (185.0, 130.0, 80.0)
    detector.detections = [detection(moved)]
    (parsed,) = step(tracker, faces=[moved])
    assert parsed.track_id == 0
    assert parsed.region.centre_x == pytest.approx(185)


def test_what_the_parser_never_saw_as_a_face_is_not_shown() -> None:
    tracker = Tracker(FakeDetector([detection(FACE), detection(OTHER)]), SPEC)  # a picture of something else at OTHER
    assert [face.track_id for face in step(tracker)] == [0]


def test_a_covered_face_does_not_jump_to_a_picture_on_the_wall() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=3, max_faces=1)
    step(tracker)
    detector.detections = [detection(OTHER)]
    left, top, right, bottom = (round(edge) for edge in face_box(*FACE))
    for _ in range(20):
        (parsed,) = step(tracker, faces=[FACE, OTHER], covers=[(left, top + 30, right, bottom)])
        assert parsed.track_id == 0
        assert parsed.region.centre_x == pytest.approx(160, abs=8)


def test_two_tracks_that_come_to_follow_one_face_become_the_older_one() -> None:
    tracker = Tracker(FakeDetector([detection((125, 120, 80)), detection((195, 120, 80))]), SPEC, redetect_every=100)
    frame = rgb_frame(scene(faces=[FACE]))
    assert len(tracker.regions(frame)) == 2
    for _ in range(6):
        faces = step(tracker, faces=[FACE])
    assert [face.track_id for face in faces] == [0]


def shrinking(track_id: int, region: Region) -> ParsedFace:
    """What a parser that takes every face for a fifth smaller than its region says would answer."""
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[34:94, 43:85, 1] = 255
    return ParsedFace(track_id, region, np.zeros((128, 128, 3), np.uint8), with_background(probabilities))


def test_a_wrong_mask_cannot_feed_on_itself() -> None:
    tracker = Tracker(FakeDetector([detection(FACE)]), SPEC, redetect_every=1000)
    for _ in range(60):
        regions = tracker.regions(rgb_frame(scene()))
        (face,) = tracker.update([shrinking(tracked.track_id, tracked.region) for tracked in regions])
    assert face.region.side > 70


def test_a_region_that_went_wrong_is_put_back_by_the_detector() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=20)
    sides = []
    for _ in range(42):
        regions = tracker.regions(rgb_frame(scene()))
        sides.append(regions[0].region.side)
        assert len(tracker.update([shrinking(tracked.track_id, tracked.region) for tracked in regions])) == 1
    assert min(sides[:20]) < 90
    assert sides[21] == sides[41] == 120, "searched for in frames 20 and 40, known in the next"


def test_a_second_detection_inside_a_followed_face_is_the_same_face() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=1)
    step(tracker)
    detector.detections = [detection((165.0, 125.0, 40.0))]
    assert [face.track_id for face in step(tracker)] == [0]


def test_faces_cheek_to_cheek_are_two() -> None:
    pair = [(140.0, 120.0, 80.0), (198.0, 120.0, 80.0)]
    tracker = Tracker(FakeDetector([detection(face) for face in pair]), SPEC)
    frame = rgb_frame(scene(faces=pair))
    assert len(tracker.regions(frame)) == 2
