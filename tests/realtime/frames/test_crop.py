"""The crop geometry, there and back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.frames.crop import (
    NO_WINDOW,
    aligned,
    channel_on_frame,
    crop_from_frame,
    crop_rgb,
    frame_from_crop,
    probabilities_on_frame,
    region_from_box,
    region_of_frame,
    window_on_frame,
)
from realtime.frames.resampling import centres
from realtime.frames.types import U8, Region
from tests.fakes.pipeline import rgb_frame, scene, yuv_frame

SIDES = st.floats(8, 3000)
PLACES = st.floats(-200, 2000)
ANGLES = st.floats(-180, 180)


def soft_noise(size_px: int = 128) -> U8:
    noise = np.random.default_rng(0).random((size_px, size_px)).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


@settings(deadline=None)
@given(PLACES, PLACES, SIDES, ANGLES)
def test_frame_from_crop_is_the_inverse_of_crop_from_frame(x: float, y: float, side: float, angle_deg: float) -> None:
    region = Region(x, y, side, angle_deg)
    there, back = (np.vstack([f(region, 128), [0, 0, 1]]) for f in (crop_from_frame, frame_from_crop))
    np.testing.assert_allclose(there @ back, np.eye(3), atol=1e-6)


@pytest.mark.parametrize("side", [40, 127.3, 300.7, 900.1])
def test_channel_on_frame_agrees_with_a_plain_warp(side: float) -> None:
    channel, region = soft_noise(), Region(300.37, 250.71, side)
    window = window_on_frame(region, (640, 480))
    affine = frame_from_crop(region, 128)
    affine[:, 2] -= window[:2]
    size_wh = (window[2] - window[0], window[3] - window[1])
    expected = cv2.warpAffine(
        channel, centres(affine), size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    difference = np.abs(channel_on_frame(channel, region, window).astype(int) - expected)
    assert difference.mean() < 1.5
    assert difference.max() <= 12


@settings(deadline=None, max_examples=60)
@given(PLACES, PLACES, st.floats(8, 1200))
def test_channel_on_frame_fills_its_window(x: float, y: float, side: float) -> None:
    region = Region(x, y, side)
    window = window_on_frame(region, (641, 479))
    if window == NO_WINDOW:
        return
    left, top, right, bottom = window
    assert left % 2 == top % 2 == 0
    assert channel_on_frame(np.full((128, 128), 77, np.uint8), region, window).shape == (bottom - top, right - left)


def test_a_shape_comes_back_where_it_was() -> None:
    picture = scene((640, 480), [(301, 222, 160)])
    region = Region(310.3, 215.8, 240.9)
    red = crop_rgb(rgb_frame(picture), region, 128)[:, :, 0]
    (left, top, right, bottom), back = probabilities_on_frame(red[:, :, None], region, (640, 480))
    shape = picture[top:bottom, left:right, 0] > 160
    found = back[:, :, 0] > 160
    assert (shape & found).sum() / (shape | found).sum() > 0.98


def test_a_region_outside_the_frame_has_no_window() -> None:
    window, values = probabilities_on_frame(np.zeros((128, 128, 3), np.uint8), Region(-300, 50, 100), (640, 480))
    assert window == NO_WINDOW
    assert values.shape == (0, 0, 3)


def test_outside_the_frame_the_crop_is_black() -> None:
    crop = crop_rgb(rgb_frame(np.full((100, 100, 3), 200, np.uint8)), Region(0, 50, 100), 128)
    assert crop[:, :63].max() == 0
    assert crop[8:-8, 65:].min() > 190


@pytest.mark.parametrize("side", [90.0, 300.5, 800.2])
def test_yuv_and_rgb_frames_give_the_same_crop(side: float) -> None:
    picture = cv2.GaussianBlur(scene((640, 480), [(301, 222, 160)]), (0, 0), 3)
    crops = [
        crop_rgb(frame, Region(300, 230, side), 128).astype(int) for frame in (rgb_frame(picture), yuv_frame(picture))
    ]
    assert np.abs(crops[0] - crops[1]).mean() < 2


@pytest.mark.parametrize("size_wh", [(1, 1), (90, 1001), (1283, 717)])
def test_any_frame_can_be_shrunk_whole(size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    frame = rgb_frame(np.full((height, width, 3), 200, np.uint8))
    crop = crop_rgb(frame, region_of_frame(size_wh), 128)
    assert crop[64, 64].min() > 0
    assert crop.max() == 200


def test_region_keeps_the_centre_and_scales_the_longer_side() -> None:
    assert region_from_box((10, 20, 50, 100), 1.5) == Region(30, 60, 120)


@settings(deadline=None, max_examples=200)
@given(PLACES, PLACES, SIDES, st.sampled_from([128, 192, 256]))
def test_aligning_a_region_moves_it_by_less_than_a_pixel_of_the_crop_and_once(
    x: float, y: float, side: float, size_px: int
) -> None:
    region = Region(x, y, side)
    moved = aligned(region, size_px)
    by = max(abs(moved.centre_x - x), abs(moved.centre_y - y))
    assert by * min(1.0, size_px / side) <= 0.625 + 1e-6
    assert moved.side == side
    assert aligned(moved, size_px) == moved
