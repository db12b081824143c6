"""Depth crops: as in training, and sound before a wall."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.frames.crop import crop_depth, crop_from_frame, region_from_box
from realtime.frames.depth import MIDDLE, depth_gray, without_wall
from realtime.frames.resampling import warp_depth
from realtime.frames.types import U16, Depth, Region
from tests.fakes.depth import PARTS_DEPTH

STEP_M = 0.0001
BOX = (104.0, 70.0, 176.0, 170.0)


def head(wall_m: float | None = None) -> U16:
    """(240, 280) in tenths of a millimetre: an ellipse bulging to 0.8 m, and what is behind it."""
    y, x = np.mgrid[0.5:240, 0.5:280]
    bulge = 1 - ((x - 140) / 40) ** 2 - ((y - 120) / 52) ** 2
    behind = 0 if wall_m is None else round(wall_m / STEP_M)
    return np.where(bulge > 0, 9000 - 1000 * np.sqrt(np.maximum(bulge, 0)), behind).astype(np.uint16)


def test_a_head_alone_is_encoded_as_in_training() -> None:
    region = region_from_box(BOX, PARTS_DEPTH.crop_scale)
    steps = warp_depth(head(), crop_from_frame(region, 64), 64)
    expected = depth_gray(steps.astype(np.float32) * np.float32(STEP_M))
    np.testing.assert_array_equal(crop_depth(Depth(head(), STEP_M), region, 64), expected)
    assert expected.max() > MIDDLE


def test_the_training_crop_of_a_stored_face_is_that_of_the_frame() -> None:
    from train.mutual.faces import PartsFace, crop_from_store, store_px
    from train.mutual.samples import cut

    region = region_from_box(BOX, PARTS_DEPTH.crop_scale)
    side = store_px(PARTS_DEPTH)
    stored = warp_depth(
        head(), crop_from_frame(Region(region.centre_x, region.centre_y, region.side * 1.5), side), side
    )
    blank = np.zeros((side, side), np.uint8)
    face = PartsFace("a", False, np.dstack([blank] * 3), blank, stored, STEP_M, blank, None)
    trained = cut(face, PARTS_DEPTH, crop_from_store(PARTS_DEPTH, np.eye(3))).depth
    live = crop_depth(Depth(head(), STEP_M), region, 64)[:, :, 0]
    near = np.abs(trained.astype(int) - live) <= 6  # both take the nearest pixel, one of a smaller picture
    assert near.mean() > 0.97


@pytest.mark.parametrize("shift", [0.0, 0.2])
@pytest.mark.parametrize("larger", [1.0, 1.4])
def test_a_far_wall_does_not_move_the_face(shift: float, larger: float) -> None:
    region = region_from_box(BOX, 2.0)
    region = Region(region.centre_x + shift * region.side, region.centre_y, region.side * larger)
    alone, walled = (crop_depth(Depth(head(wall), STEP_M), region, 64) for wall in (None, 2.0))
    np.testing.assert_array_equal(walled, alone)


def test_without_that_a_wall_would_turn_the_face_white() -> None:
    region = region_from_box(BOX, 2.0)
    region = Region(region.centre_x + 0.2 * region.side, region.centre_y, region.side)
    metres = warp_depth(head(2.0), crop_from_frame(region, 64), 64).astype(np.float32) * np.float32(STEP_M)
    face = (metres > 0) & (metres < 1)
    assert (depth_gray(metres)[face] == 255).mean() > 0.9
    assert (depth_gray(without_wall(metres))[face] == 255).mean() == 0


def test_depth_in_front_of_the_face_stays() -> None:
    depth = np.full((64, 64), 0.8, np.float32)
    depth[40:, :] = 0.3  # a hand
    np.testing.assert_array_equal(without_wall(depth)[40:], depth[40:])


def test_nothing_measured_stays_nothing() -> None:
    nothing = np.zeros((32, 32), np.float32)
    assert not without_wall(nothing).any()
    assert not crop_depth(Depth(np.zeros((48, 64), np.uint16), STEP_M), Region(32, 24, 40), 32).any()


def test_outside_the_frame_nothing_is_measured() -> None:
    gray = crop_depth(Depth(np.full((48, 64), 800, np.uint16), 0.001), Region(0, 24, 40), 32)
    assert not gray[:, :15].any()
    assert (gray[:, 17:] == MIDDLE).all()
