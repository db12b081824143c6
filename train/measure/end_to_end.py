"""Evaluation through detection: whole photographs pass the run time's own detection, crop and network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.engine import Engine
from engines.spec import FACE, OCCLUSION, ModelSpec
from realtime.faces.detect import DetectsFaces
from realtime.faces.face_parser import FaceParser
from realtime.faces.finding.detectors import open_detector
from realtime.frames.types import U8, Frame
from realtime.render.draw import render
from realtime.render.look import Look
from train.data.faces import STORE_PX, STORE_SCALE, Face
from train.measure.held_out import pasted_photograph
from train.occluders.kinds import Occluders


@dataclass(frozen=True, eq=False)
class Found:
    """Class ids inside the square of `crop_scale` times the full-face box (the face box protocol), each (N, S, S)."""

    truth: U8
    predicted: U8
    """All background where the detector misses the face."""
    covered: npt.NDArray[np.bool_]
    """Where the pasted occluder covers what was visible of the face."""

    @property
    def share(self) -> float:
        """Faces with any prediction, 0..1."""
        return float(self.predicted.any(axis=(1, 2)).mean())


def find(engine: Engine, faces: Sequence[Face], library: Occluders) -> Found:
    """Paste an occluder on each held-out photograph, and label it with the run time's own steps."""
    detector = open_detector()
    truths, covered, predictions = [], [], []
    for index, face in enumerate(faces):
        scene = pasted_photograph(face, library, index)
        truths.append(_face_box(scene.labels, engine.spec))
        covered.append(_face_box((face.labels == FACE) & (scene.labels == OCCLUSION), engine.spec))
        predictions.append(_face_box(label_frame(Frame((scene.rgb,), "rgb"), engine, detector), engine.spec))
    return Found(np.stack(truths), np.stack(predictions), np.stack(covered))


def label_frame(frame: Frame, engine: Engine, detector: DetectsFaces) -> U8:
    """(H, W) uint8 class ids of a single picture, from the run time's own steps."""
    with FaceParser(engine, detector) as parser:
        return render(frame, parser.step(frame), Look("labels"), engine.spec).planes[0]


def _face_box(pixels: npt.NDArray[Any], spec: ModelSpec) -> npt.NDArray[Any]:
    margin = round(STORE_PX * (1 - spec.crop_scale / STORE_SCALE) / 2)
    return pixels[margin : STORE_PX - margin, margin : STORE_PX - margin]
