"""Anchors, decoding and suppression."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.faces.detect import FULL, SHORT
from realtime.faces.finding.blazeface import FullFaceFromRaw, angle_deg, decode, iou, upward, weighted_nms


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_anchors_are_as_many_as_the_networks_answer_for() -> None:
    assert SHORT.anchors().shape == (896, 2)
    assert FULL.anchors().shape == (2304, 2)


def test_first_anchors_of_the_short_range_share_the_first_cell() -> None:
    np.testing.assert_array_equal(SHORT.anchors()[:3], [(4, 4), (4, 4), (12, 4)])


def test_decode_places_a_box_around_its_anchor() -> None:
    regressors = np.zeros((2, 16), np.float32)
    regressors[1, :4] = (2, -3, 20, 10)
    found, scores = decode(regressors, np.array([-5, 0], np.float32), np.array([(0, 0), (50, 60)], np.float32), 0.4)
    np.testing.assert_allclose(found, [(42, 52, 62, 62, *(50, 60) * 6)])
    np.testing.assert_allclose(scores, [0.5])


def test_decode_finds_nothing_below_the_least_score() -> None:
    found, scores = decode(np.zeros((3, 16), np.float32), np.zeros(3, np.float32), np.zeros((3, 2), np.float32), 0.51)
    assert found.shape == (0, 16)
    assert scores.shape == (0,)


def test_nms_merges_one_face_and_keeps_another() -> None:
    found, scores = weighted_nms(
        boxes((0, 0, 10, 10), (1, 1, 11, 11), (50, 50, 60, 60)), np.array([0.6, 0.9, 0.7], np.float32)
    )
    np.testing.assert_allclose(found, [(0.6, 0.6, 10.6, 10.6), (50, 50, 60, 60)], atol=1e-5)
    np.testing.assert_allclose(scores, [0.9, 0.7])


def test_nms_of_nothing_is_nothing() -> None:
    found, scores = weighted_nms(boxes(), np.zeros(0, np.float32))
    assert found.shape == (0, 4)
    assert scores.shape == (0,)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 100)] * 4), max_size=20))
def test_nms_leaves_no_two_best_boxes_of_one_face(corners: list[tuple[float, float, float, float]]) -> None:
    candidates = boxes(*[(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners])
    scores = np.linspace(0.5, 0.9, len(candidates), dtype=np.float32)
    found, kept = weighted_nms(candidates, scores)
    assert len(found) == len(kept) <= len(candidates)
    assert (np.diff(kept) <= 0).all()


@pytest.mark.parametrize(
    ("other", "expected"), [((0, 0, 10, 10), 1.0), ((5, 0, 15, 10), 1 / 3), ((20, 0, 30, 10), 0.0), ((0, 0, 0, 0), 0.0)]
)
def test_iou(other: tuple[float, float, float, float], expected: float) -> None:
    assert iou(boxes((0, 0, 10, 10))[0], boxes(other))[0] == pytest.approx(expected)


@pytest.mark.parametrize("turned_deg", [0, 35, 90, 170, -135])
def test_the_upward_direction_is_that_of_eyes_and_mouth(turned_deg: float) -> None:
    upright = np.array([(-10, 0), (10, 0), (0, 8), (0, 16), (-20, 2), (20, 2)], np.float32)
    cos, sin = np.cos(np.radians(turned_deg)), np.sin(np.radians(turned_deg))
    clockwise = upright @ np.array([[cos, sin], [-sin, cos]], np.float32)
    assert angle_deg(upward(clockwise.reshape(1, 12)))[0] == pytest.approx(turned_deg, abs=1e-3)


def test_full_face_lies_above_the_raw_box_in_the_face_s_own_direction() -> None:
    mapped = FullFaceFromRaw(shift_xy=(0, -0.25), scale_xy=(1, 1))
    to_the_right = np.array([(1, 0)], np.float32)  # of who is turned clockwise by 90 degrees
    np.testing.assert_allclose(mapped(boxes((0, 0, 20, 20)), to_the_right), [(5, 0, 25, 20)], atol=1e-6)


def test_full_face_is_taller_than_the_raw_box() -> None:
    mapped = FullFaceFromRaw(shift_xy=(0, -0.25), scale_xy=(1, 1.5))(boxes((0, 0, 10, 20)))
    np.testing.assert_allclose(mapped, [(0, -10, 10, 20)])
