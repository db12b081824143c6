"""Following faces with a network that says itself whether its crop holds one."""

from __future__ import annotations

from dataclasses import replace

from engines.spec import Thresholds
from realtime.faces.face_parser import crop_faces, parse_faces
from realtime.faces.following.tracker import Tracker
from realtime.frames.types import Detection, ParsedFace
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, LowConfidenceEngine, face_box, rgb_frame, scene

FACE = (160.0, 120.0, 80.0)
PRESENT, ABSENT = 0.99, 0.1
WITH_PRESENCE = replace(SPEC, thresholds=Thresholds(presence=0.9))


def detector_of(score: float) -> FakeDetector:
    return FakeDetector([Detection(face_box(*FACE), score)])


def step(tracker: Tracker, presence: float) -> list[ParsedFace]:
    frame = rgb_frame(scene())
    regions = tracker.regions(frame)
    parsed = parse_faces(FakeEngine(), crop_faces(frame, regions, SPEC.size_px), regions)
    return tracker.update([replace(face, presence=presence) for face in parsed])


def gone() -> tuple[Tracker, FakeDetector]:
    """A tracker of a face that the detector finds no more."""
    detector = detector_of(0.95)
    tracker = Tracker(detector, WITH_PRESENCE)
    assert len(step(tracker, PRESENT)) == 1
    detector.detections = []
    return tracker, detector


def test_a_face_that_a_hand_covers_for_two_seconds_is_not_drawn_and_keeps_its_number() -> None:
    tracker, detector = gone()
    covered = [len(step(tracker, ABSENT)) for _ in range(60)]
    assert covered == [1, 1] + [0] * 58  # two frames of low confidence are a flicker
    detector.detections = detector_of(0.95).detections
    after = [step(tracker, PRESENT) for _ in range(15)][-1]
    assert [face.track_id for face in after] == [0]


def test_presence_alone_does_not_bring_a_waiting_face_back() -> None:
    tracker, _ = gone()
    for _ in range(5):
        step(tracker, ABSENT)
    assert not any(step(tracker, PRESENT) for _ in range(20))


def test_a_waiting_track_ends() -> None:
    tracker, _ = gone()
    for _ in range(100):
        step(tracker, ABSENT)
    assert tracker.tracks([0]) == []


def test_a_low_presence_leaves_the_region_where_it_is() -> None:
    tracker = Tracker(detector_of(0.95), WITH_PRESENCE)
    step(tracker, PRESENT)
    (before,) = tracker.tracks([0])
    frame = rgb_frame(scene(faces=[(180.0, 120.0, 80.0)]))
    regions = tracker.regions(frame)
    (face,) = parse_faces(FakeEngine(), crop_faces(frame, regions, SPEC.size_px), regions)
    tracker.update([replace(face, presence=ABSENT)])
    assert tracker.tracks([0])[0].region == before.region


def test_presence_alone_decides_whether_a_detection_begins_a_track() -> None:
    def first(engine: FakeEngine, score: float, presence: float) -> int:
        tracker, frame = Tracker(detector_of(score), WITH_PRESENCE), rgb_frame(scene())
        regions = tracker.regions(frame)
        parsed = parse_faces(engine, crop_faces(frame, regions, SPEC.size_px), regions)
        return len(tracker.update([replace(face, presence=presence) for face in parsed]))

    assert first(FakeEngine(), 0.95, 0.89) == 0
    assert first(LowConfidenceEngine(), 0.55, 0.91) == 1, "half a face at the frame's edge"
