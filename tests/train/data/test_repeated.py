import numpy as np
import pytest

from engines.errors import DataError
from engines.spec import PART_LABELS
from train.data.repeated import Repeated, mirrored, mirrored_ids
from train.data.sample import Sample

CONSENSUS = ("background", "face", "occlusion")


def sample(number: int, size: int = 32) -> Sample:
    rng = np.random.default_rng(number)
    labels = np.zeros((size, size), np.uint8)
    labels[8:24, 4:16] = 1
    return Sample(rng.integers(0, 256, (size, size, 3)).astype(np.uint8), labels, labels.copy())


def test_every_sample_comes_once_an_epoch_in_changing_order():
    samples = [sample(number) for number in range(8)]
    supply = Repeated(samples, CONSENSUS, seed=0)
    epochs = [[supply[index].rgb.tobytes() for index in range(start, start + 8)] for start in (0, 8)]
    assert set(epochs[0]) == set(epochs[1]) == {one.rgb.tobytes() for one in samples}
    assert epochs[0] != epochs[1]


def test_same_seed_and_index_give_the_same_sample_and_another_seed_does_not():
    samples = [sample(number) for number in range(8)]
    one, two, other = (Repeated(samples, CONSENSUS, seed, flips=True, augment=True) for seed in (3, 3, 4))
    assert all((one[index].rgb == two[index].rgb).all() for index in (5, 1, 90))
    assert any((one[index].rgb != other[index].rgb).any() for index in range(5))


def test_flips_mirror_about_half():
    supply = Repeated([sample(0)], CONSENSUS, seed=0, flips=True)
    original = sample(0).rgb
    flipped = sum((supply[index].rgb != original).any() for index in range(200))
    assert 70 < flipped < 130
    assert all((Repeated([sample(0)], CONSENSUS, 0)[index].rgb == original).all() for index in range(20))


def test_mirrored_left_eye_is_a_right_eye():
    left, right = PART_LABELS.index("left eye"), PART_LABELS.index("right eye")
    labels = np.zeros((4, 4), np.uint8)
    labels[1, 3] = left
    turned = mirrored(Sample(np.zeros((4, 4, 3), np.uint8), labels, labels), mirrored_ids(PART_LABELS))
    assert turned.labels[1, 0] == right
    assert turned.labels.sum() == right
    assert turned.blobs is turned.labels


def test_labels_without_sides_keep_their_ids():
    assert (mirrored_ids(CONSENSUS) == np.arange(256)).all()
    table = mirrored_ids(PART_LABELS)
    assert (table[table] == np.arange(256)).all()
    assert (table != np.arange(256)).sum() == 6


def test_augmentation_moves_pixels_and_labels_together():
    labels = np.zeros((64, 64), np.uint8)
    labels[20:44, 16:40] = 1
    rgb = np.repeat(labels[:, :, None] * 200, 3, axis=2)
    supply = Repeated([Sample(rgb, labels, labels)], CONSENSUS, seed=1, augment=True)
    for index in range(20):
        moved = supply[index]
        inside, outside = moved.rgb[moved.labels == 1].mean(), moved.rgb[moved.labels == 0].mean()
        assert inside > outside + 10
        assert set(np.unique(moved.labels)) <= {0, 1}


def test_empty_set_is_refused():
    with pytest.raises(DataError, match="training split is empty"):
        Repeated([], CONSENSUS, seed=0)
