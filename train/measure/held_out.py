"""The held-out set: faces that no training sees, composed into crops with known ground truth."""

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
from train.heads.landmarks import Points
from train.occluders.kinds import EVALUATED_KINDS, Occluders
from train.occluders.scene import Scene, paste

_SEED = 20_000
_DETECTOR_SHIFT, _DETECTOR_ZOOM = 0.025, 0.06  # errors of the detector, in sides of the face box, per axis


@dataclass(frozen=True, eq=False)
class HeldOutSet:
    """Held-out faces, each unmodified (`clean`) and with one held-out occluder pasted on it (`pasted`).

    The crops are framed slightly off, as a detector frames them. The light is not changed: the mask is evaluated.
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
    """The kind of occluder in each pasted crop."""
    names: tuple[str, ...]
    """The name of each face."""

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """(N, S, S): the pixels of the visible face that the pasted occluder covers."""
        return (self.clean_labels == FACE) & (self.pasted_labels == OCCLUSION)

    @classmethod
    def load(cls, labels: Path, occluders: Path, spec: ModelSpec) -> HeldOutSet:
        """Compose the set. The same folders always give the same set. Raises DataError if one of them is missing."""
        return cls.compose(load_faces(labels, "held out"), Occluders(occluders, "held out"), spec)

    @classmethod
    def compose(cls, faces: Sequence[Face], library: Occluders, spec: ModelSpec, degrees: float = 0.0) -> HeldOutSet:
        """Compose the set from faces in memory.

        Args:
            degrees: rotation of each face in the image plane; every second face is rotated the other way.
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
    """The stored crop of a photograph with one occluder pasted on it: the detector's input."""
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
