"""The face finder that ships must work: its engines, its card, a face of the sample clip whichever way it is turned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engines.finder import SHEET, SHIPPED
from engines.finder.engine import load_finder
from engines.finder.manifest import read_finder_manifest
from engines.manifest import sha256_of
from realtime.faces.finding.finder import FaceFinder
from realtime.frames.types import U8, Frame
from realtime.tools.demo.clip import frames


@pytest.fixture(scope="module")
def picture() -> U8:
    """The first frame of the clip."""
    return np.ascontiguousarray(next(iter(frames(range(1)))))


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_engines_are_whole_and_come_from_the_weights_beside_them(precision: str) -> None:
    manifest = read_finder_manifest(SHIPPED / precision)
    assert manifest.checkpoint_sha256 == sha256_of(SHIPPED / "finder.safetensors")
    assert manifest.low_confidence < manifest.threshold
    assert manifest.largest_difference < {"int8": 0.4, "fp32": 0.01}[precision]  # of the steep calibrated confidence


def test_card_says_what_it_must() -> None:
    card = (SHIPPED / "card.md").read_text(encoding="utf-8")
    for heading in ("## Data", "## Recipe", "## Results", "## Limits"):
        assert heading in card, heading
    assert SHEET.is_file()


@pytest.mark.parametrize("quarters", range(4))
def test_a_face_is_found_whichever_way_the_picture_is_turned(quarters: int, picture: U8) -> None:
    turned = np.ascontiguousarray(np.rot90(picture, -quarters))
    (face,) = FaceFinder(load_finder()).detect(Frame((turned,), "rgb"))
    away = (face.angle_deg - 90 * quarters + 180) % 360 - 180
    assert abs(away) < 40


def test_a_wall_and_a_box_are_no_faces() -> None:
    wall = np.full((480, 640, 3), 90, np.uint8)
    cv2.rectangle(wall, (200, 100), (400, 380), (180, 140, 120), -1)
    assert FaceFinder(load_finder()).detect(Frame((wall,), "rgb")) == []
