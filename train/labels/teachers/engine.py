"""Self-training: networks of ours as the teacher of the visible face ("learning from its mistakes").

Each face is seen in several framings and mirrored, by one network or several (`augmented_inference.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import DataError, UsageError
from engines.load import load_engine
from engines.manifest import sha256_of
from engines.spec import ModelSpec
from realtime.faces.probabilities import occlusion, visible_face
from realtime.frames.types import U8
from train.heads.contour import face_height, hull_mask
from train.heads.landmarks import Points
from train.labels.morphology import deep, disc, inverse, iou, largest, opened, without_specks
from train.labels.teachers.augmented_inference import F32, FRAMINGS, Parse, seen_in_framings
from train.labels.teachers.base import Portrait, Seen, Unusable
from train.learn.checkpoint import checkpoint_at

_SPECK = 0.0025  # of the face height squared: smaller components take their surroundings' label
_SLIVER = 0.03  # of the face height: an occlusion nowhere thicker than that is an edge that the network is unsure of
_COVERED = 2  # the place of what covers the face, in the order background, visible face, occlusion
_LEAST_FEATURE = 0.02  # of the face height: a frontal face's rim stands less beyond its hull
_HULL_RIM = 0.08  # of the face height, twice what networks leave free inside the hull
LEAST_AGREEMENT = 0.5  # IoU of the network's whole face with the contour's: below it one of the two is lost


@dataclass(frozen=True, eq=False)
class Network:
    """A network that parses crops, wherever it comes from."""

    name: str
    parse: Parse
    spec: ModelSpec
    checkpoint_sha256: str


class EngineTeacher:
    """Engines or checkpoints of ours as the teacher; their probabilities are averaged.

    Args:
        models: models that ship, engines' folders or `.safetensors` checkpoints, separated by commas.
        threads: CPU threads that one call may use.

    Raises:
        UnknownModel, EngineError: as `load_engine`.
        DataError: a checkpoint is missing or damaged.
        UsageError: a network's labels do not tell a face.
    """

    most_covered = 0.6

    def __init__(self, models: str, threads: int = 1) -> None:
        self._networks = [open_network(name, threads) for name in models.split(",")]
        self._sees_occlusion = any("occlusion" in network.spec.labels for network in self._networks)

    def visible(self, portrait: Portrait) -> Seen:
        """Where the face wins, and where an occlusion does, without specks.

        Raises:
            Unusable: the whole face is not where the contour is.
        """
        face, covered = self.probabilities(portrait.rgb, portrait.landmarks)
        labels = np.dstack([1 - face - covered, face, covered]).argmax(axis=2).astype(np.uint8)
        whole = largest((labels > 0).astype(np.uint8))
        agreement = iou(whole, portrait.full)
        if agreement < LEAST_AGREEMENT:
            raise Unusable(f"network and contour disagree: IoU {agreement:.2f} below {LEAST_AGREEMENT}")
        speck = _SPECK * face_height(portrait.landmarks) ** 2
        whole = without_specks(whole | _features_beyond_hull(portrait), speck)
        hidden = without_specks(whole & (labels == _COVERED), speck) & whole
        hidden = deep(hidden, _SLIVER * face_height(portrait.landmarks))
        visible = (whole & (hidden == 0)).astype(np.uint8)
        return Seen(visible, hidden) if self._sees_occlusion else Seen(visible)

    def probabilities(self, rgb: U8, landmarks: Points) -> tuple[F32, F32]:
        """The visible face and what covers it, averaged over networks, framings and mirroring.

        Args:
            rgb: (H, W, 3) uint8.
            landmarks: (468 or more, 2 or 3), FaceMesh vertices in pixels.

        Returns:
            Two (H, W) float32, 0..1; 0 where no framing looked.
        """
        seen = np.mean([_look(network, rgb, landmarks) for network in self._networks], axis=0, dtype=np.float32)
        return np.ascontiguousarray(seen[:, :, 0]), np.ascontiguousarray(seen[:, :, 1])

    def provenance(self) -> dict[str, Any]:
        return {
            "teacher": "engine:" + ",".join(network.name for network in self._networks),
            "checkpoint_sha256": [network.checkpoint_sha256 for network in self._networks],
            "framings": 2 * len(FRAMINGS),
        }


def _features_beyond_hull(portrait: Portrait) -> U8:
    """Where nose, lips and cheekbone of a turned face stand beyond the hull, with the rim of the hull beside them.

    Networks that learned from labels inside the hull call them background, and would teach it on: the contour knows.
    """
    size_wh = (portrait.rgb.shape[1], portrait.rgb.shape[0])
    height = face_height(portrait.landmarks)
    beyond = opened(portrait.full & inverse(hull_mask(portrait.landmarks, size_wh)), _LEAST_FEATURE * height)
    return cv2.dilate(beyond, disc(_HULL_RIM * height)).astype(np.uint8) & portrait.full


def open_network(model: str, threads: int) -> Network:
    """A model that ships, an engine's folder or a checkpoint. Raises as `EngineTeacher`."""
    checkpoint = checkpoint_at(model)
    if checkpoint is not None:
        network = _checkpoint(checkpoint)
    else:
        engine = load_engine(model, threads=threads)
        sha256 = engine.manifest.checkpoint_sha256
        network = Network(model, lambda crops: engine(crops).probabilities, engine.spec, sha256)
    labels = network.spec.labels
    if "background" not in labels or len(labels) < 2:
        raise UsageError(f"{model} has the labels {', '.join(labels)}; a teacher needs background and parts of a face")
    return network


def _look(network: Network, rgb: U8, landmarks: Points) -> F32:
    spec = network.spec
    return seen_in_framings(network.parse, spec, rgb, landmarks, lambda crop, _: _two(crop, spec))


def _two(probabilities: U8, spec: ModelSpec) -> F32:
    """(S, S, K) uint8 -> (S, S, 2) float32, 0..1: visible face and occlusion."""
    whole = np.ascontiguousarray(probabilities)
    return np.dstack([visible_face(whole, spec), occlusion(whole, spec)]).astype(np.float32) / np.float32(255)


def _checkpoint(path: Path) -> Network:
    import torch

    from train.models import for_inference, restore
    from train.models.preprocess import normalise

    if not path.is_file():
        raise DataError(f"no checkpoint at {path}; expected weights that `unveil train` wrote")
    restored, spec = restore(path)
    module = for_inference(restored)

    def parse(crops: U8) -> U8:
        with torch.inference_mode():
            logits = module(normalise(torch.from_numpy(np.ascontiguousarray(crops)), spec))
            return (logits.softmax(dim=1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()

    return Network(str(path), parse, spec, sha256_of(path))
