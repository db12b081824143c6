"""A new kind of data set is one file that registers a reader: nothing else needs to know it."""

from contextlib import contextmanager

import numpy as np
import pytest

from engines.errors import UsageError
from engines.spec import CONSENSUS_LABELS, FACE, PART_LABELS, ModelSpec
from tests.fakes.parts import model_of
from train.datasets.base import Example
from train.datasets.registry import READERS, MergedClasses, Reader, Table, register
from train.measure import evaluate_dataset
from train.measure.evaluate_dataset import evaluate_data
from train.measure.tables import dataset_text

SKIN, LEFT_EYE, RIGHT_EYE = (PART_LABELS.index(name) for name in ("skin", "left eye", "right eye"))


class Toy:
    """Two pictures whose left half is face, or skin with two eyes."""

    name = "toy"

    def __init__(self, parts: bool = False) -> None:
        self.labels = PART_LABELS if parts else CONSENSUS_LABELS
        self._ids = np.zeros((64, 64), np.uint8)
        self._ids[:, :32] = SKIN if parts else FACE
        if parts:
            self._ids[20:30, 4:12], self._ids[20:30, 20:28] = RIGHT_EYE, LEFT_EYE

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Example:
        rgb = np.full((64, 64, 3), index, np.uint8)
        return Example(rgb, self._ids, None, None, (0.0, 0.0, 64.0, 64.0), f"toy {index}")


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """KIND:FOLDER of a newly registered kind."""
    reader = Reader(
        "toy",
        consensus=lambda folder, split: Toy(),
        parts=lambda folder, split: Toy(parts=True),
        tables=(Table("Toys", "face", {"iou_face": "IoU of the toy", "accuracy": "accuracy"}),),
        merged=MergedClasses("both eyes as one", {"eyes": ("left eye", "right eye")}, overall=("eyes",)),
    )
    monkeypatch.setitem(READERS, "toy", reader)  # removes it after the test
    register(reader)
    return f"toy:{tmp_path}"


@pytest.fixture
def guess(monkeypatch):
    """`open_model` gives a model that predicts one class everywhere."""

    @contextmanager
    def opened(name):
        labels, guessed = (PART_LABELS, LEFT_EYE) if name == "parts" else (CONSENSUS_LABELS, FACE)
        spec = ModelSpec(name, labels, size_px=32, crop_scale=1.0)
        yield model_of(name, spec, lambda rgb: np.full(rgb.shape[:3], guessed, np.uint8))

    monkeypatch.setattr(evaluate_dataset, "open_model", opened)


def test_a_new_kind_is_evaluated_with_the_tables_that_it_declares(toy, guess):
    text = dataset_text(evaluate_data("mine", toy))
    assert "2 pictures of toy, test" in text and "Toys\n" in text and "IoU of the toy" in text
    assert "50.00" in text and "Table" not in text and "sparsity" not in text


def test_a_new_kind_of_parts_has_its_merged_classes(toy, guess):
    result = evaluate_data("parts", toy)
    (row,) = result["rows"]
    # 160 of a picture's 4,096 pixels are eyes, and all pixels are predicted as eyes: 2 * 160 / (160 + 4096)
    assert row["merged"] == {"eyes": 7.52, "overall": 7.52}
    assert row["f1"]["right eye"] == 0
    assert "normal light: both eyes as one\n" in dataset_text(result)


def test_without_its_reader_the_kind_is_unknown(tmp_path):
    with pytest.raises(UsageError, match="data set 'toy' is unknown; expected one of celebamask-hq"):
        evaluate_data("mine", f"toy:{tmp_path}")
