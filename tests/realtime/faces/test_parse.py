"""One batch per frame."""

from __future__ import annotations

import numpy as np

from realtime.faces.parse import crop_faces, parse_faces
from realtime.faces.tracker import TrackedRegion
from realtime.frames.crop import crop_rgb
from realtime.frames.types import Region
from tests.fakes.pipeline import FakeEngine, rgb_frame, scene

FRAME = rgb_frame(scene(faces=[(100, 120, 80), (220, 120, 80)]))
REGIONS = [TrackedRegion(4, Region(100, 120, 120)), TrackedRegion(7, Region(220, 120, 120))]


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
