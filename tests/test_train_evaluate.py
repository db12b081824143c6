import numpy as np
import pytest
from fakes_train import write_labels, write_occluders

from engines.spec import FACE, OCCLUSION
from train import models
from train.evaluate import Held, evaluate, write_sheet
from train.report import evaluation_text


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    spec = models.spec("consensus-lite")
    return Held.load(write_labels(folder / "labels", count=16), write_occluders(folder / "occluders"), spec)


def perfect(held):
    """Knows the truth by heart."""
    truth = {crop.tobytes(): labels for crop, labels in zip(held.clean, held.clean_labels, strict=True)}
    truth |= {crop.tobytes(): labels for crop, labels in zip(held.pasted, held.pasted_labels, strict=True)}
    return lambda crops: np.stack([truth[crop.tobytes()] for crop in crops])


def test_perfect_prediction_scores_full_marks(held):
    result = evaluate(perfect(held), held)
    assert result["pasted"]["face_iou"] == 100.0
    assert result["pasted"]["occluder_found"] == 100.0
    assert result["pasted"]["sparsity"] == 0.0


def test_all_face_takes_every_occluder_for_face(held):
    result = evaluate(lambda crops: np.full(crops.shape[:3], FACE, np.uint8), held)
    assert result["pasted"]["occluder_taken_for_face"] == 100.0
    assert result["pasted"]["face_iou"] < 40


def test_covered_pixels_were_face_before(held):
    assert held.covered.any()
    assert (held.pasted_labels[held.covered] == OCCLUSION).all()
    assert (held.clean_labels[held.covered] == FACE).all()


def test_set_is_the_same_every_time(held, tmp_path):
    spec = models.spec("consensus-lite")
    again = Held.load(write_labels(tmp_path / "labels", count=16), write_occluders(tmp_path / "occluders"), spec)
    assert (again.pasted == held.pasted).all()


def test_table_names_what_was_measured(held):
    text = evaluation_text({"model": "a model"} | evaluate(perfect(held), held))
    assert "8 faces kept aside" in text
    assert "one occluder pasted" in text


def test_sheet_is_written(held, tmp_path):
    assert write_sheet(tmp_path / "sheet.png", perfect(held), held, count=4).stat().st_size > 1000
