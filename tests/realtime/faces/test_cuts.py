"""Cuts: found between shots, and nowhere within one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from realtime.faces.cuts import CutDetector
from realtime.frames.types import U8
from tests.fakes.pipeline import rgb_frame, scene, yuv_frame


def shot(seed: int, size_wh: tuple[int, int] = (320, 180)) -> U8:
    """A picture of smooth, random structure."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC), np.uint8)


def is_cut(before: U8, after: U8) -> bool:
    detector = CutDetector()
    assert not detector.is_cut(rgb_frame(before)), "the first frame"
    return detector.is_cut(rgb_frame(after))


@pytest.mark.parametrize("seed", range(20))
def test_another_shot_is_a_cut(seed: int) -> None:
    assert is_cut(shot(seed), shot(seed + 100))


def test_a_flat_wall_after_a_face_is_a_cut() -> None:
    assert is_cut(shot(0), np.full((180, 320, 3), 90, np.uint8))


def test_a_flash_is_no_cut() -> None:
    assert not is_cut(shot(1), cv2.convertScaleAbs(shot(1), alpha=0.6, beta=90))


@pytest.mark.parametrize("shift", [(30, 0), (-30, 15), (0, -18)])
def test_a_camera_that_moves_quickly_is_no_cut(shift: tuple[int, int]) -> None:
    wide = shot(2, (480, 320))
    (x, y), (left, top) = shift, (80, 70)
    assert not is_cut(
        wide[top : top + 180, left : left + 320], wide[top + y : top + y + 180, left + x : left + x + 320]
    )


def test_something_that_crosses_the_picture_is_no_cut() -> None:
    crossed = shot(3).copy()
    crossed[60:140, 100:180] = (200, 150, 120)
    assert not is_cut(shot(3), crossed)


def test_planes_of_a_decoder_are_compared_too() -> None:
    detector = CutDetector()
    frames = [yuv_frame(shot(4)), yuv_frame(shot(4)), yuv_frame(shot(105)), yuv_frame(scene((180, 320)))]
    assert [detector.is_cut(frame) for frame in frames] == [False, False, True, True]
