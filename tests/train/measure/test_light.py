import numpy as np
import pytest

from train.measure.light import LIGHTS, dark, glare, normal


def crop(value, size=64):
    return np.full((size, size, 3), value, np.uint8)


def rng():
    return np.random.default_rng(0)


def test_normal_light_changes_nothing():
    picture = crop(77)
    assert (normal(picture, rng()) == picture).all()


def test_dark_is_eight_stops_darker():
    levels = dark(crop(255, 256), rng()).astype(float)
    light = ((levels / 255) ** 2.2).mean()
    assert light == pytest.approx(1 / 256, rel=0.02)


def test_dark_is_noisier_than_8_bits_alone():
    assert dark(crop(180), rng()).std() > 1.5
    assert normal(crop(180), rng()).std() == 0


def test_dark_of_black_stays_near_black():
    assert dark(crop(0), rng()).max() <= 12  # read noise alone


def test_glare_loses_what_a_pixel_cannot_hold():
    face = crop(150)
    face[20:30, 20:30] = 220
    assert (glare(face, rng()) == 255).all()
    assert len(np.unique(dark(face, rng()))) > 1


def test_glare_blooms_into_what_is_dark_beside_it():
    picture = crop(0)
    picture[:, 32:] = 255
    lit = glare(picture, rng())
    assert lit[32, 30, 0] > lit[32, 4, 0] > 0  # halo, then veil
    assert not glare(crop(0), rng()).any()


@pytest.mark.parametrize("light", LIGHTS)
def test_the_same_seed_gives_the_same_picture(light):
    picture = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    first, second = (LIGHTS[light](picture, np.random.default_rng(5)) for _ in range(2))
    assert first.dtype == np.uint8 and (first == second).all()


def test_other_seeds_have_other_noise():
    assert (dark(crop(180), np.random.default_rng(1)) != dark(crop(180), np.random.default_rng(2))).any()
