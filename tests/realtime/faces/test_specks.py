"""Specks in masks are given to what surrounds them; real occluders stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.spec import BACKGROUND, FACE, OCCLUSION, PART_LABELS, ModelSpec
from realtime.faces.specks import remove_specks, without_specks
from realtime.frames.types import U8, ParsedFace, Region
from tests.fakes.pipeline import SPEC


def face_mask() -> U8:
    """A face of 64 x 88 pixels: specks are up to 67 pixels large."""
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[..., BACKGROUND] = 255
    fill(probabilities, (20, 108, 32, 96), FACE)
    return probabilities


def fill(probabilities: U8, place: tuple[int, int, int, int], label: int, share: int = 255) -> None:
    """Give a rectangle (top, bottom, left, right) to a label; what is left of it to the face."""
    top, bottom, left, right = place
    part = probabilities[top:bottom, left:right]
    part[:] = 0
    part[..., FACE] = 255 - share
    part[..., label] += np.uint8(share)


def ids(probabilities: U8) -> U8:
    return probabilities.argmax(2).astype(np.uint8)


def test_a_speck_of_occlusion_in_the_face_is_face_and_so_is_what_fades_around_it() -> None:
    probabilities = face_mask()
    fill(probabilities, (49, 56, 59, 66), OCCLUSION, 100)
    fill(probabilities, (50, 55, 60, 65), OCCLUSION, 200)
    np.testing.assert_array_equal(remove_specks(probabilities), face_mask())


def test_a_speck_of_face_on_a_hand_is_occlusion() -> None:
    probabilities = face_mask()
    fill(probabilities, (60, 100, 40, 90), OCCLUSION)
    expected = probabilities.copy()
    fill(probabilities, (70, 74, 50, 60), FACE)
    np.testing.assert_array_equal(remove_specks(probabilities), expected)


def test_a_speck_of_face_beside_the_face_is_background() -> None:
    probabilities = face_mask()
    fill(probabilities, (110, 114, 100, 108), FACE)
    assert ids(remove_specks(probabilities))[112, 104] == BACKGROUND


@pytest.mark.parametrize(
    "place",
    [
        (50, 60, 60, 70),  # a microphone's tip
        (50, 58, 92, 100),  # a finger that comes in from the side: small, but half of what is around it is background
    ],
)
def test_what_may_be_a_thing_stays(place: tuple[int, int, int, int]) -> None:
    probabilities = face_mask()
    fill(probabilities, place, OCCLUSION)
    assert remove_specks(probabilities) is probabilities


def test_specks_close_together_do_not_take_each_others_probability() -> None:
    probabilities = face_mask()
    fill(probabilities, (50, 54, 60, 64), OCCLUSION)
    fill(probabilities, (50, 70, 65, 85), OCCLUSION)
    found = ids(remove_specks(probabilities))
    assert (found[50:54, 60:64] == FACE).all()
    assert (found[50:70, 65:85] == OCCLUSION).all()


def test_a_mask_without_specks_is_the_same_array_and_so_is_an_empty_one() -> None:
    for probabilities in (face_mask(), np.zeros((128, 128, 3), np.uint8)):
        assert remove_specks(probabilities) is probabilities


@given(st.integers(0, 2**32 - 1))
def test_whatever_comes_probabilities_add_up_as_before(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.dirichlet((0.3, 0.3, 0.3), (16, 16))
    probabilities = np.repeat(np.repeat(np.floor(coarse * 255).astype(np.uint8), 4, 0), 4, 1)
    before = probabilities.copy()
    after = remove_specks(probabilities)
    np.testing.assert_array_equal(probabilities, before)
    np.testing.assert_array_equal(after.sum(2, dtype=int), before.sum(2, dtype=int))


def test_parts_are_small_and_stay() -> None:
    probabilities = face_mask()
    fill(probabilities, (50, 55, 60, 65), OCCLUSION)
    face = ParsedFace(0, Region(64, 64, 128), np.zeros((128, 128, 3), np.uint8), probabilities)
    assert without_specks([face], ModelSpec("parts", PART_LABELS))[0] is face
    assert ids(without_specks([face], SPEC)[0].probabilities)[52, 62] == FACE


def test_where_no_face_may_show_an_eye_between_fingers_stays_face() -> None:
    probabilities = face_mask()
    fill(probabilities, (60, 100, 40, 90), OCCLUSION)
    fill(probabilities, (70, 74, 50, 60), FACE)
    assert remove_specks(probabilities, of_face=False) is probabilities
