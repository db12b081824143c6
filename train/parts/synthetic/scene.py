"""One synthetic head: a random scene, rendered with exact part labels and depth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import BACKGROUND
from realtime.frames.types import U8
from realtime.video.sources.image import read_rgb
from train.heads.contour import silhouette_mask
from train.heads.landmark_vertices import VERTEX_OF_LANDMARK
from train.heads.model import HeadModel, head_model_arrays, load_head_model
from train.labels.morphology import box_of
from train.occluders import shapes
from train.occluders.colour import MID_GREY_LAB
from train.parts.head_mesh import HeadMesh, load_head_mesh
from train.parts.raster import rasterise
from train.parts.synthetic.accessories import glasses, shirt
from train.parts.synthetic.hair import hair_surfaces
from train.parts.synthetic.hairline import random_style
from train.parts.synthetic.light import exposed, lit, random_light
from train.parts.synthetic.paint import linear
from train.parts.synthetic.shape import Camera, random_camera, random_shape
from train.parts.synthetic.skin import hair_colour, random_skin
from train.parts.synthetic.surface import Picture, Surface, seen, unit, vertex_normals

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]
U16 = npt.NDArray[np.uint16]

SIDE_PX = 256
DEPTH_SCALE_M = 0.0001
_STEPS_PER_CM = 100  # of depth
_SAMPLES = 2  # per side of each pixel
_GLASSES_SHARE, _DYED_SHARE = 0.18, 0.04
# Boxes of photographs come from FaceMesh, whose forehead ends lower than the head model's vertices, and whose chin is a
# little higher. Shares of the box's height, measured on 46 rendered heads.
_BOX_CORRECTION = (0.06, 0.02)
_SKY_DIRECTIONS = 32  # from which ambient light is measured
_SKY_PX, _SKY_SCALE = 160, 5.0  # pixels per side, and per centimetre


@dataclass(frozen=True, eq=False)
class SyntheticHead:
    """A rendered head; S is SIDE_PX."""

    rgb: U8
    """(S, S, 3)"""
    parts: U8
    """(S, S) ids of PART_LABELS."""
    depth: U16
    """(S, S); times DEPTH_SCALE_M: metres from the camera; 0 without a surface."""
    box_xyxy: tuple[float, float, float, float]
    """The full-face box, as for photographs."""


class HeadMaker:
    """Makes heads. One per process: it computes the ambient light of each vertex once.

    Args:
        head_model: folder of the head model.
        backgrounds: pictures for backgrounds; empty for drawn ones.

    Raises:
        DataError: the head model is not named, missing or not ICT-FaceKit's.
    """

    def __init__(self, head_model: Path | None, backgrounds: tuple[Path, ...] = ()) -> None:
        self._head: HeadModel = load_head_model(head_model)
        self._mesh = load_head_mesh(head_model_arrays(head_model).parent)
        self._backgrounds = backgrounds
        self._open = ambient_occlusion(self._head.neutral, self._mesh)
        # Triangles under the shirt become degenerate rather than dropped, because labels are looked up by triangle.
        body = _below_shirt(self._head.neutral)[self._mesh.triangles].all(axis=1)
        self._dressed = np.where(body[:, None], self._mesh.triangles[:, :1], self._mesh.triangles)

    def make(self, seed: int, index: int) -> SyntheticHead:
        """Make one head. The same seed and index always give the same head."""
        rng = np.random.default_rng((seed, index))
        shape, camera = random_shape(self._head, rng), random_camera(rng)
        surfaces = self._surfaces(shape, camera, rng)
        light = random_light(rng)
        side = SIDE_PX * _SAMPLES
        picture = seen(surfaces, camera, side)
        linear_rgb = lit(picture, light, surfaces, camera)
        behind = self._background(rng, side) * np.float32(rng.uniform(0.4, 1.0))
        linear_rgb = np.where(picture.depth[:, :, None] > 0, linear_rgb, behind)
        small = cv2.resize(linear_rgb, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        parts, depth = merge_samples(picture)
        return SyntheticHead(exposed(small, light, rng), parts, depth, self._box(shape, camera))

    def _surfaces(self, shape: F32, camera: Camera, rng: Rng) -> list[Surface]:
        natural = hair_colour(rng)
        skin = random_skin(self._mesh, shape, self._open, natural, rng)
        surfaces = [Surface(camera.placed(shape), self._dressed, skin.coat)]
        colour = linear(rng.uniform(20, 220, 3)) if rng.random() < _DYED_SHARE else natural
        style = random_style(rng)
        if style is not None:
            surfaces += hair_surfaces(style, self._mesh, self._head.neutral, shape, colour, camera, rng)
        if rng.random() < _GLASSES_SHARE:
            surfaces += glasses(self._mesh, shape, camera, rng)
        surfaces.append(shirt(camera, skin.tone, rng))
        return surfaces

    def _background(self, rng: Rng, side: int) -> F32:
        if not self._backgrounds:
            drawn = shapes.texture(side, rng, MID_GREY_LAB)
            if rng.random() < 0.5:
                drawn = cv2.GaussianBlur(drawn, (0, 0), float(rng.uniform(1, 25)))
            return linear(drawn)
        rgb = read_rgb(self._backgrounds[rng.integers(len(self._backgrounds))])
        least = min(rgb.shape[:2])
        y, x = rng.integers(0, rgb.shape[0] - least + 1), rng.integers(0, rgb.shape[1] - least + 1)
        cut = np.ascontiguousarray(rgb[y : y + least, x : x + least])
        return linear(cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA))

    def _box(self, shape: F32, camera: Camera) -> tuple[float, float, float, float]:
        landmarks = camera.projected(camera.placed(shape[list(VERTEX_OF_LANDMARK)]), SIDE_PX)
        left, top, right, bottom = map(float, box_of(silhouette_mask(landmarks, (SIDE_PX, SIDE_PX))))
        down, up = (share * (bottom - top) for share in _BOX_CORRECTION)
        return left, round(top + down, 1), right, round(bottom - up, 1)


def _below_shirt(neutral: F32) -> npt.NDArray[np.bool_]:
    """(V,) bool: chest and shoulders, which would stick out of some shirts."""
    return (neutral[:, 1] < -16.5) | ((neutral[:, 1] < -9) & (np.abs(neutral[:, 0]) > 8))


def merge_samples(picture: Picture) -> tuple[U8, U16]:
    """Parts and depth of each pixel from those of its samples.

    The label is that of most samples. The depth is the mean of these samples only, so that no pixel lies between two
    surfaces.
    """
    side = len(picture.depth) // _SAMPLES
    label, depth = (
        plane.reshape(side, _SAMPLES, side, _SAMPLES).transpose(0, 2, 1, 3).reshape(side, side, _SAMPLES**2)
        for plane in (picture.label, picture.depth)
    )
    kind = np.where(
        depth > 0, label + 1, 0
    )  # 0 without a surface, which differs from clothing, whose label is background, too
    votes = (kind[..., None] == kind[..., None, :]).sum(axis=-1) * 16 + kind
    winner = np.take_along_axis(kind, votes.argmax(axis=-1)[..., None], -1)
    agrees = kind == winner
    mean = (depth * agrees).sum(axis=-1) / agrees.sum(axis=-1)
    parts = np.where(winner[..., 0] > 0, winner[..., 0] - 1, BACKGROUND)
    return parts.astype(np.uint8), np.rint(mean * _STEPS_PER_CM).clip(0, 65535).astype(np.uint16)


def ambient_occlusion(neutral: F32, mesh: HeadMesh) -> F32:
    """(V,) share of the ambient light that reaches each vertex of the mean head, about 0.1 to 1."""
    golden = np.pi * (3 - np.sqrt(5))
    height = np.linspace(0.96, -0.6, _SKY_DIRECTIONS)
    skies = np.stack([np.sqrt(1 - height**2) * np.cos(golden * np.arange(_SKY_DIRECTIONS)), height,
                      np.sqrt(1 - height**2) * np.sin(golden * np.arange(_SKY_DIRECTIONS))], axis=1)  # fmt: skip
    normals = vertex_normals((neutral * (1, -1, -1)).astype(np.float32), mesh.triangles) * (1, -1, -1)
    reached, could = np.zeros(len(neutral)), np.full(len(neutral), 1e-3)
    for to in skies:
        facing = np.maximum(normals @ to, 0)
        reached += facing * _reached(neutral, normals, to, mesh)
        could += facing
    return np.clip(0.08 + 0.92 * reached / could, 0, 1).astype(np.float32)


def _reached(neutral: F32, normals: F32, to: npt.NDArray[np.float64], mesh: HeadMesh) -> npt.NDArray[np.bool_]:
    across = unit(np.cross(to, (0.1, 1.0, 0.2)).astype(np.float32))
    frame = np.stack([across, np.cross(to, across), -to], axis=1)
    flat = neutral @ frame
    pixels = np.concatenate([flat[:, :2] * _SKY_SCALE + _SKY_PX / 2, flat[:, 2:] + 100], axis=1)
    hits = rasterise(pixels, mesh.triangles, (_SKY_PX, _SKY_PX))
    nearest = np.where(hits.triangle >= 0, hits.depth, np.inf)
    lifted = (neutral + 0.3 * normals) @ frame
    column, row = (np.clip(lifted[:, k] * _SKY_SCALE + _SKY_PX / 2, 0, _SKY_PX - 1).astype(int) for k in range(2))
    return lifted[:, 2] + 100 < nearest[row, column] + 0.35
