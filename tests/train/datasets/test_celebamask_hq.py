"""Reads CelebAMask-HQ."""

import numpy as np
import pytest

from engines.errors import DataError
from engines.spec import FACE, OCCLUSION, PART_LABELS
from tests.fakes.datasets import (
    LEFT_EYE_X,
    SIZE,
    mask_path,
    write_celebamask_hq,
    write_gray,
)  # fmt: skip
from train.datasets import open_dataset

# CelebAMask-HQ


@pytest.mark.parametrize("partition", [True, False])
def test_celebamask_hq_follows_celebas_split(tmp_path, partition):
    folder = write_celebamask_hq(tmp_path, partition)
    names = [open_dataset("celebamask-hq", folder, split)[0].name for split in ("train", "val", "test")]
    assert names == ["00000", "00001", "00002"]


def test_celebamask_hq_glasses_cover_the_face_and_eyes_show_through(folders):
    labels = open_dataset("celebamask-hq", folders["celebamask-hq"], "test")[0].labels
    assert labels.shape == (SIZE, SIZE)
    assert labels[30, 32] == OCCLUSION and labels[28, LEFT_EYE_X] == FACE
    parts = open_dataset("celebamask-hq", folders["celebamask-hq"], "test", parts=True)[0].labels
    assert parts[30, 32] == 0 and parts[28, LEFT_EYE_X] == PART_LABELS.index("left eye")


def test_celebamask_hq_missing_part_is_no_error_but_missing_skin_is(tmp_path):
    folder = write_celebamask_hq(tmp_path)
    mask_path(folder, 2, "nose").unlink()
    dataset = open_dataset("celebamask-hq", folder, "test")
    assert dataset[0].labels[36, 32] == FACE  # skin below
    mask_path(folder, 2, "skin").unlink()
    with pytest.raises(DataError, match=r"00002_skin\.png is missing"):
        dataset[0]


def test_celebamask_hq_damaged_lists_and_masks_are_refused(tmp_path):
    folder = write_celebamask_hq(tmp_path)
    dataset = open_dataset("celebamask-hq", folder, "test")
    write_gray(mask_path(folder, 2, "hair"), np.zeros((9, 9), np.uint8))
    with pytest.raises(DataError, match="differ in size"):
        dataset[0]
    (folder / "list_eval_partition.txt").write_text("other.jpg 0\n")
    with pytest.raises(DataError, match=r"is damaged \(KeyError"):
        open_dataset("celebamask-hq", folder, "test")
