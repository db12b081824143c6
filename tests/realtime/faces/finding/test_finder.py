"""The finder over a frame and its tiles. A fake network finds the one bright square of a picture."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engines.errors import UsageError
from realtime.faces.finding.finder import FaceFinder, tiles_of_frame
from realtime.faces.finding.found_faces import cells
from realtime.frames.types import F32, U8, Frame, Region

SIZE = 64


class BrightSquare:
    """Finds the bright pixels of a picture: a face of their size, turned by 90 degrees."""

    manifest = SimpleNamespace(size_px=SIZE, threshold=0.5, low_confidence=0.2)

    def __init__(self, confidence: float = 0.9) -> None:
        self._logit = math.log(confidence / (1 - confidence))

    def __call__(self, picture: U8) -> F32:
        values = np.full((len(cells(SIZE)), 7), -9, np.float32)
        rows, columns = np.nonzero(picture[0, :, :, 0] > 128)
        if len(rows):
            centre, stride = np.array([columns.mean() + 0.5, rows.mean() + 0.5]), 8
            own = int(centre[1] // stride) * (SIZE // stride) + int(centre[0] // stride)
            x, y = (centre - cells(SIZE)[own, :2]) / stride
            width, height = (np.log((np.ptp(axis) + 1) / stride) for axis in (rows, columns))
            values[own] = (self._logit, x, y, width, height, 0, 1)
        return values


def frame_with(left: int, top: int, width: int, height: int) -> Frame:
    rgb = np.zeros((240, 320, 3), np.uint8)
    rgb[top : top + height, left : left + width] = 255
    return Frame((rgb,), "rgb")


def finder(confidence: float = 0.9, **options: Any) -> FaceFinder:
    engine: Any = BrightSquare(confidence)
    return FaceFinder(engine, **options)


def test_a_face_of_the_frame_has_its_box_in_its_own_upright_frame() -> None:
    (face,) = finder().detect(frame_with(100, 60, 60, 40))
    left, top, right, bottom = face.box_xyxy
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((130, 80), abs=3)
    assert (right - left, bottom - top) == pytest.approx((40, 60), abs=6)
    assert face.angle_deg == pytest.approx(90)
    assert not face.low_confidence


def test_a_low_confidence_face_is_found_only_when_asked_for() -> None:
    frame = frame_with(100, 60, 60, 40)
    assert finder(0.3).detect(frame) == []
    (face,) = finder(0.3).detect(frame, low_confidence=True)
    assert face.low_confidence
    assert face.score == pytest.approx(0.3)
    assert finder(0.1).detect(frame, low_confidence=True) == []


def test_a_tile_gives_a_small_face_and_leaves_a_cut_one_to_its_neighbour() -> None:
    frame = frame_with(160, 80, 20, 20)
    (face,) = finder().detect_in_tiles(frame, [Region(170, 90, 128)])
    assert face.box_xyxy == pytest.approx((160, 80, 180, 100), abs=2)
    assert finder().detect_in_tiles(frame, [Region(235, 90, 128)]) == [], "the tile's left edge cuts it"
    assert finder().detect_in_tiles(frame, [Region(170, 90, 30)]) == [], "it is too large for the tile"


def test_tiles_cover_a_frame_and_overlap() -> None:
    tiles = tiles_of_frame((1280, 720))
    assert len(tiles) == 6
    assert {tile.side for tile in tiles} == {640}
    assert min(tile.box_xyxy[0] for tile in tiles) == 0
    assert max(tile.box_xyxy[3] for tile in tiles) == 720
    assert tiles_of_frame((256, 256)) == []


def test_a_score_beyond_its_range_is_refused() -> None:
    with pytest.raises(UsageError, match="min_score is 1"):
        finder(min_score=1.0)
