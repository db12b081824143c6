import numpy as np
import pytest

from engines.errors import UsageError
from engines.spec import PART_LABELS
from train.datasets import READERS
from train.measure.metrics import (
    Confusion,
    ScoreTotals,
    component_count,
    f1_row,
    merged_f1_row,
    percent,
    sparsity,
    superpixel_hits,
)  # fmt: skip

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


def test_class_id_beyond_the_labels_is_refused():
    with pytest.raises(UsageError, match=r"class id 3 with 3 labels .*; expected 0\.\.2"):
        Confusion.of(ids([[0, 3]]), ids([[0, 1]]), LABELS)


def test_binary_merges_occlusion_and_background():
    binary = Confusion.of(ids([[0, 1, 1, 2, 2]]), ids([[2, 1, 0, 0, 1]]), LABELS).binary()
    assert binary.counts.tolist() == [[2, 1], [1, 1]]
    assert binary.labels == ("non-face", "face")
    assert binary.iou()["face"] == pytest.approx(1 / 3)
    assert binary.accuracy() == 0.6
    assert binary.mean_recall() == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_means_leave_absent_classes_out():
    confusion = Confusion.of(ids([[0, 1]]), ids([[0, 0]]), LABELS)
    assert confusion.mean_iou() == 0.25
    assert confusion.mean_recall() == 0.5
    assert percent(Confusion(np.zeros((3, 3), np.int64), LABELS).mean_iou()) is None


def test_superpixel_takes_its_most_frequent_label():
    superpixels = np.array([[0, 0, 0, 2, 2, 2]], np.int32)  # no pixel has the id 1
    truth = ids([[1, 1, 1, 2, 2, 2]])
    assert superpixel_hits(truth, ids([[1, 1, 0, 2, 0, 0]]), superpixels, 3) == (1, 2)
    assert superpixel_hits(truth, truth, superpixels, 3) == (2, 2)


def test_superpixels_equal_a_slow_transcription():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 3, (2, 40, 40)).astype(np.uint8)
    superpixels = rng.integers(0, 60, (40, 40)).astype(np.int32)

    def voted(labels, k):
        return np.bincount(labels[superpixels == k], minlength=3).argmax()

    there = [k for k in range(60) if (superpixels == k).any()]
    right = sum(voted(truth, k) == voted(predicted, k) for k in there)
    assert superpixel_hits(truth, predicted, superpixels, 3) == (right, len(there))


def test_superpixels_of_another_shape_are_refused():
    with pytest.raises(UsageError, match="shapes differ"):
        superpixel_hits(ids([[0, 1]]), ids([[0, 1]]), np.zeros((2, 1), np.int32), 3)


def test_totals_of_a_perfect_prediction_is_full_marks():
    totals, labels = ScoreTotals(LABELS), ids([[1, 1, 0, 2]])
    totals.add(labels, labels, np.array([[0, 0, 1, 2]], np.int32))
    assert totals.face_row() == {
        "iou_face": 100.0, "accuracy": 100.0, "recall_face": 100.0, "mean_recall": 100.0, "sparsity": 0.0,
    }  # fmt: skip
    row = totals.class_row()
    assert row["superpixel_accuracy"] == row["mean_iou"] == row["f1_occlusion"] == 100.0


def test_totals_adds_pictures_up():
    totals = ScoreTotals(LABELS)
    totals.add(ids([[1, 1, 1, 0, 0]]), ids([[1, 2, 1, 0, 0]]))  # one face in two pieces, and an occlusion
    totals.add(ids([[1, 0]]), ids([[1, 0]]))
    assert totals.face_row() == {
        "iou_face": 75.0, "accuracy": 85.71, "recall_face": 75.0, "mean_recall": 87.5, "sparsity": 0.5,
    }  # fmt: skip
    assert totals.class_row()["sparsity"] == 1.0
    assert totals.class_row()["superpixel_accuracy"] is None


# Parts


def parts_confusion(truth, predicted):
    return Confusion.of(np.array([truth], np.uint8), np.array([predicted], np.uint8), PART_LABELS)


def parts_of(*names):
    return [PART_LABELS.index(name) for name in names]


def helen_row_of(confusion):
    merged = READERS["helen"].merged
    return merged_f1_row(confusion, merged.columns, merged.overall)


def test_merged_classes_forgive_what_is_confused_among_them():
    confusion = parts_confusion(parts_of("left eye", "right eye", "skin"), parts_of("right eye", "right eye", "nose"))
    merged = confusion.merged({"eyes": ("left eye", "right eye"), "nose": ("nose",)})
    assert merged.labels == ("rest", "eyes", "nose")
    assert merged.f1()["eyes"] == 1 and merged.f1()["nose"] == 0
    assert merged.counts.sum() == 3
    assert confusion.f1()["left eye"] == 0


def test_mean_f1_leaves_out_background_and_what_the_truth_never_has():
    row = f1_row(
        parts_confusion(parts_of("background", "skin", "skin", "nose"), parts_of("skin", "skin", "left ear", "nose"))
    )
    assert row == {"mean_f1": 75.0, "f1": {"skin": 50.0, "nose": 100.0}}


def test_class_of_the_truth_that_is_never_found_counts_as_nothing():
    row = f1_row(parts_confusion(parts_of("skin", "left ear"), parts_of("skin", "skin")))
    assert row["f1"]["left ear"] == 0 and row["mean_f1"] == pytest.approx(33.33, abs=0.01)


def test_mean_f1_of_a_picture_without_a_face_is_none():
    assert f1_row(parts_confusion(parts_of("background"), parts_of("skin"))) == {"mean_f1": None, "f1": {}}


def test_helen_overall_counts_pixels_and_not_classes():
    truth = parts_of(*["nose"] * 8, "left eye", "right brow", "upper lip", "skin")
    found = parts_of(*["nose"] * 8, "skin", "left brow", "mouth", "skin")
    row = helen_row_of(parts_confusion(truth, found))
    assert (row["nose"], row["eyes"], row["brows"], row["whole mouth"], row["upper lip"]) == (100, 0, 100, 100, 0)
    assert row["overall"] == round(100 * 2 * 10 / (11 + 10), 2)  # the mean of the four would be 75


def test_helen_overall_takes_all_inner_classes_as_one():
    truth = parts_of(*["left brow"] * 50, *["right eye"] * 50)
    found = parts_of(*["left brow"] * 48, *["right eye"] * 52)  # two of a hundred rows of brow are called eye
    row = helen_row_of(parts_confusion(truth, found))
    assert row["overall"] == 100
    assert row["brows"] < 100 and row["eyes"] < 100


def test_helen_overall_ignores_skin_and_hair():
    wrong_hair = helen_row_of(parts_confusion(parts_of("nose", "hair", "skin"), parts_of("nose", "skin", "hair")))
    assert wrong_hair["overall"] == 100 and wrong_hair["skin"] == 0
    assert helen_row_of(parts_confusion(parts_of("skin"), parts_of("skin")))["overall"] is None
