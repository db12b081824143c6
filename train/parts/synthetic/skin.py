"""Material and labels of a synthetic head without hair: painted skin, eyes and mouth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.parts import head_regions as regions
from train.parts.head_mesh import (
    FACE,
    GUMS,
    LEFT_IRIS,
    LEFT_SCLERA,
    MOUTH_SOCKET,
    RIGHT_IRIS,
    RIGHT_SCLERA,
    SOCKET,
    TEETH,
    HeadMesh,
)
from train.parts.synthetic.paint import linear, painted, sampled
from train.parts.synthetic.surface import Coat, Places, unit

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

# sRGB, from light to dark
_TONES = np.array(
    [(252, 226, 208), (241, 204, 178), (226, 180, 148), (198, 146, 112), (160, 110, 80), (118, 78, 56), (82, 54, 40),
     (56, 38, 30)],
    np.float32,
)  # fmt: skip
_HAIRS = np.array(
    [(18, 16, 16), (38, 27, 22), (66, 44, 30), (104, 70, 44), (150, 112, 68), (204, 172, 120), (150, 70, 36),
     (120, 118, 116), (210, 208, 204)],
    np.float32,
)  # fmt: skip
_HAIR_SHARES = (0.22, 0.22, 0.17, 0.12, 0.08, 0.06, 0.04, 0.06, 0.03)
_IRISES = np.array(
    [(70, 42, 24), (96, 62, 34), (112, 96, 58), (86, 112, 84), (92, 124, 150), (110, 118, 126)], np.float32
)
_IRIS_SHARES = (0.34, 0.24, 0.14, 0.1, 0.12, 0.06)
_IRIS_ANGLE, _PUPIL_ANGLE = (0.40, 0.45), (0.11, 0.20)  # radians about the gaze, from the eyeball's middle
_MOST_GAZE = 0.45
_EYEBALLS = ((LEFT_SCLERA, LEFT_IRIS), (RIGHT_SCLERA, RIGHT_IRIS))


def hair_colour(rng: Rng) -> F32:
    """(3,) linear: a natural hair colour."""
    picked = _HAIRS[rng.choice(len(_HAIRS), p=_HAIR_SHARES)]
    return linear(np.clip(picked * rng.uniform(0.8, 1.2) + rng.normal(0, 4, 3), 8, 240))


@dataclass(frozen=True, eq=False)
class Skin:
    """The look of one head without hair."""

    mesh: HeadMesh
    tone: F32
    """(3,) linear."""
    paint: F32
    """(P, P, 3): linear, over the texture plane of the face."""
    atlas: U8
    """Labels of the face, as `HeadMesh.atlas`, with the brows of this head."""
    gloss: float
    lips_gloss: float
    open_: F32
    """(V,): share of the ambient light that reaches each vertex."""
    eyes: tuple[F32, F32]
    """Left and right: (V, 3) directions from the eyeball's middle, turned so that the gaze is z."""
    iris: F32
    pupil_angle: float
    iris_angle: float

    def coat(self, places: Places) -> Coat:
        """The material of the head at some points."""
        surface = self.mesh.material[places.triangle]
        label = self.mesh.parts_at(places.triangle, places.weights, self.atlas)
        albedo = np.tile(self.tone, (len(label), 1))
        gloss = np.full(len(label), self.gloss, np.float32)
        face = surface == FACE
        albedo[face] = sampled(self.paint, self.mesh.uv_at(places.triangle[face], places.weights[face]))
        gloss[(label == regions.UPPER_LIP) | (label == regions.LOWER_LIP)] = self.lips_gloss
        for kind, colour, shine in ((GUMS, (150, 70, 70), 0.15), (MOUTH_SOCKET, (90, 35, 35), 0.0),
                                    (TEETH, (225, 215, 195), 0.15), (SOCKET, (200, 130, 120), 0.3)):  # fmt: skip
            albedo[surface == kind], gloss[surface == kind] = linear(colour), shine
        for kinds, directions in zip(_EYEBALLS, self.eyes, strict=True):
            of_eye = np.isin(surface, kinds)
            albedo[of_eye] = self._eye(places.at(directions, self.mesh.triangles)[of_eye])
            gloss[of_eye] = 0.22
        open_ = places.at(self.open_, self.mesh.triangles)
        return Coat(albedo.astype(np.float32), label, gloss, open_.astype(np.float32), np.ones(len(label), bool))

    def _eye(self, direction: F32) -> F32:
        along = unit(direction)
        angle = np.arccos(np.clip(along[:, 2], -1, 1))
        spoke = np.arctan2(along[:, 1], along[:, 0])
        streaks = 1 + 0.25 * np.sin(spoke * 23 + 3 * np.sin(spoke * 7)) * np.sin(angle * 40)
        white = linear((232, 222, 216)) * np.float32(0.72)
        colour = np.where((angle < self.iris_angle)[:, None], self.iris * streaks[:, None], white)
        rim = np.abs(angle - self.iris_angle) < 0.05
        colour = np.where(rim[:, None], colour * 0.45, colour)
        return np.where((angle < self.pupil_angle)[:, None], np.float32(0.004), colour).astype(np.float32)


def random_skin(mesh: HeadMesh, shape: F32, open_: F32, hair: F32, rng: Rng) -> Skin:
    """Make a random look for a head.

    Args:
        shape: (V, 3): its vertices, in its own coordinates.
        open_: (V,): share of the ambient light that reaches each vertex.
        hair: (3,): colour of brows and beard, linear.
    """
    at = rng.uniform(0, len(_TONES) - 1)
    low = min(int(at), len(_TONES) - 2)
    tone = _TONES[low] + (_TONES[low + 1] - _TONES[low]) * (at - low) + rng.normal(0, 4, 3)
    dark = hair * np.float32(rng.uniform(0.5, 1.1))
    atlas, brows = _own_brows(mesh, rng)
    paint = painted(linear(np.clip(tone, 20, 250)), dark, atlas, brows, rng)
    look = np.clip(rng.normal(0, 0.14, 2), -_MOST_GAZE, _MOST_GAZE)
    eyes = tuple(_directions(mesh, shape, eye, look) for eye in (LEFT_SCLERA, RIGHT_SCLERA))
    iris = linear(np.clip(_IRISES[rng.choice(len(_IRISES), p=_IRIS_SHARES)] * rng.uniform(0.7, 1.2), 10, 230))
    return Skin(
        mesh, paint[-1, paint.shape[1] // 2], paint, atlas, float(rng.gamma(1.5, 0.02)), float(rng.uniform(0.03, 0.25)),
        open_, (eyes[0], eyes[1]), iris, float(rng.uniform(*_PUPIL_ANGLE)), float(rng.uniform(*_IRIS_ANGLE)),
    )  # fmt: skip


def _directions(mesh: HeadMesh, shape: F32, eye: int, look: npt.NDArray[np.float64]) -> F32:
    """(V, 3) directions from the eyeball's middle, rotated so that the gaze is z."""
    ball = np.unique(mesh.triangles[mesh.material == eye])
    low, high = shape[ball].min(axis=0), shape[ball].max(axis=0)
    middle = np.array([*(low + high)[:2] / 2, low[2] + (high - low)[0] / 2], np.float32)
    across, up = np.cos(look), np.sin(look)
    yaw = np.array([(across[0], 0, -up[0]), (0, 1, 0), (up[0], 0, across[0])])
    pitch = np.array([(1, 0, 0), (0, across[1], -up[1]), (0, up[1], across[1])])
    return ((shape - middle) @ (pitch @ yaw).T).astype(np.float32)


def _own_brows(mesh: HeadMesh, rng: Rng) -> tuple[U8, F32]:
    """The atlas with brows of a random shape, and (A, A) float32 the brows with soft edges."""
    outline = regions.brow(
        thickness=rng.uniform(0.55, 1.35), length=rng.uniform(0.85, 1.08), rise=rng.normal(0, 0.004),
        arch=rng.normal(0, 0.004),
    )  # fmt: skip
    atlas = mesh.atlas[0].copy()
    regions.fill(atlas, outline, regions.RIGHT_BROW)
    regions.fill(atlas, regions.mirrored(outline), regions.LEFT_BROW)
    both = np.isin(atlas, (regions.LEFT_BROW, regions.RIGHT_BROW)).astype(np.float32)
    return atlas, cv2.GaussianBlur(both, (0, 0), float(rng.uniform(1.5, 3.5)))
