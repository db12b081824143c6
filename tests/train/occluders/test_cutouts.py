import cv2
import numpy as np
import pytest

from engines.errors import DataError
from train.data.split import occluder_split
from train.occluders.colour import median_lab
from train.occluders.cutouts import random_skin_tone, random_tint, read_cutouts, warp_cutout

SKIN = (200, 150, 120)


def disc(size: int = 200) -> np.ndarray:
    """A skin-coloured disc; as `read_cutouts` gives it, colours are 0 where nothing shows."""
    rgba = np.zeros((size, size, 4), np.uint8)
    cv2.circle(rgba, (size // 2, size // 2), size // 3, (*SKIN, 255), -1)
    return rgba


def affine(scale: float) -> np.ndarray:
    return np.array([[scale, 0, 10.0], [0, scale, 20.0]])


def test_colours_are_read_multiplied_by_alpha(tmp_path):
    stem = next(name for i in range(99) if occluder_split(name := f"thing{i}") == "train")
    bgra = np.full((40, 20, 4), 200, np.uint8)
    bgra[:, :, 3] = 102
    cv2.imwrite(str(tmp_path / f"{stem}.png"), bgra)
    [(name, rgba)] = read_cutouts(tmp_path, "train", 40)
    assert (name, rgba.shape) == (stem, (40, 40, 4))
    assert (rgba[:, 15] == (80, 80, 80, 102)).all()
    assert not rgba[:, :10].any(), "the picture keeps its shape"


def test_other_side_of_the_split_is_not_read(tmp_path):
    stem = next(name for i in range(99) if occluder_split(name := f"thing{i}") == "held out")
    cv2.imwrite(str(tmp_path / f"{stem}.png"), disc(40))
    with pytest.raises(DataError, match="no RGBA picture for split 'train'"):
        read_cutouts(tmp_path, "train", 40)


@pytest.mark.parametrize("scale", [0.08, 0.2, 0.5, 0.56, 1.0])
def test_warp_puts_a_cutout_where_the_affine_says_at_any_scale(scale):
    rgb, alpha = warp_cutout(disc(), affine(scale), 256)
    rows, columns = np.nonzero(alpha > 0.5)
    assert columns.mean() == pytest.approx(100 * scale + 10, abs=0.6)
    assert rows.mean() == pytest.approx(100 * scale + 20, abs=0.6)
    assert alpha.sum() == pytest.approx(np.pi * (200 / 3 * scale) ** 2, rel=0.08)
    assert 0 <= alpha.min() <= alpha.max() <= 1
    assert rgb.dtype == alpha.dtype == np.float32


@pytest.mark.parametrize("scale", [0.2, 0.7])
def test_edge_has_the_colour_of_the_cutout_not_of_what_is_behind_it(scale):
    rgb, alpha = warp_cutout(disc(), affine(scale), 256)
    edge = (alpha > 0.2) & (alpha < 0.8)
    assert edge.sum() > 20
    assert np.abs(rgb[edge] / alpha[edge][:, None] - SKIN).max() < 8


def test_colouring_leaves_alpha_and_keeps_the_edge_clean():
    rng = np.random.default_rng(2)
    tint = random_tint(rng)
    plain_rgb, plain_alpha = warp_cutout(disc(), affine(0.4), 128)
    rgb, alpha = warp_cutout(disc(), affine(0.4), 128, tint)
    assert (alpha == plain_alpha).all()
    assert np.abs(rgb - plain_rgb).max() > 10
    inside, edge = rgb[alpha == 1].mean(axis=0), (alpha > 0.3) & (alpha < 0.8)
    assert np.abs(rgb[edge] / alpha[edge][:, None] - inside).max() < 12


def test_random_skin_tone_gives_the_tone_asked_for_often_and_leaves_the_hand_sometimes():
    dark = np.array((90, 140, 145), np.float32)
    colourings = [random_skin_tone(disc(), lambda: dark, np.random.default_rng(seed)) for seed in range(60)]
    assert 4 < sum(one is None for one in colourings) < 24
    pixels = disc()[100:101, 90:110, :3].copy()
    coloured = np.array([median_lab(one(pixels)[0]) for one in colourings if one is not None])
    assert np.median(coloured[:, 0]) == pytest.approx(90, abs=25)
    assert coloured[:, 0].std() > 5


def test_median_lab_of_nothing_is_grey():
    assert (median_lab(np.zeros((0, 3), np.uint8)) == 128).all()
