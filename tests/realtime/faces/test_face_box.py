"""The full face in a crop, by its labels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engines.spec import PART_LABELS, ModelSpec
from realtime.faces.following.tracker import Tracker
from realtime.faces.probabilities import confidence, full_face_box, visible_share
from realtime.frames.crop import crop_from_frame, crop_rgb, frame_from_crop
from realtime.frames.resampling import centres
from realtime.frames.types import U8, ParsedFace, Region
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, face_box, rgb_frame, scene
from tests.fakes.tracking import (
    FACE,
    detection,
    with_background,
)


def test_full_face_box_is_that_of_face_and_occlusion() -> None:
    crop = crop_rgb(rgb_frame(scene(covers=[(140, 125, 180, 150)])), Region(160, 120, 120), 128)
    box = full_face_box(FakeEngine()(crop[None]).probabilities[0], SPEC)
    assert box is not None
    expected = [(edge - origin) * 128 / 120 for edge, origin in zip(face_box(*FACE), (100, 60, 100, 60), strict=True)]
    np.testing.assert_allclose(box, expected, atol=6)  # the constants are those of faces, not of ellipses


def test_full_face_box_of_background_is_none() -> None:
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[:, :, 0] = 255
    assert full_face_box(probabilities, SPEC) is None
    assert visible_share(probabilities, SPEC) == 0


def test_full_face_box_ignores_specks() -> None:
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[40:90, 40:80, 1] = 255
    clean = full_face_box(with_background(probabilities), SPEC)
    probabilities[5:8, 120:123, 2] = 255
    assert full_face_box(with_background(probabilities), SPEC) == clean


def test_hair_is_no_part_of_the_full_face() -> None:
    spec = ModelSpec("hairy", ("background", "skin", "hair"))
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[:, :, 2] = 255
    probabilities[40:90, 40:80] = (0, 255, 0)
    box = full_face_box(probabilities, spec)
    assert box is not None
    assert box[1] > 30
    assert visible_share(probabilities, spec) == pytest.approx(50 * 40 / 128**2)


PARTS = ModelSpec("parts", PART_LABELS, 160, 2.0)


def parsed_parts(*patches: tuple[str, int, int, int, int]) -> U8:
    """(160, 160, 13): each patch (label, left, top, right, bottom) over those before it, on background."""
    ids = np.zeros((160, 160), np.uint8)
    for name, left, top, right, bottom in patches:
        ids[top:bottom, left:right] = PART_LABELS.index(name)
    return np.asarray(np.eye(13, dtype=np.uint8)[ids] * 255, np.uint8)


HEAD = (
    ("skin", 50, 40, 110, 120),
    ("left eye", 88, 65, 100, 70),
    ("nose", 74, 65, 86, 90),
    ("lower lip", 70, 100, 90, 106),
)


def test_ears_and_hair_do_not_widen_the_box_of_parts() -> None:
    plain = full_face_box(parsed_parts(*HEAD), PARTS)
    around = [("hair", 40, 10, 120, 60), ("left ear", 110, 65, 125, 95), ("right ear", 35, 65, 50, 95)]
    assert full_face_box(parsed_parts(*around, *HEAD), PARTS) == plain
    widened = full_face_box(parsed_parts(*HEAD, ("skin", 110, 65, 125, 95)), PARTS)
    assert plain is not None
    assert widened is not None
    assert widened[2] > plain[2] + 2


def test_sunglasses_do_not_cut_the_box_of_parts_in_two() -> None:
    plain = full_face_box(parsed_parts(*HEAD), PARTS)
    masked = full_face_box(parsed_parts(*HEAD, ("background", 40, 62, 120, 78)), PARTS)
    np.testing.assert_allclose(masked, plain, atol=2)


def test_what_a_consensus_model_leaves_open_stays_open() -> None:
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[20:100, 40:90, 1] = 255
    probabilities[50:62] = 0
    box = full_face_box(with_background(probabilities), SPEC)
    assert box is not None
    assert box[1] > 50


def test_a_parser_of_parts_is_sure_of_a_face_whose_parts_it_confuses() -> None:
    probabilities = parsed_parts(*HEAD)
    confused = probabilities.copy()
    confused[40:120, 50:110, 1:9] = 255 // 8
    assert confidence(confused, PARTS) > 0.95
    unsure = probabilities.copy()
    unsure[40:120, 50:110, 0], unsure[40:120, 50:110, 1] = 100, 155
    assert confidence(unsure, PARTS) < 0.8


def test_a_face_of_parts_is_followed_though_its_lower_half_is_covered() -> None:
    whole, half = parsed_parts(*HEAD), parsed_parts(*HEAD, ("background", 0, 85, 160, 160))
    tracker = Tracker(FakeDetector([detection(FACE)]), PARTS, redetect_every=1000)
    for index in range(90):
        regions = tracker.regions(rgb_frame(scene()))
        seen = half if 20 <= index < 50 else whole
        in_frame = [_seen_from(tracked.region, seen) for tracked in regions]
        blank = np.zeros((160, 160, 3), np.uint8)
        faces = [
            ParsedFace(tracked.track_id, tracked.region, blank, parsed)
            for tracked, parsed in zip(regions, in_frame, strict=True)
        ]
        (face,) = tracker.update(faces)
        left, top, right, bottom = face.region.box_xyxy
        assert left < 130 < 190 < right  # the face's own box, which the crop must hold
        assert top < 80
        assert bottom > 160
    assert face.track_id == 0
    assert face.region.side == pytest.approx(160, rel=0.15)


def _seen_from(region: Region, probabilities: U8) -> U8:
    """What a region sees of a face that stands still, parsed in the region of its detection."""
    first = Region(160, 120, 160)
    affine = crop_from_frame(region, 160) @ np.vstack([frame_from_crop(first, 160), [0, 0, 1]])
    ids = probabilities.argmax(2).astype(np.uint8)
    moved = cv2.warpAffine(ids, centres(affine), (160, 160), flags=cv2.INTER_NEAREST)
    return np.asarray(np.eye(13, dtype=np.uint8)[moved] * 255, np.uint8)
