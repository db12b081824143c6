"""Regions that are turned: their crops are upright, and what was found in them comes back to its place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from realtime.frames.crop import (
    aligned,
    box_on_frame,
    channel_on_frame,
    crop_depth,
    crop_rgb,
    frame_from_crop,
    probabilities_on_frame,
    window_on_frame,
)
from realtime.frames.types import U8, Depth, Region
from tests.fakes.pipeline import rgb_frame, yuv_frame

SIZE = 480
MIDDLE = SIZE / 2


def upright() -> U8:
    """(480, 480, 3): a soft picture, no two corners of which are alike."""
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def turned(picture: U8, angle_deg: float) -> U8:
    """The picture turned clockwise about its middle."""
    affine = cv2.getRotationMatrix2D((MIDDLE - 0.5, MIDDLE - 0.5), -angle_deg, 1)
    return np.asarray(cv2.warpAffine(picture, affine, (SIZE, SIZE)), np.uint8)


@pytest.mark.parametrize("angle_deg", [30, 90, -135, 180, 247.5, -90])
@pytest.mark.parametrize("side", [100.0, 300.0])
@pytest.mark.parametrize("make", [rgb_frame, yuv_frame])
def test_the_crop_of_a_turned_picture_is_the_upright_one(angle_deg: float, side: float, make: type) -> None:
    picture = upright()
    expected = crop_rgb(make(picture), Region(MIDDLE, MIDDLE, side), 128).astype(int)
    crop = crop_rgb(make(turned(picture, angle_deg)), Region(MIDDLE, MIDDLE, side, angle_deg), 128)
    # `yuv_frame` puts chroma in the middle of four pixels, and a video to their left: turning shifts it a little.
    assert np.abs(crop - expected).mean() < (2 if make is rgb_frame else 4)


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_quarter_turn_changes_no_pixel(quarter_turns: int) -> None:
    picture, region = upright(), aligned(Region(MIDDLE - 20, MIDDLE + 64, 200.5), 128)
    x, y = region.centre_x - MIDDLE, region.centre_y - MIDDLE
    for _ in range(quarter_turns):
        x, y = -y, x
    expected = crop_rgb(rgb_frame(picture), region, 128)
    clockwise = rgb_frame(np.ascontiguousarray(np.rot90(picture, -quarter_turns)))
    moved = Region(MIDDLE + x, MIDDLE + y, region.side, 90 * quarter_turns)
    assert np.abs(crop_rgb(clockwise, moved, 128).astype(int) - expected).mean() < 0.5


def test_a_small_crop_of_a_large_turned_region_does_not_alias() -> None:
    stripes = np.zeros((SIZE, SIZE, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = crop_rgb(rgb_frame(stripes), Region(MIDDLE, MIDDLE, 300, 37), 64)
    assert np.abs(crop[4:-4, 4:-4].astype(int) - 127).max() <= 3


def test_turned_depth_is_upright_in_its_crop() -> None:
    steps = np.full((SIZE, SIZE), 900, np.uint16)
    steps[200:280, 300:340] = 600  # nearer, to the right of the middle: above it for who is turned by 90 degrees
    crop = crop_depth(Depth(steps, 0.001), Region(MIDDLE, MIDDLE, 256, 90), 128)[:, :, 0]
    near = np.argwhere(crop != crop[64, 64])
    assert near[:, 0].max() < 64
    assert abs(near[:, 1].mean() - 63.5) < 2


@pytest.mark.parametrize("angle_deg", [30, 90, -135, 180])
@pytest.mark.parametrize("side", [100.0, 300.0])
def test_a_channel_comes_back_to_its_place(angle_deg: float, side: float) -> None:
    region = Region(MIDDLE + 11.3, MIDDLE - 7.8, side, angle_deg)
    channel = crop_rgb(rgb_frame(upright()), region, 128)[:, :, 0]
    left, top, right, bottom = window = window_on_frame(region, (SIZE, SIZE))
    back = channel_on_frame(channel, region, window)
    inside = channel_on_frame(np.full((128, 128), 255, np.uint8), region, window) == 255
    inside[[0, 1, -2, -1]] = inside[:, [0, 1, -2, -1]] = False
    assert inside.mean() > 0.45
    assert np.abs(back.astype(int) - upright()[top:bottom, left:right, 0])[inside].mean() < 3


def test_beside_a_turned_crop_there_is_background() -> None:
    face = np.zeros((128, 128, 3), np.uint8)
    face[:, :, 1] = 255  # it fills the crop to its edge, where a repeated edge would spread it
    _, values = probabilities_on_frame(face, Region(MIDDLE, MIDDLE, 200, 45), (SIZE, SIZE))
    assert values[2, 2].tolist() == values[-3, -3].tolist() == [255, 0, 0]
    assert values[len(values) // 2, len(values) // 2].tolist() == [0, 255, 0]


@pytest.mark.parametrize("angle_deg", [0, 30, 90, -135])
def test_the_box_on_the_frame_just_holds_the_corners(angle_deg: float) -> None:
    region = Region(100, 200, 64, angle_deg)
    corners = np.array([[10, 20, 1], [90, 20, 1], [10, 60, 1], [90, 60, 1]]) @ frame_from_crop(region, 128).T
    box = box_on_frame((10, 20, 90, 60), region, 128)
    np.testing.assert_allclose(box, [*corners.min(axis=0), *corners.max(axis=0)], atol=1e-9)
