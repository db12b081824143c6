"""The head's mesh for photographs: its triangles, and the region of the head that each belongs to.

The regions follow from ICT-FaceKit's vertex order and its neutral head (centimetres): the narrow face comes first,
then the rest of the face with the ears, then head and neck, mouth socket, teeth and eyeballs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from realtime.frames.types import U8
from train.parts.raster import Hits

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

NOTHING, FRONT, LEFT_EAR, RIGHT_EAR, NECK, SKULL = range(6)

_NARROW_FACE, _FACE, _HEAD, _EYEBALLS = 6706, 9409, 11248, 24591  # end of each group in the vertex order
_EAR_BESIDE = 6.9  # |x| beyond it
_EAR_LOW, _EAR_HIGH = -2.1, 3.75  # y
_EAR_BACK, _EAR_FRONT = -1.8, 1.25  # z
_NECK_HIGH = -2.5  # y: below it, what is not face is neck
_THROAT_HIGH = -7.0  # y: below it, what looks down is throat
_LOOKS_DOWN = -0.75  # y of the normal


@dataclass(frozen=True, eq=False)
class PhotoMesh:
    """The triangles that can be visible in a photograph."""

    triangles: I32
    """(T, 3) vertices, clockwise in the picture when seen from outside, as `rasterise` expects."""
    region: U8
    """(T,) FRONT (face, mouth, teeth, eyes), LEFT_EAR, RIGHT_EAR, NECK (with throat and shoulders) or SKULL."""

    @classmethod
    def load(cls, arrays: Path) -> PhotoMesh:
        """Load the head model's `ict_facekit.npz`. Raises DataError if it contains no such mesh."""
        try:
            with np.load(arrays, allow_pickle=False) as read:
                neutral, quads = read["neutral"], read["faces"]
        except (ValueError, KeyError, OSError) as e:
            raise DataError(f"{arrays} contains no head mesh ({e}); expected ICT-FaceKit's arrays") from e
        if quads.ndim != 2 or quads.shape[1] != 4 or len(neutral) < _EYEBALLS:
            raise DataError(
                f"{arrays} contains {len(neutral)} vertices and faces of shape {quads.shape}; "
                f"expected ICT-FaceKit's full head, {_EYEBALLS} vertices or more in quads"
            )
        triangles = np.concatenate([quads[:, [0, 2, 1]], quads[:, [0, 3, 2]]]).astype(np.int32)
        triangles = triangles[(triangles < _EYEBALLS).all(axis=1)]  # without lashes and without the film over the eyes
        return cls(triangles, _regions(neutral, triangles))

    def region_of_pixels(self, hits: Hits) -> U8:
        """(H, W) uint8: the region that is visible in each pixel; NOTHING where there is none."""
        return np.where(hits.triangle >= 0, self.region[hits.triangle], NOTHING).astype(np.uint8)


def _regions(neutral: F32, triangles: I32) -> U8:
    corners = neutral[triangles]
    on_head = ((triangles >= _NARROW_FACE) & (triangles < _HEAD)).any(axis=1)
    region = np.where(on_head, SKULL, FRONT).astype(np.uint8)
    region[on_head & (corners[:, :, 1].min(axis=1) < _NECK_HIGH)] = NECK
    region[_throat(corners) & (triangles < _HEAD).all(axis=1)] = NECK
    ear = _ear_vertices(neutral)[triangles].all(axis=1)
    left = corners[:, 0, 0] > 0
    region[ear & left], region[ear & ~left] = LEFT_EAR, RIGHT_EAR
    return region


def _ear_vertices(neutral: F32) -> npt.NDArray[np.bool_]:
    x, y, z = neutral.T
    within = (np.abs(x) > _EAR_BESIDE) & (y > _EAR_LOW) & (y < _EAR_HIGH) & (z > _EAR_BACK) & (z < _EAR_FRONT)
    within[:_NARROW_FACE] = within[_FACE:] = False
    return within


def _throat(corners: F32) -> npt.NDArray[np.bool_]:
    inwards = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    up = -inwards[:, 1] / np.maximum(np.linalg.norm(inwards, axis=1), 1e-9)
    return (up < _LOOKS_DOWN) & (corners[:, :, 1].max(axis=1) < _THROAT_HIGH)
