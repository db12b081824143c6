"""From crops to mattes on the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.frames.crop import NO_WINDOW
from realtime.frames.types import U8, ParsedFace, Region
from realtime.render.matte import Matte, crisp, face_window, matte_of


def parsed(region: Region, box: tuple[int, int, int, int] = (32, 32, 96, 96), value: int = 255) -> ParsedFace:
    left, top, right, bottom = box
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[top:bottom, left:right, 1] = value
    probabilities[:, :, 0] = 255 - probabilities[:, :, 1]
    return ParsedFace(0, region, np.zeros((128, 128, 3), np.uint8), probabilities)


def face_channel(face: ParsedFace) -> U8:
    return face.probabilities[:, :, 1]


def test_window_holds_the_face_and_little_more() -> None:
    assert face_window(parsed(Region(200, 200, 256)), (640, 480)) == (134, 134, 266, 266)


def test_the_window_of_a_turned_face_holds_its_corners() -> None:
    assert face_window(parsed(Region(200, 200, 256, 90)), (640, 480)) == (134, 134, 266, 266)
    assert face_window(parsed(Region(200, 200, 256, 45)), (640, 480)) == (106, 106, 294, 294)


@settings(deadline=None)
@given(st.floats(-200, 800), st.floats(-200, 800), st.floats(10, 900), st.floats(-180, 180))
def test_windows_are_even_and_inside_the_frame(x: float, y: float, side: float, angle_deg: float) -> None:
    window = face_window(parsed(Region(x, y, side, angle_deg)), (641, 479))
    assert all(edge % 2 == 0 for edge in window)
    assert 0 <= window[0] <= window[2] <= 642
    assert 0 <= window[1] <= window[3] <= 480


@pytest.mark.parametrize(
    "face",
    [parsed(Region(-500, 0, 100)), parsed(Region(200, 200, 256), value=0), parsed(Region(200, 200, 256), value=50)],
)
def test_nothing_to_show_has_no_window(face: ParsedFace) -> None:
    assert face_window(face, (640, 480)) == NO_WINDOW


def test_where_faces_overlap_the_highest_counts() -> None:
    faces = [parsed(Region(200, 200, 256), value=200), parsed(Region(240, 200, 256), value=120)]
    windows = [face_window(face, (640, 480)) for face in faces]
    matte = matte_of(faces, windows, face_channel)
    row = matte.at((140, 200, 302, 202))[0]
    assert row[20] == row[80] == 200
    assert row[150] == 120
    background = matte_of(faces, windows, lambda face: face.probabilities[:, :, 0], least=True)
    np.testing.assert_allclose(background.values, 255 - matte.values, atol=1)


def test_crisp_keeps_the_middle_and_halves_the_edge() -> None:
    values = crisp(Matte((0, 0, 256, 1), np.arange(256, dtype=np.uint8)[None])).values[0]
    assert values[:65].max() == 0
    assert values[128] == 128
    assert values[192:].min() == 255
