"""Reads Part Labels."""

import numpy as np
import pytest

from engines.errors import DataError
from engines.spec import CONSENSUS_LABELS, FACE, OCCLUSION, ModelSpec
from tests.fakes.datasets import (
    SIZE,
    write_gray,
    write_part_labels,
)  # fmt: skip
from train.datasets import open_dataset, superpixels_on_crop

SPEC = ModelSpec("any", CONSENSUS_LABELS, size_px=32)


# Part Labels


def test_part_labels_maps_hair_to_the_id_of_occlusion(folders):
    dataset = open_dataset("part-labels", folders["part-labels"], "test")
    example = dataset[1]
    assert example.name == "Cy_De_Example_0012"
    assert dataset.labels[example.labels[10, 32]] == "hair" and example.labels[10, 32] == OCCLUSION
    assert example.labels[34, 32] == FACE and example.labels[63, 0] == 0
    assert example.superpixels.shape == (SIZE, SIZE) and example.superpixels.max() == 255


def test_part_labels_works_without_superpixels(tmp_path):
    example = open_dataset("part-labels", write_part_labels(tmp_path, superpixels=False), "val")[0]
    assert example.superpixels is None and superpixels_on_crop(example, SPEC) is None


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("parts_test.txt", b"Cy_De_Example\n", "expected a person and a number"),
        ("parts_test.txt", b"", "is empty"),
        ("lfw_funneled/Cy_De_Example/Cy_De_Example_0001.jpg", b"JFIF", "not an image"),
        ("parts_lfw_funneled_superpixels_mat/Cy_De_Example/Cy_De_Example_0001.dat", b"1 2\n3\n", "is damaged"),
        ("parts_lfw_funneled_superpixels_mat/Cy_De_Example/Cy_De_Example_0001.dat", b"1 2\n3 4\n", "is 2x2, expected"),
    ],
)
def test_part_labels_damaged_file_is_named(tmp_path, file, content, message):
    folder = write_part_labels(tmp_path)
    (folder / file).write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_dataset("part-labels", folder, "test")[0]


def test_part_labels_in_other_colours_are_refused(tmp_path):
    folder = write_part_labels(tmp_path)
    write_gray(folder / "parts_lfw_funneled_gt_images" / "Cy_De_Example_0001.ppm", np.full((SIZE, SIZE, 3), 255, "u1"))
    with pytest.raises(DataError, match="other colours than pure red"):
        open_dataset("part-labels", folder, "test")[0]
