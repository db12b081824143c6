"""Upright squares, made quickly, are those that a plain warp makes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.frames.crop import aligned, crop_rgb
from realtime.frames.resampling import block_before, warp, warp_upright
from realtime.frames.types import U8, Region
from tests.fakes.pipeline import rgb_frame, scene, yuv_frame


def noise(size_wh: tuple[int, int] = (640, 480)) -> U8:
    width, height = size_wh
    grains = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return cv2.GaussianBlur(grains, (0, 0), 2)


def plain(image: U8, left: float, top: float, scale: float, size_px: int, border: int) -> U8:
    return warp(image, np.array([[scale, 0, -left * scale], [0, scale, -top * scale]]), size_px, border)


@settings(deadline=None, max_examples=200)
@given(st.integers(-300, 700), st.integers(-300, 500), st.floats(30, 1500), st.sampled_from([128, 256]), st.booleans())
def test_it_agrees_with_a_plain_warp(left: int, top: int, side: float, size_px: int, gray: bool) -> None:
    scale = size_px / side
    step = block_before(scale)
    left, top = left // step * step, top // step * step
    image = noise()[:, :, 0] if gray else noise()
    quick = warp_upright(image, left, top, scale, size_px, 16).astype(int)
    expected = plain(image, left, top, scale, size_px, 16)
    assert quick.shape == expected.shape
    edge = int(np.ceil(scale)) + 1  # the outermost half pixel of the image
    inner = (slice(edge, -edge), slice(edge, -edge))
    # The image's own border may cut a block in two: both fill it up, and then disagree on where it ends.
    # Where the averaged blocks are scaled by so little that their number stays the same, OpenCV copies them: half a
    # pixel off at the far edges, which is 10 grey levels of this noise.
    allowed = 10 if abs(scale * step - 1) < 0.005 else 3
    assert np.percentile(np.abs(quick - expected)[inner], 98) <= allowed


def test_a_square_off_the_grid_is_the_plain_warp_itself() -> None:
    image = noise()
    np.testing.assert_array_equal(warp_upright(image, 10.5, 20.25, 0.7, 128), plain(image, 10.5, 20.25, 0.7, 128, 0))


@pytest.mark.parametrize("place", [(-500, 0), (0, 480), (640, 0), (2000, 2000)])
def test_a_square_outside_the_image_is_border(place: tuple[int, int]) -> None:
    square = warp_upright(noise(), *place, 0.5, 128, 16)
    assert square.shape == (128, 128, 3)
    assert (square == 16).all()


@pytest.mark.parametrize("side", [60.0, 170.0, 300.5, 470.0])
def test_an_aligned_crop_of_a_video_has_its_colours_where_they_belong(side: float) -> None:
    picture = cv2.GaussianBlur(scene((640, 480), [(301, 222, 160)]), (0, 0), 3)
    region = aligned(Region(310.3, 215.8, side), 128)
    crops = [crop_rgb(frame, region, 128).astype(int) for frame in (rgb_frame(picture), yuv_frame(picture))]
    assert np.abs(crops[0] - crops[1]).mean() < 2
