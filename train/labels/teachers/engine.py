"""The teacher `engine`: networks of this project that see the visible face and what occludes it (self-training).

"Learning from its mistakes" (Structure via Consensus, section 3.1): a network averages over the mistakes of its
teacher, so its predictions make better labels. Predictions are averaged by `augmented_inference.py`.
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
from train.labels.morphology import disc, inverse, iou, largest_component, opening, thick_components, without_specks
from train.labels.teachers.augmented_inference import F32, FRAMINGS, Parse, averaged_prediction
from train.labels.teachers.base import Portrait, Unusable, VisibleFace
from train.learn.checkpoint import checkpoint_at

_OCCLUSION = 2  # index in (background, visible face, occlusion)
_SPECK_AREA = 0.0025  # of the face height squared: smaller components take the label around them
_MIN_THICKNESS = 0.03  # of the face height: a thinner occlusion is an outline that the network is unsure of
_MIN_FEATURE = 0.02  # of the face height: the outline of a frontal face lies closer to its hull
_HULL_MARGIN = 0.08  # of the face height, twice the margin that networks leave inside the hull
MIN_AGREEMENT = 0.5  # IoU of the network's full face with the contour's: below it one of the two is wrong


@dataclass(frozen=True, eq=False)
class Network:
    """A network that parses crops: an engine or a checkpoint."""

    name: str
    parse: Parse
    spec: ModelSpec
    checkpoint_sha256: str


class EngineTeacher:
    """Engines or checkpoints as the teacher; their probabilities are averaged.

    Args:
        models: names of models that ship, folders of engines or `.safetensors` checkpoints, separated by commas.
        threads: CPU threads that one call may use.

    Raises:
        UnknownModel, EngineError: as `load_engine`.
        DataError: a checkpoint is missing or damaged.
        UsageError: a network has no labels of a face.
    """

    max_occluded_share = 0.6

    def __init__(self, models: str, threads: int = 1) -> None:
        self._networks = [open_network(name, threads) for name in models.split(",")]
        self._sees_occlusion = any("occlusion" in network.spec.labels for network in self._networks)

    def visible_face(self, portrait: Portrait) -> VisibleFace:
        """The most probable class of each pixel, without specks and thin occlusions.

        Raises:
            Unusable: the network's full face and the contour disagree.
        """
        face, occlusion_ = self.probabilities(portrait.rgb, portrait.landmarks)
        labels = np.dstack([1 - face - occlusion_, face, occlusion_]).argmax(axis=2).astype(np.uint8)
        full = largest_component((labels > 0).astype(np.uint8))
        agreement = iou(full, portrait.full)
        if agreement < MIN_AGREEMENT:
            raise Unusable(f"network and contour disagree: IoU {agreement:.2f} below {MIN_AGREEMENT}")
        height = face_height(portrait.landmarks)
        full = without_specks(full | _features_outside_hull(portrait), _SPECK_AREA * height**2)
        occluded = without_specks(full & (labels == _OCCLUSION), _SPECK_AREA * height**2) & full
        occluded = thick_components(occluded, _MIN_THICKNESS * height)
        visible = (full & (occluded == 0)).astype(np.uint8)
        return VisibleFace(visible, occluded) if self._sees_occlusion else VisibleFace(visible)

    def probabilities(self, rgb: U8, landmarks: Points) -> tuple[F32, F32]:
        """Probability of the visible face and of an occlusion, averaged over networks and framings.

        Args:
            rgb: (H, W, 3) uint8.
            landmarks: (468 or more, 2 or 3), FaceMesh vertices in pixels.

        Returns:
            (H, W) float32 each, 0..1; 0 outside all crops.
        """
        predictions = [_predict(network, rgb, landmarks) for network in self._networks]
        mean = np.mean(predictions, axis=0, dtype=np.float32)
        return np.ascontiguousarray(mean[:, :, 0]), np.ascontiguousarray(mean[:, :, 1])

    def provenance(self) -> dict[str, Any]:
        """JSON-ready: the networks, the hashes of their checkpoints, and the number of crops per face."""
        return {
            "teacher": "engine:" + ",".join(network.name for network in self._networks),
            "checkpoint_sha256": [network.checkpoint_sha256 for network in self._networks],
            "framings": 2 * len(FRAMINGS),
        }


def open_network(model: str, threads: int) -> Network:
    """Open a model that ships, a folder of an engine or a checkpoint. Raises as `EngineTeacher`."""
    checkpoint = checkpoint_at(model)
    if checkpoint is not None:
        network = _open_checkpoint(checkpoint)
    else:
        engine = load_engine(model, threads=threads)
        sha256 = engine.manifest.checkpoint_sha256
        network = Network(model, lambda crops: engine(crops).probabilities, engine.spec, sha256)
    labels = network.spec.labels
    if "background" not in labels or len(labels) < 2:
        raise UsageError(f"{model} has the labels {', '.join(labels)}; a teacher needs background and parts of a face")
    return network


def _features_outside_hull(portrait: Portrait) -> U8:
    """Nose, lips and cheekbone of a turned face where they extend beyond the hull, and the hull's margin next to them.

    Networks that were trained on labels inside the hull call these background, and would pass the mistake on. The
    contour of the silhouette includes them.
    """
    size_wh = (portrait.rgb.shape[1], portrait.rgb.shape[0])
    height = face_height(portrait.landmarks)
    outside = portrait.full & inverse(hull_mask(portrait.landmarks, size_wh))
    features = opening(outside, _MIN_FEATURE * height)
    return cv2.dilate(features, disc(_HULL_MARGIN * height)).astype(np.uint8) & portrait.full


def _predict(network: Network, rgb: U8, landmarks: Points) -> F32:
    """(H, W, 2) float32, 0..1: probability of the visible face and of an occlusion."""

    def to_planes(probabilities: U8, _mirrored: bool) -> F32:
        classes = np.ascontiguousarray(probabilities)
        planes = np.dstack([visible_face(classes, network.spec), occlusion(classes, network.spec)])
        return planes.astype(np.float32) / np.float32(255)

    return averaged_prediction(network.parse, network.spec, rgb, landmarks, to_planes)


def _open_checkpoint(path: Path) -> Network:
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
