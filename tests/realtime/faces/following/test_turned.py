"""Faces that are turned: found at any angle, and followed while they turn."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.faces.detect import Detector
from realtime.faces.face_parser import crop_faces, parse_faces
from realtime.faces.following.track import Track
from realtime.faces.following.tracker import Tracker
from realtime.frames.crop import box_on_frame, region_from_box
from realtime.frames.types import U8, Detection, ParsedFace, Region
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, face_box, rgb_frame, scene

PORTRAITS = Path(__file__).parents[5] / "shared" / "data" / "faces" / "us_portraits"
FACE = (160.0, 120.0, 80.0)
REGION = region_from_box(face_box(*FACE), SPEC.crop_scale)


def lying(angle_deg: float, score: float = 0.9) -> Detection:
    return Detection(face_box(*FACE), score, angle_deg=angle_deg)


def picture(angle_deg: float) -> U8:
    """A face that is turned about its middle."""
    affine = cv2.getRotationMatrix2D((FACE[0] - 0.5, FACE[1] - 0.5), -angle_deg, 1)
    return np.asarray(cv2.warpAffine(scene(), affine, (320, 240), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def step(tracker: Tracker, angle_deg: float) -> list[ParsedFace]:
    frame = rgb_frame(picture(angle_deg))
    regions = tracker.regions(frame)
    return tracker.update(parse_faces(FakeEngine(), crop_faces(frame, regions, SPEC.size_px), regions))


@pytest.mark.parametrize(
    ("detected_deg", "parsed_deg"), [(-12, 0), (24, 0), (40, 40), (75, 90), (100, 90), (-110, -90), (170, -180)]
)
def test_a_new_face_is_turned_upright_and_a_small_tilt_is_left(detected_deg: float, parsed_deg: float) -> None:
    (face,) = step(Tracker(FakeDetector([lying(detected_deg)]), SPEC), parsed_deg)
    assert face.region.angle_deg == parsed_deg
    _, _, wide, high = cv2.boundingRect(face.probabilities[..., 1])
    assert high > 1.2 * wide  # it is upright


def test_the_box_of_a_lying_face_is_found_in_the_frame_s_pixels() -> None:
    (face,) = step(Tracker(FakeDetector([lying(90)]), SPEC), 90)
    x, y, wide, high = cv2.boundingRect((face.probabilities[..., 1] > 127).astype(np.uint8))
    left, top, right, bottom = box_on_frame((x, y, x + wide, y + high), face.region, SPEC.size_px)
    assert (right - left, bottom - top) == pytest.approx((80, 57.6), abs=3)


def test_a_face_that_turns_round_is_followed_without_a_gap() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC, redetect_every=5)
    off = []
    for index in range(120):
        detector.detections = [lying((3 * index + 180) % 360 - 180)]
        (face,) = step(tracker, 3 * index)
        off.append(abs((face.region.angle_deg - 3 * index + 180) % 360 - 180))
        assert face.track_id == 0
    assert max(off) <= 25 + 2 * 5 * 3  # the tilt that is left, and two searches


def test_who_has_turned_round_and_rests_is_parsed_at_a_quarter_turn() -> None:
    detector = FakeDetector([lying(0)])
    tracker = Tracker(detector, SPEC, redetect_every=1)
    for angle_deg in (0, 30, 60, 85, 86, 86):
        detector.detections = [lying(angle_deg)]
        (face,) = step(tracker, angle_deg)
    assert face.region.angle_deg == 90


def test_a_nod_to_one_side_leaves_the_region_as_it_is() -> None:
    track = Track(0, REGION, REGION.side)
    for angle_deg in (20, -24, 10):
        assert track.turned_to(angle_deg) == track


@pytest.mark.parametrize(("seen_deg", "expected"), [(None, 90), (-20, 90), (40, 130), (100, -170)])
def test_the_network_s_own_direction_turns_the_track(seen_deg: float | None, expected: float) -> None:
    track = Track(0, Region(160, 120, 120, 90), 120, seen=True, parsed_frames=5)
    crop = np.zeros((SPEC.size_px, SPEC.size_px, 3), np.uint8)
    middle = slice(SPEC.size_px // 4, 3 * SPEC.size_px // 4)
    crop[middle, middle] = (200, 40, 40)
    face = ParsedFace(0, track.region, crop, FakeEngine()(crop[None]).probabilities[0], angle_deg=seen_deg)
    assert track.followed(face, SPEC, SPEC.thresholds).region.angle_deg == expected


@cache
def detector() -> Detector:
    return Detector()


@pytest.mark.data
@pytest.mark.parametrize("angle_deg", [0, 45, 90, 135, 180, -90])
def test_a_portrait_is_found_at_any_angle_with_its_direction(angle_deg: float) -> None:
    portrait = cv2.imread(str(sorted(PORTRAITS.glob("*.jpg"))[0]), cv2.IMREAD_COLOR_RGB)
    height, width = portrait.shape[:2]
    upright = detector().detect(rgb_frame(portrait))[0]
    affine = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -angle_deg, 1)
    turned = cv2.warpAffine(portrait, affine, (width, height), borderMode=cv2.BORDER_REPLICATE)
    (found,) = detector().detect(rgb_frame(np.asarray(turned, np.uint8)))
    assert abs((found.angle_deg - upright.angle_deg - angle_deg + 180) % 360 - 180) < 15
    expected = region_from_box(upright.box_xyxy, 1.0)
    centre = affine @ (expected.centre_x, expected.centre_y, 1)
    region = region_from_box(found.box_xyxy, 1.0)
    assert np.hypot(region.centre_x - centre[0], region.centre_y - centre[1]) < 0.12 * expected.side
    assert region.side == pytest.approx(expected.side, rel=0.2)
