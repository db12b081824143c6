"""The data of the runs: pseudo-labels for the transfer, a small set with exact occluders, and held-out faces."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from engines.errors import DataError
from engines.spec import ModelSpec
from train.data.augment import random_framing, random_look
from train.data.composites import Composites, frame_face
from train.data.faces import Face, load_faces
from train.data.repeated import Repeated
from train.data.sample import Sample
from train.data.split import face_split
from train.labels.label_folder import read_faces
from train.labels.pseudo_label import blobs_from_labels
from train.learn.batches import Supply
from train.learn.config import TrainConfig
from train.measure.held_out import HeldOutSet
from train.measure.held_out_scores import occluder_metrics
from train.measure.metrics import ScoreTotals
from train.measure.open_model import network_predictor, predict_all
from train.occluders.kinds import Occluders
from train.occluders.scene import paste
from train.occluders.shapes import shape

_SMALL_SET_EVERY = 5  # one training face out of so many is for the small sets


@dataclass(frozen=True)
class Data:
    """The data that all runs share, loaded on first use.

    The transfer uses four of five training faces. The small sets use the others, as COFW's photographs are not those
    with pseudo-labels.
    """

    labels: Path
    occluders: Path
    spec: ModelSpec

    @cached_property
    def held_out(self) -> HeldOutSet:
        """Held-out faces and occluders."""
        return HeldOutSet.load(self.labels, self.occluders, self.spec)

    def transfer(self, config: TrainConfig) -> Supply:
        """Pseudo-labels, half of them under a drawn shape, which needs no cut-out and no human (section 3.1)."""
        faces = [face for number, face in enumerate(self._faces) if number % _SMALL_SET_EVERY]
        return Drawn(faces, self.spec, config.seed)

    def small_set(self, config: TrainConfig) -> Supply:
        """The small set of a seed: `distinct` crops under hands, masks and objects, repeated endlessly."""
        faces = self._faces[::_SMALL_SET_EVERY]
        composites = Composites(faces, self._cutouts, self.spec, config.seed)
        samples = [composites[index] for index in range(config.distinct or 0)]
        return Repeated(samples, self.spec.labels, config.seed, flips=config.regularised)

    def evaluate(self, network: nn.Module) -> dict[str, Any]:
        """The columns of table 1 on the occluded crops, in percent: face against all else; sparsity in components."""
        predicted = predict_all(network_predictor(network, self.spec), self.held_out.pasted)
        totals = ScoreTotals(self.spec.labels)
        for truth, found in zip(self.held_out.pasted_labels, predicted, strict=True):
            totals.add(truth, found)
        row = totals.face_row() | {"sparsity_classes": totals.class_row()["sparsity"]}
        return row | occluder_metrics(self.held_out.covered, predicted)

    def identity(self) -> dict[str, Any]:
        """Identifies the data, without any path. JSON-ready."""
        names = [row["name"] for row in read_faces(self.labels)]
        training = sum(face_split(name, self.labels) == "train" for name in names)
        small_set = len(range(0, training, _SMALL_SET_EVERY))
        pixels = hashlib.sha256(self.held_out.pasted.tobytes() + self.held_out.pasted_labels.tobytes())
        return {
            "transfer_faces": training - small_set,
            "small_set_faces": small_set,
            "held_out_faces": len(self.held_out.names),
            "held_out_sha256": pixels.hexdigest(),
        }

    @cached_property
    def _faces(self) -> list[Face]:
        faces = sorted(load_faces(self.labels, "train"), key=lambda face: face.name)
        if len(faces) < 2:
            raise DataError(f"{len(faces)} training face in {self.labels}; expected two or more: label more")
        return faces

    @cached_property
    def _cutouts(self) -> Occluders:
        return Occluders(self.occluders, "train")


class Drawn:
    """An endless, indexable supply: a pseudo-labelled face, every other one under one drawn shape."""

    def __init__(self, faces: list[Face], spec: ModelSpec, seed: int) -> None:
        self._faces, self._spec, self._seed = faces, spec, seed

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self._seed, index))
        face = self._faces[rng.integers(len(self._faces))]
        scene = frame_face(face, self._spec, random_framing(rng), rng)
        if rng.random() < 0.5:
            scene = paste(scene, shape(scene, rng), rng)
        return Sample(random_look(scene.rgb, rng), scene.labels, blobs_from_labels(scene.labels))
