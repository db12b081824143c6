import numpy as np
import pytest

from engines.errors import UsageError
from train.metrics import Confusion, component_count, sparsity

LABELS = ("background", "face", "occlusion")


def ids(rows):
    return np.array(rows, np.uint8)


def test_metrics_of_a_hand_counted_example():
    truth, predicted = ids([[0, 1, 1, 2]]), ids([[0, 1, 2, 2]])
    confusion = Confusion.of(truth, predicted, LABELS)
    assert confusion.iou() == {"background": 1.0, "face": 0.5, "occlusion": 0.5}
    assert confusion.recall()["face"] == 0.5
    assert confusion.f1()["occlusion"] == pytest.approx(2 / 3)
    assert confusion.accuracy() == 0.75
    assert confusion.taken_for("face", "occlusion") == 0.5


def test_absent_class_has_no_iou_rather_than_zero():
    confusion = Confusion.of(ids([[0, 1]]), ids([[0, 1]]), LABELS)
    assert np.isnan(confusion.iou()["occlusion"])
    assert confusion.to_json()["iou"]["occlusion"] is None


def test_confusions_add_up():
    a = Confusion.of(ids([[0, 1]]), ids([[0, 0]]), LABELS)
    b = Confusion.of(ids([[2, 1]]), ids([[2, 1]]), LABELS)
    assert (a + b).counts.sum() == 4
    assert (a + b).accuracy() == 0.75


def test_different_shapes_are_refused():
    with pytest.raises(UsageError, match="differ in shape"):
        Confusion.of(ids([[0, 1]]), ids([[0]]), LABELS)


def test_component_count_joins_diagonals_and_leaves_background_out():
    assert component_count(ids([[1, 0, 2], [0, 1, 0], [2, 0, 2]])) == 4  # one face (diagonal), three occlusions
    assert component_count(ids([[0, 0], [0, 0]])) == 0


def test_sparsity_is_the_mean_absolute_difference():
    whole, holed = ids([[1, 1, 1]]), ids([[1, 0, 1]])
    assert sparsity([whole, whole], [whole, holed]) == 0.5
    assert sparsity([holed], [whole]) == 1.0
