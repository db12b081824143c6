"""The data of the claims: pseudo-labels for the transfer, a small set with exact occluders, and faces kept aside."""

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
from train.data.composites import Composites, Sample, frame_face
from train.data.faces import Face, load_faces
from train.data.repeated import Repeated
from train.data.split import face_split
from train.labels.folder import read_faces
from train.labels.pseudo_label import blobs_from_labels
from train.learn.batches import Supply
from train.learn.config import TrainConfig
from train.measure.evaluate import Held, network_predictor, occluder_metrics, predict_all
from train.measure.metrics import Tally
from train.occluders.kinds import Occluders
from train.occluders.scene import paste
from train.occluders.shapes import shape

_EVERY_FEW = 5  # one training face in so many is kept for the small sets


@dataclass(frozen=True)
class Data:
    """Everything that runs share, loaded when it is first needed.

    The transfer sees four training faces in five; the small sets are made of the others, as COFW's photographs are
    others than those with pseudo-labels.
    """

    labels: Path
    occluders: Path
    spec: ModelSpec

    @cached_property
    def held(self) -> Held:
        """Faces and occluders that no run learns from."""
        return Held.load(self.labels, self.occluders, self.spec)

    def transfer(self, config: TrainConfig) -> Supply:
        """Pseudo-labels, and half of them under a drawn shape: what needs no cut-out and no human (section 3.1)."""
        faces = [face for number, face in enumerate(self._faces) if number % _EVERY_FEW]
        return Drawn(faces, self.spec, config.seed)

    def few(self, config: TrainConfig) -> Supply:
        """The small set of a seed: `distinct` crops under hands, masks and objects, again and again."""
        faces = self._faces[::_EVERY_FEW]
        composites = Composites(faces, self._cutouts, self.spec, config.seed)
        samples = [composites[index] for index in range(config.distinct or 0)]
        return Repeated(samples, self.spec.labels, config.seed, flips=config.regularised)

    def look(self, network: nn.Module) -> dict[str, Any]:
        """Table 1's columns on the pasted crops, whole: face against all else, in percent, sparsity in components."""
        predicted = predict_all(network_predictor(network, self.spec), self.held.pasted)
        tally = Tally(self.spec.labels)
        for truth, found in zip(self.held.pasted_labels, predicted, strict=True):
            tally.add(truth, found)
        row = tally.binary_row() | {"sparsity_classes": tally.class_row()["sparsity"]}
        return row | occluder_metrics(self.held.covered, predicted)

    def identity(self) -> dict[str, Any]:
        """What tells these data from others, without any path. JSON-ready."""
        names = [row["name"] for row in read_faces(self.labels)]
        learned = sum(face_split(name) == "train" for name in names)
        few = len(range(0, learned, _EVERY_FEW))
        pixels = hashlib.sha256(self.held.pasted.tobytes() + self.held.pasted_labels.tobytes())
        return {
            "transfer_faces": learned - few,
            "few_faces": few,
            "held_faces": len(self.held.names),
            "held_sha256": pixels.hexdigest(),
        }

    @cached_property
    def _faces(self) -> list[Face]:
        faces = sorted(load_faces(self.labels, "train"), key=lambda face: face.name)
        if len(faces) < 2:
            raise DataError(f"{len(faces)} face to learn from in {self.labels}; expected two or more: label more")
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
