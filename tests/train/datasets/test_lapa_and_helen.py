"""Reads LaPa and Helen."""

import numpy as np
import pytest

from engines.errors import DataError
from engines.spec import FACE
from tests.fakes.datasets import (
    drawn_ids,
    write_helen,
    write_lapa,
)  # fmt: skip
from train.datasets import open_dataset

# LaPa and Helen


def test_lapa_box_holds_the_landmarks(folders):
    left, top, right, bottom = open_dataset("lapa", folders["lapa"], "test")[0].box_xyxy
    assert (left, right) == (16, 49) and top == 12 and 55 <= bottom <= 57


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("landmarks/100012_0.txt", b"106\n1 2\n", "106 announced"),
        ("landmarks/100012_0.txt", b"106\n1 x\n", "is damaged"),
        ("labels/100012_0.png", b"", "0 bytes that are not a picture"),
    ],
)
def test_lapa_damaged_file_is_named(tmp_path, file, content, message):
    folder = write_lapa(tmp_path)
    (folder / "test" / file).write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_dataset("lapa", folder, "test")[0]


def test_lapa_unknown_class_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"class id 12, expected 0\.\.10"):
        open_dataset("lapa", write_lapa(tmp_path, np.where(drawn_ids() == 10, 12, drawn_ids())), "test")[0]


def test_helen_takes_the_likeliest_class(folders):
    assert open_dataset("helen", folders["helen"], "val")[0].labels[34, 32] == FACE


def test_helen_missing_map_and_strange_line_are_refused(tmp_path):
    folder = write_helen(tmp_path)
    dataset = open_dataset("helen", folder, "train")
    next((folder / "labels").rglob("*_lbl07.png")).unlink()
    with pytest.raises(DataError, match=r"lbl07\.png is missing"):
        dataset[0]
    (folder / "testing.txt").write_text("100032542_1\n")
    with pytest.raises(DataError, match="expected a number and a name"):
        open_dataset("helen", folder, "test")
