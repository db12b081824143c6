import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.frames.depth import MIDDLE, NOTHING, STEP_M, depth_gray, gray_depth


def crop(metres=0.6, size=32):
    return np.full((size, size), metres, np.float32)


def test_the_median_of_the_middle_is_middle_gray():
    depth = crop()
    depth[:8] = 0.9  # outside the middle half
    gray = depth_gray(depth)
    assert gray.shape == (32, 32, 3)
    assert gray.dtype == np.uint8
    assert (gray[8:24, 8:24] == MIDDLE).all()
    assert (gray[:8] == 1).all()


def test_nearer_is_brighter_by_one_level_a_step():
    depth = crop()
    depth[10, 10] -= 10 * STEP_M
    depth[10, 11] += 10 * STEP_M
    gray = depth_gray(depth)[:, :, 0]
    assert gray[10, 10] == MIDDLE + 10
    assert gray[10, 11] == MIDDLE - 10


def test_the_distance_of_the_camera_does_not_show():
    depth = crop() + np.linspace(0, 0.1, 32, dtype=np.float32)
    assert np.abs(depth_gray(depth).astype(int) - depth_gray(depth + 1.7)).max() <= 1


def test_what_was_not_measured_is_zero_and_moves_nothing():
    depth = crop()
    depth[12:20, 12:20] = 0
    depth[0, 0], depth[0, 1], depth[0, 2] = np.nan, np.inf, -1.0
    gray = depth_gray(depth)[:, :, 0]
    assert (gray[12:20, 12:20] == NOTHING).all()
    assert (gray[0, :3] == NOTHING).all()
    assert gray[9, 9] == MIDDLE


def test_far_and_near_are_clipped_and_never_look_unmeasured():
    depth = crop()
    depth[0, 0], depth[0, 1] = 5.0, 0.01
    gray = depth_gray(depth)[:, :, 0]
    assert (gray[0, 0], gray[0, 1]) == (1, 255)


def test_an_empty_middle_falls_back_to_the_whole_crop():
    depth = np.zeros((32, 32), np.float32)
    depth[:4] = 0.8
    assert (depth_gray(depth)[:4] == MIDDLE).all()


def test_an_empty_crop_is_black():
    assert not depth_gray(np.zeros((16, 16), np.float32)).any()


@given(st.floats(0.3, 3.0), st.floats(-0.15, 0.15))
def test_decoding_gives_the_depth_behind_the_median(metres, offset):
    depth = crop(metres)
    depth[0, 0] += offset
    decoded = gray_depth(depth_gray(depth))
    assert decoded[0, 0] == pytest.approx(offset, abs=STEP_M / 2 + 1e-5)
    assert decoded[16, 16] == 0


def test_decoding_one_channel_is_decoding_three():
    gray = depth_gray(crop() + np.linspace(0, 0.1, 32, dtype=np.float32))
    np.testing.assert_array_equal(gray_depth(gray), gray_depth(gray[:, :, 0]))


def test_decoding_says_where_nothing_was_measured():
    depth = crop()
    depth[3, 4] = 0
    assert np.argwhere(np.isnan(gray_depth(depth_gray(depth)))).tolist() == [[3, 4]]


def test_depth_needs_no_heavy_package(run_fresh):
    code = (
        "import realtime.frames.depth, sys; print(*(m for m in ('torch', 'mediapipe', 'openvino') if m in sys.modules))"
    )
    assert run_fresh(code).stdout.strip() == ""
