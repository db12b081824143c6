"""Reads the project's own folders: labels, and parts with depth; and the published sets' depth."""

import shutil

import numpy as np
import pytest

from engines.errors import DataError
from engines.spec import PART_LABELS
from tests.fakes.datasets import (
    SIZE,
    write_depth,
    write_gray,
    write_helen,
    write_lapa,
)  # fmt: skip
from tests.fakes.parts import write_parts
from tests.fakes.training import write_labels
from train.datasets import open_dataset

# Our own folder


def test_folder_may_be_moved_with_its_pictures(tmp_path):
    folder = write_labels(tmp_path / "first", count=4)
    lines = (folder / "faces.jsonl").read_text().replace(f"{folder}/", "")
    (folder / "faces.jsonl").write_text(lines)
    moved = folder.rename(tmp_path / "second")
    assert len(open_dataset("folder", moved, "all")) == 4
    assert open_dataset("folder", moved, "test")[0].rgb.any()


def test_folder_unknown_class_is_refused(tmp_path):
    folder = write_labels(tmp_path, count=4)
    for path in (folder / "labels").iterdir():
        write_gray(path, np.full((96, 96), 7, np.uint8))
    with pytest.raises(DataError, match=r"class id 7, expected 0\.\.2"):
        open_dataset("folder", folder, "test")[0]


# Parts with depth


def test_parts_folder_tells_photographs_and_synthetic_heads_apart(folders):
    dataset = open_dataset("parts", folders["parts"], "test", parts=True)
    examples = [dataset[i] for i in range(len(dataset))]
    assert {example.group for example in examples} == {"photographs", "synthetic heads"}
    assert all(0.3 < example.depth_m[example.labels > 0].mean() < 0.6 for example in examples)
    assert not any(example.depth_m[example.labels == 0].any() for example in examples)


@pytest.mark.parametrize(
    ("folder", "message"),
    [("rgb", "No such file"), ("parts", "missing or not an image"), ("depth", "missing or not an")],
)
def test_parts_folder_without_a_picture_is_named(tmp_path, folder, message):
    root = write_parts(tmp_path / "set")
    dataset = open_dataset("parts", root, "test", parts=True)
    shutil.rmtree(root / folder)
    with pytest.raises(DataError, match=message):
        dataset[0]


@pytest.mark.parametrize("kind", ["celebamask-hq-d", "lapa-d", "helen-d"])
def test_depth_has_the_size_of_the_labels_and_comes_in_metres(folders, kind):
    example = open_dataset(kind, folders[kind], "test", parts=True)[0]
    assert example.depth_m.shape == example.labels.shape and example.depth_m.dtype == np.float32
    assert example.depth_m[34, 32] == pytest.approx(0.5) and example.depth_m[0, 0] == 0


def test_hair_of_helen_d_has_neither_label_nor_depth(folders):
    bald = open_dataset("helen-d", folders["helen-d"], "test", parts=True)[0]
    hairy = open_dataset("lapa-d", folders["lapa-d"], "test", parts=True)[0]
    hair = PART_LABELS.index("hair")
    assert hairy.labels[8, 32] == hair and hairy.depth_m[8, 32] > 0
    assert not (bald.labels == hair).any() and bald.depth_m[8, 32] == 0 and bald.labels[36, 32] > 0


def test_pictures_without_depth_are_left_out(tmp_path):
    folder = write_depth(write_lapa(tmp_path))
    index = folder / "depth" / "faces.jsonl"
    index.write_text(
        "".join(line + "\n" for line in index.read_text().splitlines() if "test/images/100013" not in line)
    )
    dataset = open_dataset("lapa-d", folder, "test", parts=True)
    assert [dataset[i].name for i in range(len(dataset))] == ["test/100012_0"]
    assert dataset.picture(0).name == "100012_0.jpg"


def test_split_without_any_depth_is_refused(tmp_path):
    folder = write_depth(write_lapa(tmp_path))
    for path in (folder / "test" / "images").iterdir():
        path.rename(path.with_name(f"new_{path.name}"))
    with pytest.raises(DataError, match=r"has depth of no picture of the split test.*unveil label"):
        open_dataset("lapa-d", folder, "test", parts=True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"image": "a.jpg", "depth": "a.png"}', "line 1: KeyError: 'depth_scale_m'"),
        ('{"image": 3, "depth": "a.png", "depth_scale_m": 1}', "line 1: TypeError"),
        ("{", "line 1: JSONDecodeError"),
    ],
)
def test_strange_line_about_depth_is_refused(tmp_path, line, message):
    folder = write_depth(write_lapa(tmp_path))
    (folder / "depth" / "faces.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=message):
        open_dataset("lapa-d", folder, "test", parts=True)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((SIZE, SIZE), np.uint8), r"is uint8 \(64, 64\); expected a 16-bit gray PNG"),
        (np.zeros((SIZE, 2 * SIZE), np.uint16), "is 128x64, expected the shape of its picture, 64x64"),
    ],
)
def test_depth_of_another_kind_or_shape_is_refused(tmp_path, pixels, message):
    folder = write_depth(write_helen(tmp_path))
    dataset = open_dataset("helen-d", folder, "test", parts=True)
    for path in (folder / "depth" / "depth").rglob("*.png"):
        write_gray(path, pixels)
    with pytest.raises(DataError, match=message):
        dataset[0]
