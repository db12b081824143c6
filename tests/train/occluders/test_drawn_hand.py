from __future__ import annotations

import cv2
import numpy as np

from train.occluders.drawn_hand import draw_hand

SIZE = 128
SKIN = np.array((170, 140, 145), np.float32)  # Lab
CLOTH = np.broadcast_to(np.array((0, 0, 255), np.float32), (SIZE, SIZE, 3))


def hands(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    at = np.array((64, 64), np.float32)
    return [draw_hand(SIZE, at, 85, SKIN, CLOTH, np.random.default_rng(seed)) for seed in range(count)]


def test_a_hand_has_pixels_and_an_edge() -> None:
    for rgb, alpha in hands(20):
        assert (rgb.shape, rgb.dtype, alpha.shape, alpha.dtype) == ((SIZE, SIZE, 3), "float32", (SIZE, SIZE), "float32")
        assert rgb.min() >= 0 and rgb.max() <= 255 and alpha.min() >= 0 and alpha.max() == 1
        assert alpha[64, 64] == 1, "the palm is where it was asked for"
        assert 0.03 < (alpha > 0.5).mean() < 0.6
        assert ((alpha > 0) & (alpha < 1)).any()


def test_a_hand_is_one_piece() -> None:
    for _, alpha in hands(20):
        pieces, _ = cv2.connectedComponents((alpha > 0.3).astype(np.uint8))
        assert pieces <= 3, "the background, the hand, and at most a fingertip that a corner of the crop cuts off"


def test_the_palm_has_about_the_faces_skin_and_some_arms_a_sleeve() -> None:
    palms, sleeved = [], 0
    for rgb, alpha in hands(40):
        palms.append(cv2.cvtColor(rgb[60:68, 60:68].astype(np.uint8), cv2.COLOR_RGB2LAB).reshape(-1, 3).mean(axis=0))
        blue = (rgb[:, :, 2] > rgb[:, :, 0] + 60) & (alpha > 0.9)
        sleeved += bool(blue.any())
    assert np.abs(np.mean(palms, axis=0) - SKIN).max() < 25
    assert 10 < sleeved < 40


def test_the_same_seed_draws_the_same_hand() -> None:
    (one, _), (other, _) = hands(1)[0], hands(1)[0]
    assert np.array_equal(one, other)
