"""Steps of a tracker on drawn faces."""

from __future__ import annotations

import cv2

from realtime.faces.face_parser import crop_faces, parse_faces
from realtime.faces.following.tracker import Tracker
from realtime.faces.tiles import padded_views, tiles_of_frame
from realtime.frames.types import U8, Detection, ParsedFace
from tests.fakes.pipeline import SPEC, FakeEngine, LowConfidenceEngine, face_box, rgb_frame, scene

FACE = (160.0, 120.0, 80.0)
OTHER = (250.0, 60.0, 60.0)


def detection(face: tuple[float, float, float], score: float = 0.9) -> Detection:
    return Detection(face_box(*face), score)


def tracked(tracker: Tracker, picture: U8, engine: FakeEngine) -> list[ParsedFace]:
    """The tracker's own part of a step: no face is parsed a second time, so that each test sees one update."""
    frame = rgb_frame(picture)
    regions = tracker.regions(frame)
    return tracker.update(parse_faces(engine, crop_faces(frame, regions, SPEC.size_px), regions))


def step(tracker: Tracker, **picture: object) -> list[ParsedFace]:
    return tracked(tracker, scene(**picture), FakeEngine())  # type: ignore[arg-type]


def low_confidence_step(tracker: Tracker) -> list[ParsedFace]:
    return tracked(tracker, scene(), LowConfidenceEngine())


WIDE = (1280, 720)
SMALL = (300.0, 300.0, 60.0)


ALL_TILES = len(tiles_of_frame(WIDE)) + len(padded_views(WIDE))


def wide_step(
    tracker: Tracker, engine: FakeEngine, faces: list[tuple[float, float, float]], brighter: int = 0
) -> list[ParsedFace]:
    """One 720p frame."""
    return tracked(tracker, cv2.add(scene(WIDE, faces), (brighter,) * 4), engine)


def with_background(probabilities: U8) -> U8:
    values = probabilities.copy()
    values[:, :, 0] = 255 - values[:, :, 1:].max(axis=2)
    return values
