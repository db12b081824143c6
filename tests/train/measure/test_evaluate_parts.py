import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cli import app
from engines.errors import DataError, UsageError
from engines.spec import CONSENSUS_LABELS, DEPTH_LABELS, PART_LABELS, ModelSpec
from tests.fakes.datasets import write_celebamask_hq, write_cofw, write_depth, write_helen, write_lapa
from tests.fakes.parts import model_of, write_parts
from train.datasets import READERS, Example, open_dataset
from train.measure import evaluate_dataset
from train.measure.evaluate_dataset import evaluate_data
from train.measure.evaluate_parts import PartsScores, evaluate_parts
from train.measure.open_model import Model
from train.measure.parts_inputs import COLOUR, GENERATED, MEASURED, crop_of, in_light, model_inputs
from train.measure.tables import dataset_text

COLOUR_SPEC = ModelSpec("parts", PART_LABELS, 96, 2.0)
DEPTH_SPEC = ModelSpec("parts-depth", PART_LABELS, 96, 2.0, modality="depth")
TRANSLATOR_SPEC = ModelSpec("rgb-to-depth", DEPTH_LABELS, 96, 2.0)
HAIR, SKIN = PART_LABELS.index("hair"), PART_LABELS.index("skin")


@pytest.fixture
def faces(tmp_path):
    return open_dataset("parts", write_parts(tmp_path / "faces"), "test", parts=True)


def crops_of(dataset, spec):
    return [crop_of(dataset[i], spec) for i in range(len(dataset))]


def knows(dataset, spec, sees="rgb"):
    """A model that returns the ground truth of known crops, and hair for all others."""
    truth = {getattr(one, sees).tobytes(): one.truth for one in crops_of(dataset, spec)}
    hair = np.full((spec.size_px, spec.size_px), HAIR, np.uint8)
    return model_of(spec.name, spec, lambda crops: np.stack([truth.get(crop.tobytes(), hair) for crop in crops]))


def draws(dataset, off=0):
    """A translator that returns the depth of known crops, off by some steps, and nothing for all others."""
    gray = {one.rgb.tobytes(): one.depth[..., 0] for one in crops_of(dataset, TRANSLATOR_SPEC)}

    def probabilities(crops):
        near = np.stack([gray.get(crop.tobytes(), np.zeros(crop.shape[:2], np.uint8)) for crop in crops])
        near = np.where(near > 0, near + np.uint8(off), 0).astype(np.uint8)
        return np.stack([255 - near, near], axis=3)

    return Model("rgb-to-depth", TRANSLATOR_SPEC, lambda crops: probabilities(crops)[..., 1] // 128, probabilities)


def rows_of(dataset, models, translator=None, lights=("normal",), sheet=None):
    result = evaluate_parts(models, dataset, range(len(dataset)), translator, lights, sheet)
    return result["rows"]


def test_photographs_and_synthetic_heads_have_rows_of_their_own(faces):
    rows = rows_of(faces, {"ours": knows(faces, COLOUR_SPEC)})
    assert [(row["group"], row["pictures"]) for row in rows] == [("photographs", 4), ("synthetic heads", 4)]
    assert all(row["mean_f1_in_crop"] == 100 and row["mean_f1"] > 90 for row in rows)
    assert rows[0]["f1"].keys() == {"skin", "left eye", "right eye", "nose", "hair"}  # what the truth has


def test_wrong_labels_score_low(faces):
    guess = model_of("guess", COLOUR_SPEC, lambda crops: np.full(crops.shape[:3], SKIN, np.uint8))
    (row, _) = rows_of(faces, {"ours": guess})
    assert 0 < row["f1"]["skin"] < 60 and row["f1"]["nose"] == 0


def test_dark_hurts_colour_and_not_measured_depth(faces):
    models = {"baseline": knows(faces, COLOUR_SPEC), "ours": knows(faces, DEPTH_SPEC, "depth")}
    rows = [row for row in rows_of(faces, models, lights=("normal", "dark")) if row["group"] == "photographs"]
    found = {(row["light"], row["sees"]): row["mean_f1_in_crop"] for row in rows}
    assert found["normal", COLOUR] == found["normal", MEASURED] == found["dark", MEASURED] == 100
    assert found["dark", COLOUR] < 20


@pytest.mark.parametrize("light", ["normal", "dark", "glare"])
def test_beyond_the_picture_it_is_black_in_any_light(faces, light):
    example = faces[0]
    left, top, right, bottom = example.box_xyxy
    moved = replace(example, box_xyxy=(left - 40, top, right - 40, bottom))
    crops = [crop_of(moved, COLOUR_SPEC)]
    lit = in_light(crops, light, [0])[0]
    beyond = crops[0].inside == 0
    assert beyond.any() and not lit[beyond].any() and lit[~beyond].any()


def test_depth_made_of_colour_is_a_row_of_its_own(faces):
    models, translator = {"ours": knows(faces, DEPTH_SPEC, "depth")}, draws(faces)
    rows = [row for row in rows_of(faces, models, translator, ("normal", "dark")) if row["group"] == "photographs"]
    found = {(row["light"], row["sees"]): row["mean_f1_in_crop"] for row in rows}
    assert found["normal", GENERATED] == found["dark", MEASURED] == 100
    assert found["dark", GENERATED] < 20


@pytest.mark.parametrize("off", [0, 4])
def test_translator_is_measured_in_both_units(faces, off):
    (row, _) = rows_of(faces, {"ours": draws(faces, off)})
    there = np.mean([(one.depth > 0).mean() for one in crops_of(faces, TRANSLATOR_SPEC)[:4]])
    assert row["l1_mm"] == pytest.approx(1.25 * off)
    assert row["l1"] == pytest.approx(off / 127.5 * there, abs=1e-3)
    assert "f1" not in row


def test_translator_needs_depth_to_compare_with(tmp_path):
    dataset = open_dataset("lapa", write_lapa(tmp_path), "test", parts=True)
    blind = Model("blind", TRANSLATOR_SPEC, lambda crops: crops[..., 0], lambda crops: crops[..., :2])
    with pytest.raises(DataError, match="100012_0 has no depth to compare with"):
        rows_of(dataset, {"ours": blind})


def test_depth_model_needs_depth_or_a_translator(tmp_path):
    dataset = open_dataset("lapa", write_lapa(tmp_path), "test", parts=True)
    ours = model_of("parts-depth", DEPTH_SPEC, lambda crops: crops[..., 0] // 20)
    with pytest.raises(DataError, match="parts-depth sees depth, and lapa has none; expected a set with depth"):
        rows_of(dataset, {"ours": ours})
    made = Model("t", TRANSLATOR_SPEC, lambda crops: crops[..., 0], lambda crops: crops[..., :2])
    assert [row["sees"] for row in rows_of(dataset, {"ours": ours}, made)] == [GENERATED]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (COLOUR_SPEC, "expected a model that generates depth from colour"),
        (
            ModelSpec("rgb-to-depth", DEPTH_LABELS, 128, 2.0),
            "generates crops of 128 px at scale 2, parts-depth sees",
        ),
    ],
)
def test_translator_that_does_not_fit_is_refused(spec, message):
    models = {"ours": model_of("parts-depth", DEPTH_SPEC, lambda crops: crops[..., 0])}
    with pytest.raises(UsageError, match=message):
        model_inputs(models, model_of("other", spec, lambda crops: crops[..., 0]), "parts", has_depth=True)


def test_translator_that_nobody_uses_is_refused():
    models = {"ours": model_of("parts", COLOUR_SPEC, lambda crops: crops[..., 0])}
    with pytest.raises(UsageError, match="generates depth that no model here sees"):
        model_inputs(models, model_of("t", TRANSLATOR_SPEC, lambda crops: crops[..., 0]), "parts", has_depth=True)


def test_baseline_of_other_labels_is_refused(faces):
    other = model_of("lite", ModelSpec("lite", CONSENSUS_LABELS, 96, 2.0), lambda crops: crops[..., 0] // 100)
    with pytest.raises(UsageError, match="lite has the labels background, face, occlusion; expected the 13"):
        rows_of(faces, {"baseline": other, "ours": knows(faces, COLOUR_SPEC)})


def test_unknown_light_is_refused(faces):
    with pytest.raises(UsageError, match="light 'moon' is unknown; expected normal, dark, glare"):
        rows_of(faces, {"ours": knows(faces, COLOUR_SPEC)}, lights=("moon",))


def test_face_beside_the_picture_is_refused(faces):
    example = faces[0]
    outside = Example(example.rgb, example.labels, None, None, (900.0, 900.0, 950.0, 950.0), "one")

    class One:
        name, labels = "parts", PART_LABELS

        def __len__(self):
            return 1

        def __getitem__(self, _):
            return outside

    with pytest.raises(DataError, match="one: its face's box lies outside the 96x96 picture"):
        rows_of(One(), {"ours": knows(faces, COLOUR_SPEC)})


def test_lapa_has_no_ears_in_its_mean_whatever_is_found(tmp_path):
    dataset = open_dataset("lapa", write_lapa(tmp_path), "test", parts=True)
    ear = PART_LABELS.index("left ear")
    right = knows(dataset, COLOUR_SPEC)

    def with_ears(crops):
        found = right.predict(crops)
        found[:, :4] = ear
        return found

    (row,) = rows_of(dataset, {"ours": model_of("ears", COLOUR_SPEC, with_ears)})
    assert "left ear" not in row["f1"] and row["mean_f1"] == pytest.approx(np.mean(list(row["f1"].values())), abs=0.01)


@pytest.mark.parametrize(
    ("kind", "write"), [("helen", write_helen), ("helen-d", lambda f: write_depth(write_helen(f)))]
)
def test_helen_has_the_merged_columns_too(tmp_path, kind, write):
    dataset = open_dataset(kind, write(tmp_path), "test", parts=True)
    models, merged = {"ours": knows(dataset, COLOUR_SPEC)}, READERS[kind].merged
    (row,) = evaluate_parts(models, dataset, range(len(dataset)), None, ("normal",), merged=merged)["rows"]
    assert row["merged"].keys() == {
        "skin", "nose", "upper lip", "mouth", "lower lip", "eyes", "brows", "whole mouth", "overall"
    }  # fmt: skip
    assert row["merged"]["overall"] > 70
    assert ("hair" in row["f1"]) == (kind == "helen")


def test_hair_beyond_the_crop_of_a_published_picture_is_missed():
    labels = np.full((96, 96), HAIR, np.uint8)
    labels[40:56, 40:56] = SKIN
    example = Example(np.zeros((96, 96, 3), np.uint8), labels, None, None, (40.0, 40.0, 56.0, 56.0), "long hair")
    crop = crop_of(example, COLOUR_SPEC)  # the 32 middle pixels of 96
    right = np.eye(len(PART_LABELS), dtype=np.uint8)[crop.truth] * 255
    scores = {whole: PartsScores(whole_picture=whole) for whole in (False, True)}
    for each in scores.values():
        each.add(example, crop, right)
    assert scores[False].row()["f1"]["hair"] > 95
    seen, hair = 32 * 32 - 16 * 16, 96 * 96 - 16 * 16
    assert scores[True].row()["f1"]["hair"] == pytest.approx(100 * 2 * seen / (seen + hair), abs=1)
    assert [READERS[kind].whole_picture for kind in ("helen", "celebamask-hq-d", "parts")] == [True, True, False]


# The command


@pytest.fixture
def fake_models(monkeypatch, faces):
    """`open_model` gives models of these tests by name."""
    from contextlib import contextmanager

    known = {
        "parts": knows(faces, COLOUR_SPEC),
        "parts-depth": knows(faces, DEPTH_SPEC, "depth"),
        "rgb-to-depth": draws(faces),
    }

    @contextmanager
    def opened(name):
        yield known[name]

    monkeypatch.setattr(evaluate_dataset, "open_model", opened)


def test_command_compares_three_ways_to_see_in_three_lights(tmp_path, fake_models):
    words = ["evaluate", "parts-depth", "--data", f"parts:{tmp_path / 'faces'}", "--baseline", "parts"]
    words += ["--translator", "rgb-to-depth", "--light", "all", "--limit", "6"]
    words += ["--json", str(tmp_path / "r.json"), "--sheet", str(tmp_path / "s.png")]
    run = CliRunner().invoke(app, words)
    assert run.exit_code == 0, run.output
    result = json.loads((tmp_path / "r.json").read_text())
    assert (result["data"], result["pictures"], result["lights"]) == ("parts", 6, ["normal", "dark", "glare"])
    assert len(result["rows"]) == 3 * 3 * 2
    for said in ("dark light, 3 photographs: F1 by part", "baseline: parts, sees colour", "L-Eye", "Mean", "in crop"):
        assert said in run.output
    # A row for each picture and light: input, measured depth, truth, and three models with the depth made for one.
    sheet = cv2.imread(str(tmp_path / "s.png"))
    assert sheet.shape[:2] == (6 * 3 * (208 + 16), 7 * 208)


def test_command_refuses_light_without_data():
    run = CliRunner().invoke(app, ["evaluate", "parts", "--labels", "x", "--occluders", "y", "--light", "dark"])
    assert isinstance(run.exception, UsageError) and "--light go with it" in str(run.exception)


def test_text_has_depth_in_both_units_and_dashes_for_what_is_not_there(tmp_path, fake_models):
    text = dataset_text(evaluate_data("rgb-to-depth", f"parts:{tmp_path / 'faces'}"))
    assert "L1 (-1..1)" in text and "L1 mm" in text and "F1 by part" not in text
    assert "  -" in dataset_text(evaluate_data("parts", f"parts:{tmp_path / 'faces'}"))  # no ears here


def test_celebamask_hq_rows_have_no_group(tmp_path, fake_models):
    folder = write_celebamask_hq(tmp_path / "set")
    result = evaluate_data("parts", f"celebamask-hq:{folder}")
    assert [row["group"] for row in result["rows"]] == [""]
    assert "\nnormal light: F1 by part\n" in dataset_text(result)


def test_set_without_parts_is_refused(tmp_path, fake_models):
    with pytest.raises(UsageError, match="cofw has no part labels"):
        evaluate_data("parts", f"cofw:{write_cofw(tmp_path / 'set')}")
