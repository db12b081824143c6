import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cli import app
from engines.errors import DataError, UsageError
from engines.spec import CONSENSUS_LABELS, FACE, ModelSpec
from tests.fakes.datasets import drawn_ids, drawn_rgb, write_celebamask_hq, write_cofw, write_part_labels
from tests.fakes.parts import model_of
from train.datasets import Example, open_dataset, to_crop
from train.measure import evaluate_dataset
from train.measure.evaluate_dataset import ModelScores, evaluate_data, frames_per_second
from train.measure.sheets import Comparison, write_comparison_sheet
from train.measure.tables import dataset_text

SPEC = ModelSpec("fake", CONSENSUS_LABELS, size_px=64)


def knows(dataset, spec=SPEC):
    """A model that returns the ground truth of a data set, as far as the crop shows it."""
    crops = [to_crop(dataset[i], spec)[:2] for i in range(len(dataset))]
    truth = {rgb.tobytes(): labels for rgb, labels in crops}
    return model_of("perfect", spec, lambda rgb: np.stack([truth[one.tobytes()] for one in rgb]))


ALL_FACE = model_of("all face", SPEC, lambda rgb: np.full(rgb.shape[:3], FACE, np.uint8))


def scores_of(model, dataset):
    scores = ModelScores(model, dataset)
    scores.add([dataset[i] for i in range(len(dataset))])
    return scores


@pytest.fixture
def cofw(tmp_path):
    return open_dataset("cofw", write_cofw(tmp_path / "cofw"), "test")


@pytest.fixture
def part_labels(tmp_path):
    return open_dataset("part-labels", write_part_labels(tmp_path / "part-labels"), "test")


@pytest.fixture
def fake_models(monkeypatch):
    """`open_model` gives models of these tests by name, and any other name its own way."""
    from contextlib import contextmanager

    @contextmanager
    def opened(name):
        yield model_of(name, SPEC, ALL_FACE.predict)

    monkeypatch.setattr(evaluate_dataset, "open_model", opened)


def test_pictures_of_the_networks_size_are_counted_once(part_labels):
    scores = scores_of(knows(part_labels), part_labels)
    (row,) = scores.rows()
    assert row["measured"] == "at 64 px"
    assert row["classes"]["mean_iou"] == row["classes"]["superpixel_accuracy"] == 100.0
    assert [totals.pictures for totals in scores._totals.values()] == [2]


def test_part_labels_are_measured_at_both_sizes(part_labels):
    spec = ModelSpec("small", CONSENSUS_LABELS, size_px=32)
    rows = scores_of(knows(part_labels, spec), part_labels).rows()
    assert [row["measured"] for row in rows] == ["at 32 px", "at 64 px"]
    assert rows[0]["classes"]["accuracy"] == 100.0
    assert 90 < rows[1]["classes"]["accuracy"] < 100  # halved and brought back by nearest neighbour


def test_cofw_is_measured_in_the_face_box_only(cofw):
    (row,) = scores_of(ALL_FACE, cofw).rows()
    assert row["measured"] == "in the face box"
    box = cofw[0].labels[12:56, 16:48]
    assert row["face"]["accuracy"] == round(100 * float((box == FACE).mean()), 2)
    assert row["face"]["recall_face"] == 100.0 and row["face"]["mean_recall"] == 50.0


def test_box_beyond_the_picture_is_refused(cofw):
    example = cofw[0]
    outside = Example(example.rgb, example.labels, None, None, (90.0, 90.0, 99.0, 99.0), "IsT/0001")
    with pytest.raises(DataError, match="lies outside the 64x64 picture"):
        ModelScores(ALL_FACE, cofw).add([outside])


def test_model_of_other_labels_is_refused(tmp_path):
    dataset = open_dataset("celebamask-hq", write_celebamask_hq(tmp_path), "test", parts=True)
    with pytest.raises(UsageError, match="all face has the labels background, face, occlusion, the data set celeb"):
        ModelScores(ALL_FACE, dataset)


@pytest.mark.parametrize("more", [{"lights": ("dark",)}, {"translator": "rgb-to-depth"}])
def test_light_and_translator_are_not_for_faces_alone(tmp_path, fake_models, more):
    with pytest.raises(UsageError, match="a translator and lights are for models of parts"):
        evaluate_data("mine", f"cofw:{write_cofw(tmp_path / 'set')}", **more)


def test_speed_counts_single_crops():
    sizes = []
    fps = frames_per_second(lambda rgb: sizes.append(len(rgb)), [np.zeros((8, 8, 3), np.uint8)] * 3)
    assert fps > 0 and set(sizes) == {1}


def test_baseline_stands_above_ours_and_the_text_has_the_tables_columns(tmp_path, fake_models):
    folder = write_part_labels(tmp_path / "set")
    result = evaluate_data("mine", f"part-labels:{folder}", baseline="theirs", split="val")
    assert [row["role"] for row in result["rows"]] == ["baseline", "ours"]
    text = dataset_text(result)
    assert "2 pictures of part-labels, val" in text
    headings = ("IoU hair", "superpixel accuracy", "sparsity", "F1 background")
    assert all(words in text for words in (*headings, "baseline: theirs"))
    assert "Table 1" not in text


def test_cofw_has_table_1_alone(tmp_path, fake_models):
    text = dataset_text(evaluate_data("mine", f"cofw:{write_cofw(tmp_path / 'set')}", limit=2))
    assert "2 pictures of cofw, test" in text
    assert all(title in text for title in ("Table 1", "recall face", "fps")) and "Table 4" not in text


def test_sheet_shows_face_and_masks_the_rest(tmp_path):
    ids = (drawn_ids() > 0).astype(np.uint8)
    example = Example(drawn_rgb(), ids, None, None, None, "one")
    comparison = Comparison(example, {"ours": np.zeros_like(ids)})
    path = write_comparison_sheet(tmp_path / "s.png", [comparison], CONSENSUS_LABELS, SPEC)
    sheet = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    middle, truth, ours = 16 + 85, 160 + 80, 320 + 80
    assert (sheet[middle, truth] == sheet[middle, 80]).all()
    assert sheet[middle, ours].tolist() == sheet[20, truth - 75].tolist() == [58, 72, 104]


def test_command_prints_writes_json_and_a_sheet(tmp_path):
    folder = write_cofw(tmp_path / "set")
    words = ["evaluate", "consensus-lite", "--data", f"cofw:{folder}"]
    result = CliRunner().invoke(
        app, [*words, "--json", str(tmp_path / "r.json"), "--sheet", str(tmp_path / "s.png"), "--limit", "2"]
    )
    assert result.exit_code == 0, result.output
    assert "IoU face" in result.output
    assert json.loads((tmp_path / "r.json").read_text())["rows"][0]["face"].keys() >= {"iou_face", "sparsity"}
    assert (tmp_path / "s.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--labels", "x"],
        ["--labels", "x", "--occluders", "y", "--baseline", "z"],
        ["--labels", "x", "--occluders", "y", "--limit", "3"],
        ["--data", "cofw:x", "--labels", "y"],
    ],
)
def test_data_excludes_labels_and_occluders(words):
    result = CliRunner().invoke(app, ["evaluate", "consensus-lite", *words])
    assert isinstance(result.exception, UsageError)
    assert "--data" in str(result.exception) and "--occluders" in str(result.exception)
