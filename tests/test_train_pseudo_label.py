from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import DataError, UsageError
from engines.spec import FACE, OCCLUSION
from train.label import _end_last_line, blobs_of, label, read_faces
from train.pseudo_label import box_of

SHARED = Path(__file__).parents[2] / "shared"
HAIR_MODEL = SHARED / "models" / "hair_segmentation.tflite"
PORTRAITS = SHARED / "data" / "faces" / "us_portraits"


def test_blobs_number_each_occlusion():
    labels = np.zeros((20, 20), np.uint8)
    labels[2:18, 2:18] = FACE
    labels[4:6, 4:6] = OCCLUSION
    labels[10:14, 10:14] = OCCLUSION
    blobs = blobs_of(labels)
    assert sorted(np.unique(blobs)) == [0, 1, 2, 3]
    assert (blobs[labels == FACE] == 1).all()


def test_box_of_an_empty_mask_is_empty():
    assert box_of(np.zeros((5, 5), np.uint8)) == (0.0, 0.0, 0.0, 0.0)


def test_box_holds_every_pixel_and_no_more():
    mask = np.zeros((10, 12), np.uint8)
    mask[3:6, 4:9] = 1
    assert box_of(mask) == (4.0, 3.0, 9.0, 6.0)


def test_a_line_cut_by_a_kill_swallows_no_other(tmp_path):
    path = tmp_path / "faces.jsonl"
    path.write_text('{"name": "whole"}\n{"name": "cu')
    _end_last_line(path)
    with path.open("a") as file:
        file.write('{"name": "next"}\n')
    assert [row["name"] for row in read_faces(tmp_path)] == ["whole", "next"]


def test_missing_hair_model_is_named(tmp_path):
    with pytest.raises(DataError, match="--hair-model"):
        label([tmp_path], tmp_path / "out", tmp_path / "none.tflite")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    pytest.importorskip("ai_edge_litert")
    if not HAIR_MODEL.is_file() or not PORTRAITS.is_dir():
        pytest.skip("needs the training data beside the checkout (../shared)")
    folder = tmp_path_factory.mktemp("portraits")
    pictures = folder / "in"
    pictures.mkdir()
    for path in sorted(PORTRAITS.glob("*.jpg"))[:3]:
        (pictures / path.name).write_bytes(path.read_bytes())
    (pictures / "broken.jpg").write_text("no picture")
    cv2.imwrite(str(pictures / "empty.png"), np.full((64, 64, 3), 90, np.uint8))
    return pictures, folder / "out", label([pictures], folder / "out", HAIR_MODEL, workers=1)


@pytest.mark.data
@pytest.mark.slow
def test_portraits_get_a_face_and_the_rest_is_reported(labelled):
    _, output, summary = labelled
    assert (summary.labelled, summary.skipped) == (3, 2)
    assert [Path(name).name for name in summary.unreadable] == ["broken.jpg"]
    for row in read_faces(output):
        labels = cv2.imread(str(output / row["labels"]), cv2.IMREAD_GRAYSCALE)
        assert labels.shape == cv2.imread(row["image"]).shape[:2]
        assert 0.03 < (labels == FACE).mean() < 0.6
    assert (output / "sheet.png").is_file()
    assert (output / "provenance.json").is_file()


@pytest.mark.data
@pytest.mark.slow
def test_second_run_does_nothing_again(labelled):
    pictures, output, _ = labelled
    before = (output / "faces.jsonl").read_text()
    summary = label([pictures], output, HAIR_MODEL, workers=1)
    assert (summary.labelled, summary.skipped, summary.already_done) == (0, 0, 5)
    assert (output / "faces.jsonl").read_text() == before


@pytest.mark.data
def test_folder_without_pictures_is_wrong_use(tmp_path):
    if not HAIR_MODEL.is_file():
        pytest.skip("needs the training data beside the checkout (../shared)")
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(UsageError, match="nothing to label"):
        label([tmp_path], tmp_path / "out", HAIR_MODEL)
