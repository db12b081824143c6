"""The held-aside set and the tables of `unveil evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engines.engine import Engine
from engines.load import load_engine
from engines.spec import FACE, OCCLUSION, ModelSpec
from realtime.detect import Detector, DetectsFaces
from realtime.draw import render
from realtime.parse import crop_faces, parse_faces
from realtime.track import Tracker
from realtime.types import U8, Frame
from train.data.composites import frame_face
from train.data.faces import STORE_PX, STORE_SCALE, Face, load_faces
from train.metrics import Confusion, sparsity
from train.occlude import KINDS, Occluders, Scene, paste
from train.views import overlay, write_grid

if TYPE_CHECKING:
    from torch import nn

Predict = Callable[[U8], U8]
"""(N, S, S, 3) uint8 RGB crops -> (N, S, S) uint8 class ids."""

_SEED = 20_000
_DETECTOR_SHIFT, _DETECTOR_ZOOM = 0.025, 0.06  # of the face box, per axis: what the detector is off by


@dataclass(frozen=True, eq=False)
class Held:
    """Held-aside faces, each as it is (`clean`) and with one held-aside occluder pasted (`pasted`).

    Crops are framed as a detector would, a little off. No change of light: what is measured is the mask.
    """

    spec: ModelSpec
    clean: U8
    """(N, S, S, 3)"""
    clean_labels: U8
    """(N, S, S)"""
    pasted: U8
    pasted_labels: U8
    kinds: tuple[str, ...]
    """The occluder of each pasted crop."""
    names: tuple[str, ...]
    """The face of each crop."""

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """(N, S, S): where the pasted occluder covers what was visible of the face."""
        return (self.clean_labels == FACE) & (self.pasted_labels == OCCLUSION)

    @classmethod
    def load(cls, labels: Path, occluders: Path, spec: ModelSpec) -> Held:
        """Compose the set; always the same for the same folders."""
        library = Occluders(occluders, "held")
        faces = load_faces(labels, "held")
        rows = [_compose(face, library, spec, i) for i, face in enumerate(faces)]
        clean, clean_labels, pasted, pasted_labels = (np.stack([row[i] for row in rows]) for i in range(4))
        kinds = tuple(KINDS[i % len(KINDS)] for i in range(len(faces)))
        return cls(spec, clean, clean_labels, pasted, pasted_labels, kinds, tuple(face.name for face in faces))


def evaluate(predict: Predict, held: Held) -> dict[str, Any]:
    """Metrics in percent on the clean and on the pasted crops, and for each kind of occluder."""
    clean = _predict_all(predict, held.clean)
    pasted = _predict_all(predict, held.pasted)

    def face_iou_by(groups: Sequence[str]) -> dict[str, float]:
        indices = {name: [i for i, group in enumerate(groups) if group == name] for name in sorted(set(groups))}
        return {name: metrics(held.pasted_labels[i], pasted[i], held.spec)["face_iou"] for name, i in indices.items()}

    return {
        "faces": len(held.names),
        "clean": metrics(held.clean_labels, clean, held.spec),
        "pasted": metrics(held.pasted_labels, pasted, held.spec) | occluder_metrics(held.covered, pasted),
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


def evaluate_model(model: str, labels: Path, occluders: Path, sheet: Path | None = None) -> dict[str, Any]:
    """`evaluate` for a checkpoint (.safetensors), an engine's folder or a model of the zoo; engines also by detection.

    Args:
        sheet: where to write a look at it.
    """
    with ExitStack() as stack:
        if model.endswith(".safetensors"):
            from train.models import restore

            network, spec = restore(Path(model))
            held, name, predict = Held.load(labels, occluders, spec), model, network_predictor(network, spec)
            found = {}
        else:
            engine = stack.enter_context(load_engine(model))
            held, name, predict = (
                Held.load(labels, occluders, engine.spec),
                engine.description,
                engine_predictor(engine),
            )
            found = {"detected": evaluate_found(engine, labels, occluders)}
        if sheet:
            write_sheet(sheet, predict, held)
        return {"model": name} | evaluate(predict, held) | found


def evaluate_network(network: nn.Module, held: Held) -> dict[str, Any]:
    """`evaluate` for an eager network."""
    return evaluate(network_predictor(network, held.spec), held)


def network_predictor(network: nn.Module, spec: ModelSpec) -> Predict:
    """Class ids from an eager network in float32."""
    import torch

    from train.loop import normalise

    def predict(crops: U8) -> U8:
        network.eval()
        with torch.inference_mode():
            return network(normalise(torch.from_numpy(crops), spec)).argmax(dim=1).to(torch.uint8).numpy()

    return predict


def evaluate_found(engine: Engine, labels: Path, occluders: Path) -> dict[str, Any]:
    """As a user meets it: an occluder on the photograph, then detection, crop and engine of the run time.

    Measured inside the square of `crop_scale` times the full-face box (the face box protocol). A face that the
    detector misses counts as all background. In percent; `found` is the share of faces with any prediction.
    """
    detector = Detector()
    library, faces = Occluders(occluders, "held"), load_faces(labels, "held")
    truths, covered, predictions = [], [], []
    for index, face in enumerate(faces):
        rng = np.random.default_rng((_SEED, index))
        scene = Scene(face.rgb, face.labels, face.landmarks, face.box_side)
        scene = paste(scene, library.make(KINDS[index % len(KINDS)], scene, rng), rng)
        truths.append(_face_box(scene.labels, engine.spec))
        covered.append(_face_box((face.labels == FACE) & (scene.labels == OCCLUSION), engine.spec))
        predictions.append(_face_box(label_frame(Frame((scene.rgb,), "rgb"), engine, detector), engine.spec))
    found = 100 * float(np.mean([bool(p.any()) for p in predictions]))
    predicted = np.stack(predictions)
    row = metrics(np.stack(truths), predicted, engine.spec)
    return {"found": round(found, 2)} | row | occluder_metrics(np.stack(covered), predicted)


def label_frame(frame: Frame, engine: Engine, detector: DetectsFaces) -> U8:
    """(H, W) uint8 class ids of a single picture, by the run time's own steps."""
    tracker = Tracker(detector, engine.spec)
    regions = tracker.regions(frame)
    faces = tracker.update(parse_faces(engine, crop_faces(frame, regions, engine.spec.size_px), regions))
    return render(frame, faces, "labels", engine.spec).planes[0]


def engine_predictor(engine: Engine) -> Predict:
    """Class ids from a compiled engine."""
    return lambda crops: engine(crops).labels


def write_sheet(path: Path, predict: Predict, held: Held, count: int = 40) -> Path:
    """A look at pasted crops: input | truth | prediction."""
    picked = np.linspace(0, len(held.names) - 1, min(count, len(held.names))).astype(int)
    predicted = _predict_all(predict, held.pasted[picked])
    tiles = [
        np.hstack([crop, overlay(crop, truth), overlay(crop, labels)])
        for crop, truth, labels in zip(held.pasted[picked], held.pasted_labels[picked], predicted, strict=True)
    ]
    return write_grid(tiles, path, columns=4)


def _face_box(pixels: npt.NDArray[Any], spec: ModelSpec) -> npt.NDArray[Any]:
    margin = round(STORE_PX * (1 - spec.crop_scale / STORE_SCALE) / 2)
    return pixels[margin : STORE_PX - margin, margin : STORE_PX - margin]


def _predict_all(predict: Predict, crops: U8, batch: int = 32) -> U8:
    return np.concatenate([predict(crops[i : i + batch]) for i in range(0, len(crops), batch)])


def _compose(face: Face, library: Occluders, spec: ModelSpec, index: int) -> tuple[U8, U8, U8, U8]:
    rng = np.random.default_rng((_SEED, index))
    framing = np.eye(3)
    framing[:2, :2] *= np.exp(rng.normal(0, _DETECTOR_ZOOM))
    framing[:2, 2] = rng.normal(0, _DETECTOR_SHIFT, 2)
    scene = frame_face(face, spec, framing)
    covered = paste(scene, library.make(KINDS[index % len(KINDS)], scene, rng), rng)
    return scene.rgb, scene.labels, covered.rgb, covered.labels
