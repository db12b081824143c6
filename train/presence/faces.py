"""Crops that hold a face: framed as a tracker does, turned by any angle, and covered, up to a whole hand over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.spec import BACKGROUND, FACE, ModelSpec
from realtime.frames.resampling import warp
from realtime.frames.types import U8
from train.data.faces import STORE_PX, Face, warp_labels
from train.occluders.kinds import Occluders, random_kind
from train.occluders.scene import Scene, paste
from train.presence.framing import Affine, camera_look, filled_outside, tracked_framing

Rng = np.random.Generator

KINDS = ("bare", "occluded", "covered")
_SHARES = (0.3, 0.35, 0.35)
_COVERED = 0.75  # of the face, at least, by hands
_MOST_HANDS = 8
_LEAST_INSIDE = 0.5  # of the face: with less of it in the crop, neither answer is right


@dataclass(frozen=True, eq=False)
class PresenceSample:
    """One crop, and what the network should say about it."""

    rgb: U8
    """(S, S, 3)"""
    kind: str
    is_face: bool
    angle_deg: float = 0.0
    """The face's upright direction, clockwise from the crop's."""


class FaceCrops:
    """Endless crops of faces.

    Args:
        faces: labelled faces (one side of the split).
        occluders: of the same side.
    """

    def __init__(self, faces: Sequence[Face], occluders: Occluders, spec: ModelSpec) -> None:
        self._faces, self._occluders, self._spec = faces, occluders, spec

    def sample(self, rng: Rng) -> PresenceSample:
        """A random crop."""
        kind = str(rng.choice(KINDS, p=_SHARES))
        scene = self._framed(rng)
        if kind == "occluded":
            for _ in range(int(rng.integers(1, 3))):
                scene = paste(scene, self._occluders.make(random_kind(rng), scene, rng), rng)
        if kind == "covered":
            scene = self._covered(scene, rng)
        return PresenceSample(camera_look(scene.rgb, rng), kind, True, upright_direction(scene))

    def _framed(self, rng: Rng) -> Scene:
        while True:
            face = self._faces[rng.integers(len(self._faces))]
            scene, share = framed(face, self._spec, tracked_framing(rng, self._spec.crop_scale), rng)
            if share >= _LEAST_INSIDE:
                return scene

    def _covered(self, scene: Scene, rng: Rng) -> Scene:
        whole = int((scene.labels == FACE).sum())
        for _ in range(_MOST_HANDS):
            scene = paste(scene, self._occluders.make("hand", scene, rng), rng)
            if (scene.labels == FACE).sum() < (1 - _COVERED) * whole:
                break
        return scene


def framed(face: Face, spec: ModelSpec, framing: Affine, rng: Rng) -> tuple[Scene, float]:
    """The network's crop of a stored face, and the share of the face that lies in it.

    Args:
        framing: (3, 3), as `tracked_framing` returns it.
    """
    unit_from_store = np.diag([1 / face.box_side, 1 / face.box_side, 1.0])
    unit_from_store[:2, 2] = -STORE_PX / 2 / face.box_side
    scale = spec.size_px / spec.crop_scale
    crop_from_unit = np.array([[scale, 0, spec.size_px / 2], [0, scale, spec.size_px / 2], [0, 0, 1]])
    affine = (crop_from_unit @ framing @ unit_from_store)[:2]
    inside = warp(face.inside, affine, spec.size_px)
    rgb = filled_outside(warp(face.rgb, affine, spec.size_px), inside, rng)
    labels = warp_labels(face.labels, affine, spec.size_px)
    enlarged = abs(float(np.linalg.det(affine[:, :2])))
    share = float((labels != BACKGROUND).sum()) / max(1.0, enlarged * float((face.labels != BACKGROUND).sum()))
    landmarks = (face.landmarks @ affine[:, :2].T + affine[:, 2]).astype(np.float32)
    return Scene(rgb, labels, landmarks, math.sqrt(enlarged) * face.box_side), share


def upright_direction(scene: Scene) -> float:
    """Degrees clockwise from the crop's: from the chin to the forehead."""
    _, up = scene.axes()
    return math.degrees(math.atan2(float(up[0]), float(-up[1])))
