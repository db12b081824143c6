"""Scores of a model on the held-out set, in percent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engines.spec import FACE, OCCLUSION, ModelSpec
from realtime.frames.types import U8
from train.measure.held_out import HeldOutSet
from train.measure.metrics import Confusion, sparsity
from train.measure.open_model import Predict, network_predictor, predict_all

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Predictions:
    """(N, S, S) class ids that a model predicted for the clean and for the pasted crops of a set."""

    clean: U8
    pasted: U8


def evaluate_network(network: nn.Module, held_out: HeldOutSet) -> dict[str, Any]:
    """Evaluate an eager network."""
    return evaluate(network_predictor(network, held_out.spec), held_out)


def evaluate(predict: Predict, held_out: HeldOutSet) -> dict[str, Any]:
    """Evaluate any function that predicts class ids. Returns `score`."""
    return score(held_out, predict_set(predict, held_out))


def predict_set(predict: Predict, held_out: HeldOutSet) -> Predictions:
    """Predict the clean and the pasted crops of a set."""
    return Predictions(predict_all(predict, held_out.clean), predict_all(predict, held_out.pasted))


def score(held_out: HeldOutSet, predictions: Predictions) -> dict[str, Any]:
    """Metrics in percent on the clean and the pasted crops, and the face's IoU by kind of occluder and by folder."""

    def face_iou_by(keys: Sequence[str]) -> dict[str, float]:
        indices = {name: [i for i, key in enumerate(keys) if key == name] for name in sorted(set(keys))}
        return {
            name: metrics(held_out.pasted_labels[i], predictions.pasted[i], held_out.spec)["face_iou"]
            for name, i in indices.items()
        }

    return {
        "faces": len(held_out.names),
        "clean": metrics(held_out.clean_labels, predictions.clean, held_out.spec),
        "pasted": metrics(held_out.pasted_labels, predictions.pasted, held_out.spec)
        | occluder_metrics(held_out.covered, predictions.pasted),
        "pasted_face_iou_by_occluder": face_iou_by(held_out.kinds),
        "pasted_face_iou_by_set": face_iou_by([Path(name).parent.name for name in held_out.names]),
    }


def metrics(truth: U8, predicted: U8, spec: ModelSpec) -> dict[str, Any]:
    """Metrics of (N, S, S) class ids in percent; sparsity in components."""
    confusion = Confusion.of(truth, predicted, spec.labels)
    return {
        "face_iou": round(100 * confusion.iou()["face"], 2),
        "occlusion_iou": round(100 * confusion.iou()["occlusion"], 2),
        "accuracy": round(100 * confusion.accuracy(), 2),
        "mean_recall": round(100 * confusion.mean_recall(), 2),
        "occlusion_taken_for_face": round(100 * confusion.taken_for("occlusion", "face"), 2),
        "face_taken_for_occlusion": round(100 * confusion.taken_for("face", "occlusion"), 2),
        "sparsity": round(sparsity(list(truth), list(predicted)), 3),
    }


def occluder_metrics(covered: npt.NDArray[np.bool_], predicted: U8) -> dict[str, float]:
    """What the pasted occluder's pixels on the visible face are predicted as, in percent. Their truth is exact."""
    on_occluder = predicted[covered]
    return {
        "occluder_found": round(100 * float((on_occluder == OCCLUSION).mean()), 2),
        "occluder_taken_for_face": round(100 * float((on_occluder == FACE).mean()), 2),
    }
