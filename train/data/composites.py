"""Training samples: a labelled face with random framing and light, and with occluders pasted on it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import ModelSpec
from realtime.frames.resampling import warp
from realtime.frames.types import U8
from train.data.augment import random_framing, random_look
from train.data.faces import STORE_PX, Face, warp_labels
from train.data.sample import Sample
from train.labels.pseudo_label import blobs_from_labels
from train.occluders import shapes
from train.occluders.glasses import with_clear_glasses
from train.occluders.kinds import Occluders, random_kind
from train.occluders.scene import Scene, paste

_OCCLUDER_COUNTS = (0, 1, 2)
_OCCLUDER_COUNT_SHARE = (0.25, 0.53, 0.22)
_CLEAR_GLASSES_SHARE = 0.2


class Composites:
    """Endless samples by index: the same seed and index always give the same sample.

    Args:
        faces: labelled faces (one side of the split).
        occluders: of the same side.
    """

    def __init__(self, faces: list[Face], occluders: Occluders, spec: ModelSpec, seed: int) -> None:
        self._faces, self._occluders, self._spec, self._seed = faces, occluders, spec, seed

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self._seed, index))
        face = self._faces[rng.integers(len(self._faces))]
        scene = frame_face(face, self._spec, random_framing(rng), rng)
        if rng.random() < _CLEAR_GLASSES_SHARE:
            scene = with_clear_glasses(scene, rng)
        kinds = tuple(random_kind(rng) for _ in range(rng.choice(_OCCLUDER_COUNTS, p=_OCCLUDER_COUNT_SHARE)))
        for kind in kinds:
            scene = paste(scene, self._occluders.make(kind, scene, rng), rng)
        return Sample(random_look(scene.rgb, rng), scene.labels, blobs_from_labels(scene.labels), kinds)


def frame_face(
    face: Face, spec: ModelSpec, framing: npt.NDArray[np.float64], rng: np.random.Generator | None = None
) -> Scene:
    """Cut the network's crop out of a stored face.

    Args:
        framing: (3, 3) in units of the face's box about its centre; the identity for the crop that a perfect
            detector would give.
        rng: fills what lies outside the photograph, which otherwise stays black, as at run time.
    """
    unit_from_store = np.diag([1 / face.box_side, 1 / face.box_side, 1.0])
    unit_from_store[:2, 2] = -STORE_PX / 2 / face.box_side
    scale = spec.size_px / spec.crop_scale
    crop_from_unit = np.array([[scale, 0, spec.size_px / 2], [0, scale, spec.size_px / 2], [0, 0, 1]])
    affine = (crop_from_unit @ framing @ unit_from_store)[:2]
    rgb = warp(face.rgb, affine, spec.size_px)
    if rng is not None and rng.random() < 0.6:
        rgb = _fill_outside(rgb, warp(face.inside, affine, spec.size_px), rng)
    labels = warp_labels(face.labels, affine, spec.size_px)
    landmarks = (face.landmarks @ affine[:, :2].T + affine[:, 2]).astype(np.float32)
    zoom = float(np.sqrt(abs(np.linalg.det(framing[:2, :2]))))
    return Scene(rgb, labels, landmarks, zoom * scale)


def _fill_outside(rgb: U8, inside: U8, rng: np.random.Generator) -> U8:
    if inside.min() == 255:
        return rgb
    filling = shapes.texture(rgb.shape[0], rng, np.array((128, 128, 128), np.float32))
    return cv2.copyTo(rgb, (inside >= 253).astype(np.uint8), filling.astype(np.uint8))
