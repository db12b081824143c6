"""What `unveil evaluate` measures on the faces that are kept aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engines.engine import Engine
from engines.errors import UsageError
from engines.load import load_engine
from engines.spec import CONSENSUS_LABELS, FACE, OCCLUSION, ModelSpec
from realtime.frames.types import U8
from train.data.faces import load_faces
from train.measure.end_to_end import find
from train.measure.group_table import Predicted, group_rows, grouped, made_copies, write_groups_sheet
from train.measure.held_out import Held
from train.measure.label_pictures import overlay, write_grid
from train.measure.metrics import Confusion, sparsity
from train.occluders.kinds import Occluders

if TYPE_CHECKING:
    from torch import nn

Predict = Callable[[U8], U8]
"""(N, S, S, 3) uint8 RGB crops -> (N, S, S) uint8 class ids."""


def evaluate(predict: Predict, held: Held) -> dict[str, Any]:
    """Metrics in percent on the clean and on the pasted crops, and for each kind of occluder."""
    return score(held, predict_held(predict, held))


def predict_held(predict: Predict, held: Held) -> Predicted:
    """What a model makes of the whole set."""
    return Predicted(predict_all(predict, held.clean), predict_all(predict, held.pasted))


def score(held: Held, predicted: Predicted) -> dict[str, Any]:
    """`evaluate`, of what was predicted."""

    def face_iou_by(groups: Sequence[str]) -> dict[str, float]:
        indices = {name: [i for i, group in enumerate(groups) if group == name] for name in sorted(set(groups))}
        return {
            name: metrics(held.pasted_labels[i], predicted.pasted[i], held.spec)["face_iou"]
            for name, i in indices.items()
        }

    return {
        "faces": len(held.names),
        "clean": metrics(held.clean_labels, predicted.clean, held.spec),
        "pasted": metrics(held.pasted_labels, predicted.pasted, held.spec)
        | occluder_metrics(held.covered, predicted.pasted),
        "pasted_face_iou_by_occluder": face_iou_by(held.kinds),
        "pasted_face_iou_by_set": face_iou_by([Path(name).parent.name for name in held.names]),
    }


def metrics(truth: U8, predicted: U8, spec: ModelSpec) -> dict[str, Any]:
    """The row of one set, in percent (sparsity in components)."""
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
    """What became of the pixels of a visible face that the pasted occluder covers (exact truth), in percent."""
    on_occluder = predicted[covered]
    return {
        "occluder_found": round(100 * float((on_occluder == OCCLUSION).mean()), 2),
        "occluder_taken_for_face": round(100 * float((on_occluder == FACE).mean()), 2),
    }


def evaluate_model(
    model: str, labels: Path, occluders: Path, sheet: Path | None = None, groups_sheet: Path | None = None
) -> dict[str, Any]:
    """`evaluate` for a checkpoint (.safetensors), an engine's folder or a model of the zoo; engines also by detection.

    Args:
        sheet: where to write a look at it.
        groups_sheet: where to write a look at each group of faces.

    Raises:
        UsageError: the model has other labels.
        DataError: a folder is missing or damaged.
    """
    faces, library = load_faces(labels, "held"), Occluders(occluders, "held")
    with _opened(model) as (name, spec, predict, engine):
        if spec.labels != CONSENSUS_LABELS:
            raise UsageError(
                f"{name} tells {', '.join(spec.labels)} apart, expected {', '.join(CONSENSUS_LABELS)}; "
                "measure it with --data parts:FOLDER"
            )
        held = Held.compose(faces, library, spec)
        predicted = predict_held(predict, held)
        copies = {
            title: (copy, predict_held(predict, copy)) for title, copy in made_copies(held, faces, library).items()
        }
        shown = grouped(held, predicted, copies)
        found = find(engine, faces, library) if engine else None
    if sheet:
        write_sheet(sheet, held, predicted)
    if groups_sheet:
        write_groups_sheet(groups_sheet, shown)
    result = {"model": name} | score(held, predicted) | {"groups": group_rows(shown)}
    if found:
        row = metrics(found.truth, found.predicted, spec) | occluder_metrics(found.covered, found.predicted)
        result["detected"] = {"found": round(100 * found.share, 2)} | row
    return result


@contextmanager
def _opened(model: str) -> Iterator[tuple[str, ModelSpec, Predict, Engine | None]]:
    """Its name, its spec, what predicts, and the engine where it is one."""
    if model.endswith(".safetensors"):
        from train.models import restore

        network, spec = restore(Path(model))
        yield model, spec, network_predictor(network, spec), None
    else:
        with load_engine(model) as engine:
            yield engine.description, engine.spec, engine_predictor(engine), engine


def evaluate_network(network: nn.Module, held: Held) -> dict[str, Any]:
    """`evaluate` for an eager network."""
    return evaluate(network_predictor(network, held.spec), held)


def network_predictor(network: nn.Module, spec: ModelSpec) -> Predict:
    """Class ids from an eager network in float32, where its weights are."""
    import torch

    from train.models.preprocess import normalise

    device = next(network.parameters()).device

    def predict(crops: U8) -> U8:
        network.eval()
        with torch.inference_mode():
            logits = network(normalise(torch.from_numpy(crops).to(device), spec))
            return logits.argmax(dim=1).to(torch.uint8).cpu().numpy()

    return predict


def engine_predictor(engine: Engine) -> Predict:
    """Class ids from a compiled engine."""
    return lambda crops: engine(crops).labels


def write_sheet(path: Path, held: Held, predicted: Predicted, count: int = 40) -> Path:
    """A look at pasted crops: input | truth | prediction."""
    picked = np.linspace(0, len(held.names) - 1, min(count, len(held.names))).astype(int)
    tiles = [
        np.hstack([crop, overlay(crop, truth), overlay(crop, labels)])
        for crop, truth, labels in zip(
            held.pasted[picked], held.pasted_labels[picked], predicted.pasted[picked], strict=True
        )
    ]
    return write_grid(tiles, path, columns=4)


def predict_all(predict: Predict, crops: U8, batch: int = 32) -> U8:
    """Class ids of any number of crops, a batch at a time."""
    return np.concatenate([predict(crops[i : i + batch]) for i in range(0, len(crops), batch)])
