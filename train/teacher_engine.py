"""Self-training: networks of ours as the teacher of the visible face ("learning from its mistakes").

Each face is seen in several framings and mirrored, by one network or several; the probabilities are averaged in the
picture, so that outlines are smoother than a network's own pixels and single mistakes are voted down.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError, UsageError
from engines.load import load_engine
from engines.manifest import sha256_of
from engines.spec import ModelSpec
from realtime.crop import centres, crop_from_frame, region_from_box, warp
from realtime.probabilities import occlusion, visible_face
from realtime.types import U8
from train.contour import CHIN, FOREHEAD, Points, contour, face_height, hull_mask
from train.masks import deep, disc, inverse, iou, largest, opened, without_specks
from train.teacher_base import Portrait, Seen, Unusable

F32 = npt.NDArray[np.float32]
Affine = npt.NDArray[np.float64]
Parse = Callable[[U8], U8]
"""(N, S, S, 3) uint8 RGB crops -> (N, S, S, K) uint8 probabilities."""

# Zoom, shift (of the face box) and degrees of each framing; each is seen mirrored, too. All lie well inside what the
# networks meet in training (train/augment.py).
FRAMINGS = ((1.0, 0.0, 0.0, 0.0), (1.12, 0.03, 0.02, 5.0), (0.9, -0.03, -0.02, -5.0), (1.04, 0.05, -0.04, -8.0),
            (0.96, -0.05, 0.04, 8.0))  # fmt: skip
_HAIRLINE = 0.16  # above the oval, of the face height: networks are trained on boxes that reach up to it
_SPECK = 0.0025  # of the face height squared: smaller components take their surroundings' label
_RIM_PX = 4  # at a crop's border a network sees little: it counts less in the average
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
        seen = [_look(network, rgb, landmarks) for network in self._networks]
        face, covered = (np.mean(planes, axis=0, dtype=np.float32) for planes in zip(*seen, strict=True))
        return face, covered

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
    if model.endswith(".safetensors"):
        network = _checkpoint(Path(model))
    else:
        engine = load_engine(model, threads=threads)
        sha256 = engine.manifest.checkpoint_sha256
        network = Network(model, lambda crops: engine(crops).probabilities, engine.spec, sha256)
    labels = network.spec.labels
    if "background" not in labels or len(labels) < 2:
        raise UsageError(f"{model} has the labels {', '.join(labels)}; a teacher needs background and parts of a face")
    return network


def crop_affine(landmarks: Points, spec: ModelSpec, zoom: float, dx: float, dy: float, degrees: float) -> Affine:
    """(2, 3): picture -> crop with the face upright, as the landmarks say, then framed differently by the rest."""
    up = landmarks[FOREHEAD, :2] - landmarks[CHIN, :2]
    turn = math.atan2(float(up[0]), -float(up[1])) + math.radians(degrees)
    cosine, sine = math.cos(turn), math.sin(turn)
    level = np.array([[cosine, sine], [-sine, cosine]])  # turns `up` to (0, -1)
    outline = contour(landmarks, _HAIRLINE) @ level.T
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    side = max(right - left, bottom - top)
    box = (left + dx * side, top + dy * side, right + dx * side, bottom + dy * side)
    crop_from_level = crop_from_frame(region_from_box(box, spec.crop_scale / zoom), spec.size_px)
    return np.hstack([crop_from_level[:, :2] @ level, crop_from_level[:, 2:]])


def average_on_picture(crops: list[F32], affines: list[Affine], shape: tuple[int, ...]) -> tuple[F32, F32]:
    """Bring (S, S, 2) probabilities back to the picture, and average them where crops overlap."""
    height, width = shape
    total, weight = np.zeros((height, width, 2), np.float32), np.zeros((height, width), np.float32)
    rim = _rim_weights(crops[0].shape[0])
    for crop, affine in zip(crops, affines, strict=True):
        x0, y0, x1, y1 = _window(affine, len(rim), (width, height))
        if x1 <= x0 or y1 <= y0:
            continue
        back = cv2.invertAffineTransform(affine)
        back[:, 2] -= (x0, y0)
        to_window = centres(back)
        total[y0:y1, x0:x1] += cv2.warpAffine(crop * rim[:, :, None], to_window, (x1 - x0, y1 - y0))
        weight[y0:y1, x0:x1] += cv2.warpAffine(rim, to_window, (x1 - x0, y1 - y0))
    mean = total / np.maximum(weight, 1e-3)[:, :, None]
    return np.ascontiguousarray(mean[:, :, 0]), np.ascontiguousarray(mean[:, :, 1])


def _look(network: Network, rgb: U8, landmarks: Points) -> tuple[F32, F32]:
    spec = network.spec
    affines = [crop_affine(landmarks, spec, *framing) for framing in FRAMINGS]
    crops = np.stack([warp(rgb, affine, spec.size_px) for affine in affines])
    parsed = network.parse(np.concatenate([crops, crops[:, :, ::-1]]))
    straight, mirrored = parsed[: len(affines)], parsed[len(affines) :, :, ::-1]
    both = [(_two(a, spec) + _two(b, spec)) / 2 for a, b in zip(straight, mirrored, strict=True)]
    return average_on_picture(both, affines, rgb.shape[:2])


def _two(probabilities: U8, spec: ModelSpec) -> F32:
    """(S, S, K) uint8 -> (S, S, 2) float32, 0..1: visible face and occlusion."""
    whole = np.ascontiguousarray(probabilities)
    return np.dstack([visible_face(whole, spec), occlusion(whole, spec)]).astype(np.float32) / np.float32(255)


def _rim_weights(size_px: int) -> F32:
    weights = np.zeros((size_px, size_px), np.float32)
    weights[_RIM_PX:-_RIM_PX, _RIM_PX:-_RIM_PX] = 1
    return cv2.GaussianBlur(weights, (0, 0), 3).astype(np.float32)


def _window(affine: Affine, size_px: int, size_wh: tuple[int, int]) -> tuple[int, int, int, int]:
    corners = np.array([[0, 0, 1], [size_px, 0, 1], [0, size_px, 1], [size_px, size_px, 1]], float)
    seen = corners @ cv2.invertAffineTransform(affine).T
    (x0, y0), (x1, y1) = np.floor(seen.min(axis=0)).astype(int), np.ceil(seen.max(axis=0)).astype(int)
    return max(0, x0), max(0, y0), min(size_wh[0], x1), min(size_wh[1], y1)


def _checkpoint(path: Path) -> Network:
    import torch

    from train.models import for_inference, restore
    from train.preprocess import normalise

    if not path.is_file():
        raise DataError(f"no checkpoint at {path}; expected weights that `unveil train` wrote")
    restored, spec = restore(path)
    module = for_inference(restored)

    def parse(crops: U8) -> U8:
        with torch.inference_mode():
            logits = module(normalise(torch.from_numpy(np.ascontiguousarray(crops)), spec))
            return (logits.softmax(dim=1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()

    return Network(str(path), parse, spec, sha256_of(path))
