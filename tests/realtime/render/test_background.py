"""Another background lies behind faces only; what lies on a face goes with it or is kept."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import UsageError
from realtime.faces.face_parser import FaceParser
from realtime.frames.types import U8, Detection, Frame, ParsedFace
from realtime.options import Options
from realtime.render.background import Blurred, Picture, PlainColour, background_of
from realtime.render.draw import render
from realtime.render.look import Look
from realtime.video.av_frame import rgb_from_frame
from tests.fakes.pipeline import GREY, SPEC, FakeDetector, FakeEngine, face_box, rgb_frame, scene, yuv_frame

WHITE = (255, 255, 255)
PICTURE = scene((321, 241), covers=[(150, 100, 170, 200)])
FACE, HAND, WALL = (110, 135), (120, 160), (20, 20)  # row and column


def faces_of(frame: Frame) -> list[ParsedFace]:
    with FaceParser(FakeEngine(), FakeDetector([Detection(face_box(160, 120, 80), 0.9)])) as parser:
        return parser.step(frame)


def drawn(look: Look, make: object = rgb_frame) -> U8:
    frame = make(PICTURE)  # type: ignore[operator]
    return rgb_from_frame(render(frame, faces_of(frame), look, SPEC))


@pytest.mark.parametrize("make", [rgb_frame, yuv_frame])
@pytest.mark.parametrize("kept", [False, True])
def test_a_colour_is_behind_the_face_and_in_place_of_what_lies_on_it(make: object, kept: bool) -> None:
    picture = drawn(Look("cutout", kept, background=PlainColour(WHITE)), make).astype(int)
    assert np.abs(picture[WALL] - WHITE).max() < 4
    assert np.abs(picture[FACE] - PICTURE[FACE].astype(int)).max() < 12
    assert np.abs(picture[HAND] - (PICTURE[HAND].astype(int) if kept else WHITE)).max() < 12


def test_an_overlay_tints_the_face_before_another_background_and_no_face_is_all_background() -> None:
    look = Look(background=PlainColour(WHITE))
    picture = drawn(look)
    assert picture[WALL].tolist() == list(WHITE)
    assert (picture[FACE] == drawn(Look())[FACE]).all()
    nobody = render(rgb_frame(PICTURE), [], look, SPEC).planes[0]
    assert (nobody == 255).all()


@pytest.mark.parametrize("make", [rgb_frame, yuv_frame])
def test_a_picture_fills_the_frame_and_a_blur_keeps_colours_without_edges(make: object, tmp_path: Path) -> None:
    halves = np.zeros((100, 400, 3), np.uint8)
    halves[:, 200:] = 255
    cv2.imwrite(str(tmp_path / "halves.png"), halves)
    behind = drawn(Look("cutout", background=background_of(str(tmp_path / "halves.png"))), make)
    assert behind[5, 5].max() < 4
    assert behind[5, -5].min() > 251
    stripes = np.full((241, 321, 3), GREY, np.uint8)
    stripes[:, ::2] = 200
    soft = rgb_from_frame(render(make(stripes), [], Look(background=Blurred(6)), SPEC))  # type: ignore[operator]
    assert soft.std() < 4
    assert abs(soft.mean() - stripes.mean()) < 3


def test_a_background_is_named_by_a_colour_a_file_or_a_blur(tmp_path: Path) -> None:
    assert background_of("white") == background_of("#fff") == background_of("ffffff") == PlainColour(WHITE)
    assert (background_of("blur"), background_of("blur:2.5")) == (Blurred(), Blurred(2.5))
    (tmp_path / "white").write_bytes(cv2.imencode(".png", PICTURE)[1].tobytes())
    assert isinstance(background_of(str(tmp_path / "white")), Picture)


@pytest.mark.parametrize("text", ["nosuch.png", "blur:0", "blur:x", "#12345", ""])
def test_what_is_no_background_is_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="background"):
        background_of(text)


def test_data_has_no_background(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match="cannot be read as a picture"):
        Options(background=str(tmp_path / "broken.png"))
    with pytest.raises(UsageError, match=r"--background is for --render .*got --render labels"):
        Options("labels", background="white")
    ids = drawn(Look("labels", background=PlainColour(WHITE)))
    assert (ids == drawn(Look("labels"))).all()


def test_an_overlay_shows_only_the_labels_that_were_chosen() -> None:
    only = drawn(Look(shown_labels=frozenset({"occlusion"})))
    assert (only[FACE] == PICTURE[FACE]).all()
    assert (only[HAND] == drawn(Look())[HAND]).all()
    assert (drawn(Look(shown_labels=frozenset())) == PICTURE).all()
    assert (drawn(Look(opacity=0)) == PICTURE).all()
