import json

import numpy as np
import pytest
from typer.testing import CliRunner

from cli import app
from engines.errors import DataError, UsageError
from engines.spec import FACE, OCCLUSION
from tests.fakes.training import write_labels, write_occluders
from train import models
from train.data.faces import load_faces
from train.learn.checkpoint import save_weights
from train.measure.evaluate_held_out import evaluate_model
from train.measure.held_out import HeldOutSet
from train.measure.held_out_scores import evaluate, predict_set
from train.measure.sheets import write_held_out_sheet
from train.measure.tables import held_out_text
from train.occluders.kinds import Occluders

SPEC = models.spec("consensus-lite")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return write_labels(folder / "labels", count=16), write_occluders(folder / "occluders")


@pytest.fixture(scope="module")
def held(folders):
    return HeldOutSet.load(*folders, SPEC)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    from train.learn.checkpoint import save_weights

    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    network = models.create_model("consensus-lite", width=4)
    save_weights(path, network.state_dict(), {"model": "consensus-lite", "width": 4})
    return path


def perfect(held):
    """A model that returns the ground truth."""
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
    again = HeldOutSet.load(write_labels(tmp_path / "labels", count=16), write_occluders(tmp_path / "occluders"), SPEC)
    assert (again.pasted == held.pasted).all()


def test_landmarks_lie_on_the_crops_face(held):
    chins = held.landmarks[:, 152].round().astype(int)
    above = [labels[y - 6, x] for labels, (x, y) in zip(held.clean_labels, chins, strict=True)]
    assert set(above) == {FACE}


def test_turned_faces_are_turned_both_ways(held, folders):
    turned = HeldOutSet.compose(load_faces(folders[0], "held out"), Occluders(folders[1], "held out"), SPEC, degrees=30)
    for index, expected in enumerate((30, -30)):
        (x0, y0), (x1, y1) = (one.landmarks[index][152] - one.landmarks[index][10] for one in (held, turned))
        degrees = np.degrees(np.arctan2(y1, x1) - np.arctan2(y0, x0))
        assert degrees == pytest.approx(expected, abs=0.1)


def test_missing_labels_are_named(folders, tmp_path):
    with pytest.raises(DataError, match=r"faces\.jsonl"):
        HeldOutSet.load(tmp_path, folders[1], SPEC)


def test_table_names_its_rows(held):
    text = held_out_text({"model": "a model"} | evaluate(perfect(held), held))
    assert "8 held-out faces" in text
    assert "unmodified" in text and "occluded" in text


def test_sheet_is_written(held, tmp_path):
    sheet = write_held_out_sheet(tmp_path / "sheet.png", held, predict_set(perfect(held), held), count=4)
    assert sheet.stat().st_size > 1000


def test_command_measures_a_checkpoint_by_group(checkpoint, folders, tmp_path):
    sheet, written = tmp_path / "groups.png", tmp_path / "result.json"
    arguments = ["evaluate", str(checkpoint), "--labels", str(folders[0]), "--occluders", str(folders[1])]
    arguments += ["--groups-sheet", str(sheet), "--json", str(written)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    result = json.loads(written.read_text())
    assert "turned by 30 degrees" in done.output
    assert result["groups"][0]["group"] == "all faces"
    assert result["groups"][0]["clean_face_iou"] == result["clean"]["face_iou"]
    assert "detected" not in result
    assert sheet.stat().st_size > 1000


def test_groups_sheet_of_a_data_set_is_refused(checkpoint, tmp_path):
    done = CliRunner().invoke(
        app, ["evaluate", str(checkpoint), "--data", f"folder:{tmp_path}", "--groups-sheet", str(tmp_path / "s.png")]
    )
    assert "--groups-sheet goes with them" in str(done.exception)


def test_model_of_parts_is_refused_with_the_data_to_use(folders, tmp_path):
    network = models.create_model("parts", width=8)
    save_weights(tmp_path / "p.safetensors", network.state_dict(), {"model": "parts", "width": 8})
    with pytest.raises(UsageError, match=r"has the labels background, skin, .*; expected background, face, occlusion"):
        evaluate_model(str(tmp_path / "p.safetensors"), *folders)
