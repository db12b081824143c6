"""What all data sets have in common."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from engines.errors import DataError, UsageError
from engines.spec import CONSENSUS_LABELS, FACE, OCCLUSION, PART_LABELS, ModelSpec
from tests.fakes.datasets import (
    LEFT_EYE_X,
    RIGHT_EYE_X,
    SIZE,
    write_gray,
)  # fmt: skip
from train.datasets import (
    READERS,
    Example,
    on_picture,
    open_data,
    open_dataset,
    region_of,
    superpixels_on_crop,
    to_crop,
)
from train.datasets.base import box_of, consensus_from_face

OF_PARTS = ("parts", "celebamask-hq-d", "lapa-d", "helen-d")
SPEC = ModelSpec("any", CONSENSUS_LABELS, size_px=32)


@pytest.mark.parametrize("kind", sorted(READERS))
def test_every_kind_gives_pictures_labels_and_a_crop(folders, kind):
    dataset = open_dataset(kind, folders[kind], "test", parts=kind in OF_PARTS)
    assert dataset.name == kind and len(dataset) > 0
    example = dataset[len(dataset) - 1]
    assert example.rgb.dtype == example.labels.dtype == np.uint8
    assert example.rgb.shape == (*example.labels.shape, 3)
    assert set(np.unique(example.labels)) <= set(range(len(dataset.labels)))
    assert (example.labels == FACE).mean() > 0.1
    assert (example.box_xyxy is None) == (kind == "part-labels")
    rgb, labels, blobs = to_crop(example, SPEC)
    assert rgb.shape == (32, 32, 3) and labels.shape == blobs.shape == (32, 32)
    assert (labels == FACE).any()


@pytest.mark.parametrize("kind", sorted(READERS))
def test_empty_folder_is_refused_with_where_the_set_comes_from(tmp_path, kind):
    with pytest.raises(DataError, match=r"https?://|unveil label"):
        open_dataset(kind, tmp_path, "test", parts=kind in OF_PARTS)


@pytest.mark.parametrize("kind", sorted(READERS))
def test_unknown_split_is_refused_with_those_that_there_are(folders, kind):
    with pytest.raises(UsageError, match="'dev' is unknown here; expected train"):
        open_dataset(kind, folders[kind], "dev", parts=kind in OF_PARTS)


@pytest.mark.parametrize("kind", sorted(READERS.keys() - {"folder"}))
def test_joined_splits_add_up(folders, kind):
    of_parts = kind in OF_PARTS
    both, train, test = (
        len(open_dataset(kind, folders[kind], split, parts=of_parts)) for split in ("train+test", "train", "test")
    )
    assert both == train + test


@pytest.mark.parametrize("kind", ["celebamask-hq", "lapa", "helen"])
def test_left_is_the_subjects_left(folders, kind):
    dataset = open_dataset(kind, folders[kind], "test", parts=True)
    assert dataset.labels == PART_LABELS
    labels = dataset[0].labels
    assert labels[28, LEFT_EYE_X] == PART_LABELS.index("left eye")
    assert labels[24, RIGHT_EYE_X] == PART_LABELS.index("right brow")
    found = {int(labels[y, x]) for y, x in ((36, 32), (43, 32), (45, 32), (47, 32), (8, 32), (20, 32))}
    assert found == {PART_LABELS.index(name) for name in ("nose", "upper lip", "mouth", "lower lip", "hair", "skin")}


@pytest.mark.parametrize("kind", ["celebamask-hq", "lapa", "helen"])
def test_mirrored_set_is_refused_for_parts(folders, tmp_path, kind):
    folder = shutil.copytree(folders[kind], tmp_path / kind)
    for path in folder.rglob("*.png"):
        write_gray(path, cv2.flip(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), 1))
    with pytest.raises(DataError, match=r"left eye lies on the left of the picture in (1 of 1|2 of 2)"):
        open_dataset(kind, folder, "test", parts=True)
    assert len(open_dataset(kind, folder, "test")) > 0


def test_parts_of_a_set_without_parts_are_refused(folders):
    with pytest.raises(UsageError, match="cofw has no part labels; expected one of celebamask-hq, celebamask-hq-d, h"):
        open_dataset("cofw", folders["cofw"], "test", parts=True)


@pytest.mark.parametrize("kind", OF_PARTS)
def test_sets_of_parts_alone_are_refused_to_other_models(folders, kind):
    with pytest.raises(UsageError, match="has only part labels, which this model does not have; expected one o"):
        open_dataset(kind, folders[kind], "test")


def test_kind_and_folder_come_in_one_word(folders):
    assert len(open_data(f"helen:{folders['helen']}", "test")) == 1


@pytest.mark.parametrize("word", ["helen", "helen:", "300w:/x"])
def test_wrong_word_is_refused_with_the_kinds(word):
    with pytest.raises(UsageError, match="celebamask-hq, celebamask-hq-d, cofw, folder, helen, "):
        open_data(word, "test")


def disc(radius=20, at=(32, 32)):
    mask = np.zeros((64, 64), np.uint8)
    cv2.circle(mask, at, radius, 1, -1)
    return mask > 0


# What covers a face


def test_hand_inside_the_hull_is_occlusion_and_outside_stays_background():
    face = disc() & ~disc(6, (32, 40))
    labels = consensus_from_face(face)
    assert labels[40, 32] == OCCLUSION
    assert labels[2, 2] == 0
    assert (labels[disc() & face] == FACE).all()


def test_landmark_under_a_hand_widens_the_full_face():
    face = disc()
    face[40:] = False  # the chin is covered to the edge: the hull of what is seen stops there
    assert consensus_from_face(face)[48, 32] == 0
    chin = np.array([[22, 49], [32, 52], [42, 49]], np.float32)
    assert consensus_from_face(face, chin)[46, 32] == OCCLUSION


def test_slivers_between_an_outline_and_its_hull_are_no_occlusion():
    face = disc(25)
    face[30:34, 56] = False
    assert not (consensus_from_face(face) == OCCLUSION).any()


def test_slivers_are_kept_where_outlines_are_fine():
    """COFW: "without applying the morphological operations" (section 4.1)."""
    face = disc(25)
    face[30:34, 56] = False
    assert (consensus_from_face(face, slivers=True)[30:34, 56] == OCCLUSION).all()


def test_each_connected_occlusion_of_a_published_picture_is_a_blob():
    face = disc(28) & ~disc(5, (22, 40)) & ~disc(5, (44, 40))
    labels = consensus_from_face(face)
    example = Example(np.zeros((64, 64, 3), np.uint8), labels, None, None, None, "two hands")
    _, on_crop, blobs = to_crop(example, replace(SPEC, size_px=64))
    assert sorted(np.unique(blobs[on_crop == OCCLUSION])) == [2, 3]
    assert (blobs[on_crop == FACE] == FACE).all() and (blobs[on_crop == 0] == 0).all()
    assert blobs[40, 22] != blobs[40, 44]


def test_picture_without_a_face_has_no_labels_and_no_box():
    assert not consensus_from_face(np.zeros((8, 8), bool)).any()
    with pytest.raises(DataError, match="picture 7 has no pixel of a face"):
        box_of(np.zeros((8, 8), bool), "picture 7")


# Crops


def test_labels_return_to_the_picture_by_nearest_neighbour(folders):
    example = open_dataset("part-labels", folders["part-labels"], "test")[0]
    _, labels, _ = to_crop(example, SPEC)
    back = on_picture(labels, region_of(example, SPEC), (SIZE, SIZE))
    assert (back == labels.repeat(2, axis=0).repeat(2, axis=1)).all()
    assert superpixels_on_crop(example, SPEC).max() == 255


def test_beyond_the_crop_is_background(folders):
    example = open_dataset("lapa", folders["lapa"], "test")[0]
    region = region_of(example, SPEC)
    far = on_picture(np.full((32, 32), FACE, np.uint8), region, (200, 200))
    assert far[34, 32] == FACE and far[150, 150] == 0
