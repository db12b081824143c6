"""Segmentation metrics (Structure via Consensus, sections 4.2-4.4), over one global confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import UsageError
from realtime.types import U8


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
        flat = truth.astype(np.int64).ravel() * k + predicted.ravel()
        return cls(np.bincount(flat, minlength=k * k).reshape(k, k), tuple(labels))

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(self.counts + other.counts, self.labels)

    def iou(self) -> dict[str, float]:
        """Intersection over union of each class, 0..1 (nan where neither truth nor prediction has it)."""
        hits = np.diag(self.counts)
        union = self.counts.sum(axis=0) + self.counts.sum(axis=1) - hits
        return self._named(hits, union)

    def recall(self) -> dict[str, float]:
        """Share of each class's true pixels that were found."""
        return self._named(np.diag(self.counts), self.counts.sum(axis=1))

    def f1(self) -> dict[str, float]:
        """Harmonic mean of precision and recall of each class."""
        return self._named(2 * np.diag(self.counts), self.counts.sum(axis=0) + self.counts.sum(axis=1))

    def accuracy(self) -> float:
        """Share of all pixels that are right."""
        return float(np.diag(self.counts).sum() / max(1, self.counts.sum()))

    def taken_for(self, truth: str, predicted: str) -> float:
        """Share of one class's true pixels that were labelled as another."""
        row = self.counts[self.labels.index(truth)]
        return float(row[self.labels.index(predicted)] / max(1, row.sum()))

    def to_json(self) -> dict[str, Any]:
        """All of the above, in percent."""
        return {
            "accuracy": round(100 * self.accuracy(), 2),
            "mean_recall": _percent(float(np.nanmean(list(self.recall().values())))),
            "iou": {name: _percent(value) for name, value in self.iou().items()},
            "f1": {name: _percent(value) for name, value in self.f1().items()},
            "recall": {name: _percent(value) for name, value in self.recall().items()},
        }

    def _named(self, part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> dict[str, float]:
        values = np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
        return dict(zip(self.labels, (float(v) for v in values), strict=True))


def component_count(labels: U8) -> int:
    """8-connected components of all classes but the background (section 4.2's cc)."""
    counts = [
        cv2.connectedComponents((labels == k).astype(np.uint8), connectivity=8)[0] - 1 for k in np.unique(labels) if k
    ]
    return sum(counts)


def sparsity(truths: Sequence[U8], predictions: Sequence[U8]) -> float:
    """Mean absolute difference in the number of connected components, prediction against truth (section 4.2)."""
    differences = [abs(component_count(t) - component_count(p)) for t, p in zip(truths, predictions, strict=True)]
    return float(np.mean(differences))


def _percent(share: float) -> float | None:
    return None if np.isnan(share) else round(100 * share, 2)
