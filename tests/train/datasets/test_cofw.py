"""Reads COFW."""

import numpy as np
import pytest

from engines.errors import DataError
from engines.spec import FACE, OCCLUSION
from tests.fakes.datasets import (
    SIZE,
    write_cofw,
    write_gray,
    write_mat73,
)  # fmt: skip
from train.datasets import open_dataset

# COFW


def test_cofw_counts_from_one_and_knows_covered_landmarks(folders):
    example = open_dataset("cofw", folders["cofw"], "test")[0]
    assert example.box_xyxy == (16.0, 12.0, 48.0, 56.0)
    assert example.labels[45, 32] == OCCLUSION
    assert example.rgb[34, 32].sum() > example.rgb[2, 2].sum()
    assert example.name == "IsT/0001"


def test_cofw_masks_come_in_the_order_of_their_numbers(tmp_path):
    folder = write_cofw(tmp_path, masks=10, pictures=10)
    write_gray(folder / "masks" / "test" / "10.png", np.full((SIZE, SIZE), 255, np.uint8))
    dataset = open_dataset("cofw", folder, "test")
    assert (dataset[9].labels == FACE).all()
    assert not (dataset[1].labels == FACE).all()


def test_cofw_masks_that_do_not_fit_the_pictures_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"2 masks in .* for 3 pictures"):
        open_dataset("cofw", write_cofw(tmp_path, masks=2), "train")


def test_cofw_mask_of_another_size_is_refused(tmp_path):
    folder = write_cofw(tmp_path)
    write_gray(folder / "masks" / "test" / "1.png", np.zeros((9, 9), np.uint8))
    with pytest.raises(DataError, match="is 9x9, expected 64x64"):
        open_dataset("cofw", folder, "test")[0]


def test_cofw_file_with_other_names_inside_is_refused(tmp_path):
    folder = write_cofw(tmp_path)
    write_mat73(folder / "COFW_test_color.mat", ("images", "points", "boxes"))
    with pytest.raises(DataError, match=r"holds boxes, images, points, expected phisT"):
        open_dataset("cofw", folder, "test")


def test_cofw_damaged_file_is_refused(tmp_path):
    folder = write_cofw(tmp_path)
    (folder / "COFW_test_color.mat").write_bytes(b"MATLAB 7.3 MAT-file" + bytes(600))
    with pytest.raises(DataError, match="not a MATLAB file"):
        open_dataset("cofw", folder, "test")


def test_cofw_reads_older_matlab_files(tmp_path):
    from scipy.io import savemat

    folder = write_cofw(tmp_path, masks=1)
    cells = np.empty((1, 1), object)
    cells[0, 0] = np.full((SIZE, SIZE, 3), 77, np.uint8)
    values = {"IsT": cells, "phisT": np.full((1, 87), 30.0), "bboxesT": np.array([[1.0, 1, 10, 10]])}
    savemat(folder / "COFW_test_color.mat", values)
    assert (open_dataset("cofw", folder, "test")[0].rgb == 77).all()
