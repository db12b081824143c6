"""Steady where nothing moves, at once where something does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from realtime.faces.smooth import Smoother, new_weight
from realtime.frames.types import U8, ParsedFace, Region

REGION = Region(100, 100, 128)


def texture(seed: int = 0, shift: int = 0) -> U8:
    noise = np.random.default_rng(seed).integers(0, 256, (192, 192, 3)).astype(np.uint8)
    return np.ascontiguousarray(cv2.GaussianBlur(noise, (0, 0), 3)[32:160, 32 + shift : 160 + shift])


def parsed(face_share: int, crop: U8, track_id: int = 0, region: Region = REGION) -> ParsedFace:
    probabilities = np.empty((128, 128, 3), np.uint8)
    probabilities[:] = (255 - face_share, face_share, 0)
    return ParsedFace(track_id, region, crop, probabilities)


def test_flicker_on_a_still_picture_is_averaged() -> None:
    smoother, crop = Smoother(), texture()
    shown = [smoother.smooth([parsed(160 if index % 2 else 100, crop)])[0] for index in range(20)]
    values = [int(face.probabilities[64, 64, 1]) for face in shown[10:]]
    assert max(values) - min(values) < 20
    assert 115 < np.mean(values) < 145


def test_a_changed_picture_is_followed_at_once() -> None:
    smoother = Smoother()
    smoother.smooth([parsed(0, texture())])
    (face,) = smoother.smooth([parsed(255, texture() // 2)])
    assert face.probabilities[:, :, 1].min() >= 250


def test_only_what_changed_is_followed() -> None:
    smoother, crop = Smoother(), texture()
    smoother.smooth([parsed(0, crop)])
    changed = crop.copy()
    changed[:, 64:] = 255 - changed[:, 64:] // 2
    (face,) = smoother.smooth([parsed(255, changed)])
    assert face.probabilities[64, 20, 1] == pytest.approx(0.3 * 255, abs=2)
    assert face.probabilities[64, 110, 1] >= 250


def test_a_permanent_change_wins_within_a_few_frames() -> None:
    smoother, crop = Smoother(), texture()
    smoother.smooth([parsed(0, crop)])
    for _ in range(8):
        (face,) = smoother.smooth([parsed(255, crop)])
    assert face.probabilities[64, 64, 1] > 235


def test_the_past_moves_with_the_region() -> None:
    smoother = Smoother()
    first = parsed(0, texture())
    first.probabilities[:, :64] = (0, 255, 0)  # face left of x = 100 in the frame
    smoother.smooth([first])
    second = parsed(128, texture(shift=16), region=Region(116, 100, 128))
    (face,) = smoother.smooth([second])
    row = face.probabilities[64, :, 1].astype(int)
    assert row[40] == pytest.approx(0.7 * 255 + 0.3 * 128, abs=3)
    assert row[56] == pytest.approx(0.3 * 128, abs=3)  # without the shift it would still be face here


def test_a_new_face_starts_afresh() -> None:
    smoother, crop = Smoother(), texture()
    smoother.smooth([parsed(0, crop, track_id=1)])
    (face,) = smoother.smooth([parsed(255, crop, track_id=2)])
    assert face.probabilities[:, :, 1].min() == 255


def test_a_face_that_was_away_starts_afresh() -> None:
    smoother, crop = Smoother(), texture()
    smoother.smooth([parsed(0, crop)])
    smoother.smooth([])
    (face,) = smoother.smooth([parsed(255, crop)])
    assert face.probabilities[:, :, 1].min() == 255


def test_models_of_many_labels_are_smoothed_too() -> None:
    smoother, rng = Smoother(), np.random.default_rng(0)
    faces = [
        ParsedFace(0, Region(100 + x, 100, 128), texture(shift=x), rng.integers(0, 20, (128, 128, 13)).astype(np.uint8))
        for x in (0, 3)
    ]
    smoother.smooth([faces[0]])
    (face,) = smoother.smooth([faces[1]])
    assert face.probabilities.shape == (128, 128, 13)


def test_weight_of_camera_noise_is_the_least_and_of_another_picture_one() -> None:
    crop = texture()
    noise = np.random.default_rng(1).integers(-3, 4, crop.shape)
    noisy = np.clip(crop.astype(int) + noise, 0, 255).astype(np.uint8)
    assert new_weight(noisy, crop).max() < 0.45
    assert new_weight(texture(seed=5) // 2 + 128, texture() // 3).min() == 1
