"""Training samples: a face with its parts and depth, framed and lit at random, with occluders pasted over it.

What is covered is background for both parsers and unmeasured for the translator: it draws the depth of the visible
head alone. A depth camera sees the occluder, so the depth parser's input has it before the face, or a hole there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.spec import FACE, OCCLUSION, PART_LABELS, ModelSpec
from realtime.frames.depth import depth_gray
from realtime.frames.resampling import warp, warp_depth
from realtime.frames.types import U8
from train.data.augment import random_framing, random_look
from train.data.faces import warp_labels
from train.data.repeated import mirrored_ids
from train.mutual.config import MutualConfig
from train.mutual.depth_noise import as_measured
from train.mutual.faces import PartsFace, TrainingFace, crop_from_store, moved, store_px, with_depth
from train.occluders import shapes
from train.occluders.colour import MID_GREY_LAB
from train.occluders.kinds import Occluders, random_kind
from train.occluders.scene import Scene, paste

Rng = np.random.Generator
Affine = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
Stream = Literal["all", "measured"]
"""All faces, or the share of them whose depth is known."""

_SKIN = PART_LABELS.index("skin")
_NO_SKIN = OCCLUSION + 1  # in a scene
_OCCLUDER_COUNT_SHARE = (0.5, 0.4, 0.1)  # none, one, two
_KINDS_ANYWHERE = ("hand", "object", "shape", "fingers")  # need no landmarks
_FILLED_SHARE = 0.6  # of the crops that stick out of their picture; the others stay black there, as at run time
_MIRRORED_IDS = mirrored_ids(PART_LABELS)
_MIRROR = np.diag([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class PartsSample:
    """One crop with its ground truth."""

    rgb: U8
    """(S, S, 3)"""
    parts: U8
    """(S, S): ids of PART_LABELS; what is covered is background."""
    depth: U8
    """(S, S): the translator's ground truth, as `depth_gray` encodes it; 0 where no visible head is."""
    seen: U8
    """(S, S): depth as a camera might measure it, with occluder, noise and holes: the depth parser's input."""


class PartsSupply:
    """An endless, indexable supply of samples: the same seed, stream and index always give the same sample.

    Args:
        faces: of one side of the split.
        occluders: of the same side; None for no occluders.

    Raises:
        DataError: there are synthetic heads alone, and none are wanted.
    """

    def __init__(
        self, faces: Sequence[TrainingFace], occluders: Occluders | None, spec: ModelSpec, config: MutualConfig
    ) -> None:
        self._occluders, self._spec, self._config = occluders, spec, config
        kinds = [[face for face in faces if face.synthetic == synthetic] for synthetic in (False, True)]
        if not kinds[0] and config.synthetic_share == 0:
            raise DataError("only synthetic heads, and synthetic_share is 0; expected photographs, or a share above 0")
        self._pools = {"all": kinds, "measured": [with_depth(kind, config.depth_share) for kind in kinds]}

    def __getitem__(self, item: tuple[Stream, int]) -> PartsSample:
        stream, index = item
        rng = np.random.default_rng((self._config.seed, index, stream == "measured"))
        photographs, synthetic = self._pools[stream]
        share = self._config.synthetic_share if photographs and synthetic else float(bool(synthetic))
        pool = synthetic if rng.random() < share else photographs
        face = pool[rng.integers(len(pool))].load()
        if self._config.augment == "all":
            return self._varied(face, crop_from_store(self._spec, random_framing(rng)), rng)
        mirror = self._config.augment == "flips" and rng.random() < 0.5
        return cut(face, self._spec, crop_from_store(self._spec, _MIRROR if mirror else np.eye(3)))

    def _varied(self, face: PartsFace, affine: Affine, rng: Rng) -> PartsSample:
        clean = cut(face, self._spec, affine)
        rgb = _filled(clean.rgb, warp(face.inside, affine, self._spec.size_px), rng)
        covered = np.zeros(clean.parts.shape, bool)
        if self._occluders is not None:
            scene = _scene(face, self._spec, affine, rgb, clean.parts)
            rgb, covered = _covered(scene, face.landmarks is not None, self._occluders, rng)
        seen = gray(as_measured(_metres(face, self._spec, affine), covered, rng))
        visible = (~covered).astype(np.uint8)
        return PartsSample(random_look(rgb, rng), clean.parts * visible, clean.depth * visible, seen)


def cut(face: PartsFace, spec: ModelSpec, affine: Affine) -> PartsSample:
    """Cut the network's crop out of a stored face (`crop_from_store`). Mirrored, left and right change places."""
    parts = warp_labels(face.parts, affine, spec.size_px)
    if np.linalg.det(affine[:, :2]) < 0:
        parts = _MIRRORED_IDS[parts]
    depth = gray(_metres(face, spec, affine))
    return PartsSample(warp(face.rgb, affine, spec.size_px), parts, depth, depth)


def gray(depth_m: F32) -> U8:
    """(S, S) float32 metres, 0 where nothing was measured -> (S, S) uint8 as the depth networks see it."""
    return np.ascontiguousarray(depth_gray(depth_m)[:, :, 0])


def _metres(face: PartsFace, spec: ModelSpec, affine: Affine) -> F32:
    return warp_depth(face.depth, affine, spec.size_px).astype(np.float32) * np.float32(face.depth_scale_m)


def _scene(face: PartsFace, spec: ModelSpec, affine: Affine, rgb: U8, parts: U8) -> Scene:
    """A crop as `train.occluders.scene` takes it.

    It marks covered pixels unless they are background: here no pixel is.
    """
    labels = np.where(parts == _SKIN, FACE, _NO_SKIN).astype(np.uint8)
    middle = np.full((1, 2), store_px(spec) / 2)
    landmarks = moved(middle if face.landmarks is None else face.landmarks, affine)
    zoom = math.sqrt(abs(np.linalg.det(affine[:, :2])))
    return Scene(rgb, labels, landmarks, zoom * spec.size_px / spec.crop_scale)


def _covered(scene: Scene, has_landmarks: bool, occluders: Occluders, rng: Rng) -> tuple[U8, npt.NDArray[np.bool_]]:
    """Paste occluders: the picture, and (S, S) bool where they are."""
    for _ in range(rng.choice(len(_OCCLUDER_COUNT_SHARE), p=_OCCLUDER_COUNT_SHARE)):
        kind = random_kind(rng) if has_landmarks else str(rng.choice(_KINDS_ANYWHERE))
        scene = paste(scene, occluders.make(kind, scene, rng), rng)
    return scene.rgb, scene.labels == OCCLUSION


def _filled(rgb: U8, inside: U8, rng: Rng) -> U8:
    """The crop; in most crops with a texture where the picture ends."""
    if inside.min() == 255 or rng.random() >= _FILLED_SHARE:
        return rgb
    filling = shapes.texture(rgb.shape[0], rng, MID_GREY_LAB)
    return cv2.copyTo(rgb, (inside >= 253).astype(np.uint8), filling.astype(np.uint8))
