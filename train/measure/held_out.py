"""Faces kept aside from training, composed into crops whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engines.spec import FACE, OCCLUSION, ModelSpec
from realtime.frames.types import U8
from train.data.composites import frame_face
from train.data.faces import Face, load_faces
from train.heads.contour import Points
from train.occluders.kinds import EVALUATED_KINDS, Occluders
from train.occluders.scene import Scene, paste

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
    landmarks: Points
    """(N, 478, 2) float32, in pixels of the crop."""
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
        """Compose the set; always the same for the same folders. Raises DataError where one is missing."""
        return cls.compose(load_faces(labels, "held"), Occluders(occluders, "held"), spec)

    @classmethod
    def compose(cls, faces: Sequence[Face], library: Occluders, spec: ModelSpec, degrees: float = 0.0) -> Held:
        """Compose faces that are loaded already.

        Args:
            degrees: how far each face is turned in the plane, every other one the other way.
        """
        scenes = [_compose(face, library, spec, i, -degrees if i % 2 else degrees) for i, face in enumerate(faces)]
        clean, pasted = zip(*scenes, strict=True)
        return cls(
            spec,
            clean=np.stack([scene.rgb for scene in clean]),
            clean_labels=np.stack([scene.labels for scene in clean]),
            pasted=np.stack([scene.rgb for scene in pasted]),
            pasted_labels=np.stack([scene.labels for scene in pasted]),
            landmarks=np.stack([scene.landmarks for scene in clean]),
            kinds=tuple(EVALUATED_KINDS[i % len(EVALUATED_KINDS)] for i in range(len(faces))),
            names=tuple(face.name for face in faces),
        )


def pasted_photograph(face: Face, library: Occluders, index: int) -> Scene:
    """The stored cut of a photograph, with one occluder pasted: what a detector is shown."""
    rng = np.random.default_rng((_SEED, index))
    scene = Scene(face.rgb, face.labels, face.landmarks, face.box_side)
    return paste(scene, library.make(EVALUATED_KINDS[index % len(EVALUATED_KINDS)], scene, rng), rng)


def _compose(face: Face, library: Occluders, spec: ModelSpec, index: int, degrees: float) -> tuple[Scene, Scene]:
    rng = np.random.default_rng((_SEED, index))
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    framing = np.eye(3)
    framing[:2, :2] = np.exp(rng.normal(0, _DETECTOR_ZOOM)) * np.array([[cos, -sin], [sin, cos]])
    framing[:2, 2] = rng.normal(0, _DETECTOR_SHIFT, 2)
    scene = frame_face(face, spec, framing)
    return scene, paste(scene, library.make(EVALUATED_KINDS[index % len(EVALUATED_KINDS)], scene, rng), rng)
