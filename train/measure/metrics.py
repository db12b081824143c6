"""Segmentation metrics (Structure via Consensus, sections 4.2-4.4).

Pixels of all pictures are counted in one confusion matrix; superpixels and components are counted per picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import UsageError
from realtime.frames.types import U8


@dataclass(frozen=True, eq=False)
class Confusion:
    """Pixel counts: `counts[truth, predicted]`, (K, K) int64."""

    counts: npt.NDArray[np.int64]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, truth: U8, predicted: U8, labels: Sequence[str]) -> Confusion:
        """Count the pixels of equally shaped class ids. Raises UsageError where shapes differ."""
        if truth.shape != predicted.shape:
            raise UsageError(f"truth and prediction differ in shape: {truth.shape} and {predicted.shape}")
        k = len(labels)
        highest = max((int(ids.max()) for ids in (truth, predicted) if ids.size), default=0)
        if highest >= k:
            raise UsageError(f"class id {highest} with {k} labels ({', '.join(labels)}); expected 0..{k - 1}")
        flat = truth.astype(np.int64).ravel() * k + predicted.ravel()
        return cls(np.bincount(flat, minlength=k * k).reshape(k, k), tuple(labels))

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(self.counts + other.counts, self.labels)

    def binary(self, name: str = "face") -> Confusion:
        """One class against all others, as table 1 merges occlusion and background into non-face."""
        k = self.labels.index(name)
        hits, true, found = self.counts[k, k], self.counts[k].sum(), self.counts[:, k].sum()
        rest = self.counts.sum() - true - found + hits
        return Confusion(np.array([[rest, found - hits], [true - hits, hits]]), (f"non-{name}", name))

    def merged(self, groups: Mapping[str, Sequence[str]]) -> Confusion:
        """Merge classes into groups. All other classes become `rest`, which comes first."""
        names = {name: k for k, members in enumerate(groups.values(), 1) for name in members}
        group_of = np.array([names.get(label, 0) for label in self.labels])
        counts = np.zeros((len(groups) + 1,) * 2, np.int64)
        np.add.at(counts, (group_of[:, None], group_of[None, :]), self.counts)
        return Confusion(counts, ("rest", *groups))

    def iou(self) -> dict[str, float]:
        """Intersection over union of each class, 0..1; nan if neither ground truth nor prediction has the class."""
        hits = np.diag(self.counts)
        union = self.counts.sum(axis=0) + self.counts.sum(axis=1) - hits
        return self._named(hits, union)

    def recall(self) -> dict[str, float]:
        """Share of each class's true pixels that are predicted correctly."""
        return self._named(np.diag(self.counts), self.counts.sum(axis=1))

    def f1(self) -> dict[str, float]:
        """Harmonic mean of precision and recall of each class."""
        return self._named(2 * np.diag(self.counts), self.counts.sum(axis=0) + self.counts.sum(axis=1))

    def mean_iou(self) -> float:
        """Mean over the classes that appear."""
        return _mean(self.iou())

    def mean_recall(self) -> float:
        """Mean over the classes of the ground truth ("recall" in tables 1 and 3)."""
        return _mean(self.recall())

    def accuracy(self) -> float:
        """Share of all pixels that are correct."""
        return float(np.diag(self.counts).sum() / max(1, self.counts.sum()))

    def taken_for(self, truth: str, predicted: str) -> float:
        """Share of one class's true pixels that are predicted as another class."""
        row = self.counts[self.labels.index(truth)]
        return float(row[self.labels.index(predicted)] / max(1, row.sum()))

    def to_json(self) -> dict[str, Any]:
        """Accuracy, means and the scores of each class, in percent."""
        return {
            "accuracy": percent(self.accuracy()),
            "mean_iou": percent(self.mean_iou()),
            "mean_recall": percent(self.mean_recall()),
            "iou": {name: percent(value) for name, value in self.iou().items()},
            "f1": {name: percent(value) for name, value in self.f1().items()},
            "recall": {name: percent(value) for name, value in self.recall().items()},
        }

    def _named(self, part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> dict[str, float]:
        values = np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
        return dict(zip(self.labels, (float(v) for v in values), strict=True))


def f1_row(confusion: Confusion) -> dict[str, Any]:
    """F1 of each class and their mean without the background, in percent (Cross-Domain Mutual Learning, 4.1).

    A class that the ground truth never has (ears in LaPa and Helen) is left out.
    """
    in_truth = confusion.counts.sum(axis=1) > 0
    f1 = {name: share for (name, share), has in zip(confusion.f1().items(), in_truth, strict=True) if has}
    f1.pop(confusion.labels[0], None)
    mean = percent(_mean(f1))
    return {"mean_f1": mean, "f1": {name: percent(share) for name, share in f1.items()}}


def merged_f1_row(
    confusion: Confusion, columns: Mapping[str, Sequence[str]], overall: Sequence[str]
) -> dict[str, float | None]:
    """F1 of merged classes in percent, such as table 6 of Cross-Domain Mutual Learning.

    `overall` takes several columns as one class, as EAGRNet's evaluation does, from which the paper's tables come: a
    brow that is called eye counts as correct there. (The overall F1 of table 6 is above the mean of its four columns.)

    Args:
        columns: heading -> the classes that it merges.
        overall: headings.
    """
    merged = {**columns, "overall": [name for heading in overall for name in columns[heading]]}
    return {heading: percent(confusion.merged({heading: classes}).f1()[heading]) for heading, classes in merged.items()}


def component_count(labels: U8) -> int:
    """Number of 8-connected components of all classes except the background (cc in section 4.2)."""
    present = np.flatnonzero(np.bincount(labels.ravel()))
    return sum(cv2.connectedComponents((labels == k).astype(np.uint8), connectivity=8)[0] - 1 for k in present if k)


def sparsity(truths: Sequence[U8], predictions: Sequence[U8]) -> float:
    """Mean absolute difference in the number of connected components, prediction against ground truth (section 4.2)."""
    differences = [abs(component_count(t) - component_count(p)) for t, p in zip(truths, predictions, strict=True)]
    return float(np.mean(differences))


def superpixel_hits(truth: U8, predicted: U8, superpixels: npt.NDArray[np.int32], classes: int) -> tuple[int, int]:
    """Number of correct superpixels in a picture, and number of superpixels.

    "We select the most frequent predicted label in a superpixel" (section 4.4), and so for the ground truth. Among
    equally frequent labels the first is selected.

    Args:
        superpixels: (H, W): ids from 0; ids without a pixel are not counted.
    """
    if not truth.shape == predicted.shape == superpixels.shape:
        raise UsageError(f"shapes differ: {truth.shape}, {predicted.shape} and {superpixels.shape}")
    there = np.bincount(superpixels.ravel()) > 0
    labels = [_most_frequent(ids, superpixels, classes, len(there)) for ids in (truth, predicted)]
    return int(((labels[0] == labels[1]) & there).sum()), int(there.sum())


@dataclass
class ScoreTotals:
    """The scores of tables 1 to 4, added up picture by picture.

    Args:
        labels: the names of the class ids.
        face: the class of table 1, if the labels have it.
    """

    labels: tuple[str, ...]
    face: str = "face"
    confusion: Confusion = field(init=False)
    pictures: int = 0
    superpixels: int = 0
    superpixels_correct: int = 0
    _components: int = 0
    _face_components: int = 0

    def __post_init__(self) -> None:
        k = len(self.labels)
        self.confusion = Confusion(np.zeros((k, k), np.int64), self.labels)

    def add(self, truth: U8, predicted: U8, superpixels: npt.NDArray[np.int32] | None = None) -> None:
        """Add one picture: (H, W) class ids, and its superpixels if the set has them."""
        self.confusion = self.confusion + Confusion.of(truth, predicted, self.labels)
        self.pictures += 1
        self._components += abs(component_count(truth) - component_count(predicted))
        if self.face in self.labels:
            face = self.labels.index(self.face)
            masks = ((ids == face).astype(np.uint8) for ids in (truth, predicted))
            self._face_components += abs(component_count(next(masks)) - component_count(next(masks)))
        if superpixels is not None:
            correct, count = superpixel_hits(truth, predicted, superpixels, len(self.labels))
            self.superpixels_correct += correct
            self.superpixels += count

    def face_row(self) -> dict[str, float | None]:
        """Table 1 without its speed: face against all else, in percent; sparsity in components."""
        binary = self.confusion.binary(self.face)
        return {
            "iou_face": percent(binary.iou()[self.face]),
            "accuracy": percent(binary.accuracy()),
            "recall_face": percent(binary.recall()[self.face]),
            "mean_recall": percent(binary.mean_recall()),
            "sparsity": round(self._face_components / max(1, self.pictures), 2),
        }

    def class_row(self) -> dict[str, float | None]:
        """Tables 2 to 4: IoU and F1 of each class, means and accuracies, in percent; sparsity in components."""
        confusion = self.confusion
        return {
            **{f"iou_{name}": percent(value) for name, value in confusion.iou().items()},
            "mean_iou": percent(confusion.mean_iou()),
            "mean_recall": percent(confusion.mean_recall()),
            "accuracy": percent(confusion.accuracy()),
            "superpixel_accuracy": percent(self.superpixels_correct / self.superpixels) if self.superpixels else None,
            "sparsity": round(self._components / max(1, self.pictures), 2),
            **{f"f1_{name}": percent(value) for name, value in confusion.f1().items()},
        }


def percent(share: float) -> float | None:
    """0..1 -> a percentage with two decimals; None for nan (a class that does not appear)."""
    return None if np.isnan(share) else round(100 * share, 2)


def _mean(shares: dict[str, float]) -> float:
    there = [value for value in shares.values() if not np.isnan(value)]
    return sum(there) / len(there) if there else float("nan")


def _most_frequent(ids: U8, superpixels: npt.NDArray[np.int32], classes: int, count: int) -> npt.NDArray[np.int64]:
    votes = np.bincount(superpixels.ravel().astype(np.int64) * classes + ids.ravel(), minlength=count * classes)
    return votes.reshape(count, classes).argmax(axis=1)
