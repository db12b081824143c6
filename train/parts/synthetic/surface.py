"""Surfaces in front of a camera, and rendering them: depth, colour, normal and label of each pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.parts.raster import rasterise
from train.parts.synthetic.shape import Camera

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Places:
    """Points on a surface, one for each pixel where it is in front of the surfaces drawn before."""

    pixel: I64
    """(N,) index into the flattened picture."""
    triangle: I32
    """(N,)"""
    weights: F32
    """(N, 3)"""
    depth: F32
    """(N,)"""

    def at(self, values: F32, triangles: I32) -> F32:
        """(V,) or (V, C) values of vertices -> (N,) or (N, C)."""
        return np.einsum("nk,nk...->n...", self.weights, values[triangles[self.triangle]])


@dataclass(frozen=True, eq=False)
class Coat:
    """The material of a surface at N points."""

    albedo: F32
    """(N, 3) linear, 0..1."""
    label: U8
    """(N,)"""
    gloss: F32
    """(N,) strength of the highlight."""
    open_: F32
    """(N,) share of the ambient light that reaches the point."""
    there: npt.NDArray[np.bool_]
    """(N,) False where the surface has a hole or ends."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh and its material."""

    points: F32
    """(V, 3) in camera coordinates, centimetres."""
    triangles: I32
    """(T, 3)"""
    coat: Callable[[Places], Coat]
    both_sides: bool = False
    normals: F32 | None = None
    """(V, 3); None for those of the mesh."""


@dataclass(frozen=True, eq=False)
class Picture:
    """The rendered surfaces without light; (S, S) or (S, S, 3)."""

    depth: F32
    """Centimetres from the camera; 0 without a surface."""
    albedo: F32
    normal: F32
    label: U8
    gloss: F32
    open_: F32

    @classmethod
    def empty(cls, side: int) -> Picture:
        planes = np.zeros((3, side, side), np.float32)
        colours = np.zeros((2, side, side, 3), np.float32)
        return cls(planes[0], colours[0], colours[1], np.zeros((side, side), np.uint8), planes[1], planes[2])


def seen(surfaces: list[Surface], camera: Camera, side: int) -> Picture:
    """Render surfaces with a z-buffer."""
    picture = Picture.empty(side)
    for surface in surfaces:
        _draw(picture, surface, camera)
    return picture


def _draw(picture: Picture, surface: Surface, camera: Camera) -> None:
    side = len(picture.depth)
    pixels = camera.projected(surface.points, side)
    hits = rasterise(pixels, surface.triangles, (side, side), back_faces=surface.both_sides)
    before = np.flatnonzero((hits.triangle >= 0) & ((hits.depth < picture.depth) | (picture.depth == 0)))
    places = Places(
        before, hits.triangle.ravel()[before], hits.weights.reshape(-1, 3)[before], hits.depth.ravel()[before]
    )
    coat = surface.coat(places)
    normals = vertex_normals(surface.points, surface.triangles) if surface.normals is None else surface.normals
    normal = places.at(normals, surface.triangles)
    towards = _towards(camera, places, side)
    away = (normal * towards).sum(axis=1) < 0
    if surface.both_sides:
        normal[away] *= -1
    at, kept = before[coat.there], coat.there
    picture.depth.ravel()[at] = places.depth[kept]
    picture.label.ravel()[at] = coat.label[kept]
    picture.gloss.ravel()[at] = coat.gloss[kept]
    picture.open_.ravel()[at] = coat.open_[kept]
    picture.albedo.reshape(-1, 3)[at] = coat.albedo[kept]
    picture.normal.reshape(-1, 3)[at] = unit(normal[kept])


def _towards(camera: Camera, places: Places, side: int) -> F32:
    """(N, 3) vectors from each point to the camera."""
    row, column = np.divmod(places.pixel, side)
    pixels = np.stack([column, row], axis=1).astype(np.float32) + 0.5
    return -camera.unprojected(pixels, places.depth, side)


def vertex_normals(points: F32, triangles: I32) -> F32:
    """(V, 3) unit normals that point out of the front faces, as `rasterise` defines them."""
    corners = points[triangles]
    flat = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])
    total = np.empty_like(points)
    for axis in range(3):
        weights = np.repeat(flat[:, axis], 3)
        total[:, axis] = np.bincount(triangles.ravel(), weights, minlength=len(points))
    return unit(total)


def unit(vectors: F32) -> F32:
    """(N, 3) vectors -> the same directions with length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def grid_triangles(rows: int, columns: int, *, around: bool) -> I32:
    """(T, 3): the triangles of a grid of vertices, row by row; with `around` the last column joins the first."""
    row, column = np.mgrid[: rows - 1, : columns if around else columns - 1].reshape(2, -1)
    beside = (column + 1) % columns
    a, b = row * columns + column, row * columns + beside
    c, d = a + columns, b + columns
    return np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)]).astype(np.int32)
