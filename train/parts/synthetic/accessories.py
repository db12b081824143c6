"""Glasses and shirts of synthetic heads. Their label is background, but they have depth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from engines.spec import BACKGROUND
from train.parts.head_mesh import LEFT_SCLERA, RIGHT_SCLERA, HeadMesh
from train.parts.synthetic import noise
from train.parts.synthetic.paint import linear
from train.parts.synthetic.shape import Camera
from train.parts.synthetic.surface import Coat, Places, Surface, grid_triangles, unit

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

_AROUND_TUBE, _AROUND_RIM = 6, 40
# (half width, y, half depth) of the shoulders, from the neck down
_SHOULDERS = ((6.4, -9.6, 5.8), (7.6, -10.6, 6.6), (12.5, -12.4, 8.8), (17.5, -15, 10), (20, -20, 10.5), (21, -60, 11))
_SHOULDERS_Z = -2.5
_BARE_SHARE = 0.08


def glasses(mesh: HeadMesh, shape: F32, camera: Camera, rng: Rng) -> list[Surface]:
    """Frames, three in ten with dark lenses; clear lenses are not rendered.

    Args:
        shape: (V, 3): the head, in its own coordinates.
    """
    colour = linear(rng.uniform(5, 60, 3) if rng.random() < 0.6 else rng.uniform(20, 220, 3))
    thick = rng.uniform(0.08, 0.26)
    wide, high, drop = rng.uniform(2.3, 2.8), rng.uniform(1.6, 2.4), rng.uniform(0.1, 0.7)
    rims = [_rim(_eye(mesh, shape, eye), wide, high, drop, rng.uniform(2, 4.5)) for eye in (LEFT_SCLERA, RIGHT_SCLERA)]
    inner = [rims[0][_AROUND_RIM // 2], rims[1][0]]
    bridge = _bent(inner[0] + (0, 0.3, 0), inner[1] + (0, 0.3, 0), 0.4)
    tubes = [(np.concatenate([rim, rim[:1]]), thick) for rim in rims] + [(bridge, thick)]
    for outer, side in ((rims[0][0], 1), (rims[1][_AROUND_RIM // 2], -1)):
        ear = np.array((side * _temple_x(shape), outer[1] + 0.3, 0.5))
        tubes.append((np.linspace(outer + np.array((0, 0.3, -0.2)), ear, 12), thick * 0.8))
    points, triangles = _joined([_tube(line, radius) for line, radius in tubes])
    surfaces = [Surface(camera.placed(points), triangles, _plain(colour, 0.25), both_sides=True)]
    if rng.random() < 0.3:
        dark = linear(rng.uniform(3, 60, 3))
        lens_points, lens_triangles = _joined([_disc(rim) for rim in rims])
        surfaces.append(Surface(camera.placed(lens_points), lens_triangles, _plain(dark, 0.35), both_sides=True))
    return surfaces


def shirt(camera: Camera, skin: F32, rng: Rng) -> Surface:
    """Shoulders and chest in cloth below a random neckline; sometimes bare, in the colour of the skin."""
    rows, columns = 40, 72
    along = np.linspace(0, len(_SHOULDERS) - 1, rows) ** 1.0
    wide, high, deep = (np.interp(along, range(len(_SHOULDERS)), values) for values in zip(*_SHOULDERS, strict=True))
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    broad = rng.uniform(0.88, 1.12)
    x = (wide * np.where(along > 1, broad, 1))[:, None] * np.sin(around)
    z = deep[:, None] * np.cos(around) + _SHOULDERS_Z
    points = np.stack([x, np.repeat(high[:, None], columns, 1), z], axis=2).reshape(-1, 3).astype(np.float32)
    triangles = grid_triangles(rows, columns, around=True)
    neck = rng.uniform(-0.2, 0.9) + rng.uniform(0, 1.8) * np.exp(
        -((np.minimum(around, 2 * np.pi - around) / 0.45) ** 2)
    )
    below = (along[:, None] - neck).astype(np.float32).ravel()
    colour = skin if rng.random() < _BARE_SHARE else linear(rng.uniform(10, 240, 3))
    stripes = 0.0 if colour is skin else rng.uniform(0, 0.6) * (rng.random() < 0.3)
    second, period = linear(rng.uniform(10, 240, 3)), rng.uniform(0.6, 3)
    weave = noise.fractal(rng, (256, 256), 8, 5)

    def coat(places: Places) -> Coat:
        spot = places.at(points, triangles)
        mixed = (np.sin(spot[:, 1] * 6.28 / period) > 0) * np.float32(stripes)
        cloth = noise.looked_up(weave, spot[:, 0] * 8, spot[:, 1] * 8 + spot[:, 2] * 3)
        albedo = (colour + (second - colour) * mixed[:, None]) * (1 + 0.1 * cloth[:, None])
        return _coat(np.clip(albedo, 0.003, 0.95), 0.0, places.at(below, triangles) > 0)

    return Surface(camera.placed(points), triangles, coat, both_sides=True)


def _plain(colour: F32, gloss: float) -> Callable[[Places], Coat]:
    def coat(places: Places) -> Coat:
        count = len(places.pixel)
        return _coat(np.tile(colour, (count, 1)), gloss, np.ones(count, bool))

    return coat


def _coat(albedo: F32, gloss: float, there: npt.NDArray[np.bool_]) -> Coat:
    count = len(albedo)
    return Coat(
        albedo.astype(np.float32), np.full(count, BACKGROUND, np.uint8), np.full(count, gloss, np.float32),
        np.full(count, 0.9, np.float32), there,
    )  # fmt: skip


def _eye(mesh: HeadMesh, shape: F32, eye: int) -> F32:
    """(3,) the middle of the eyeball's front."""
    points = shape[np.unique(mesh.triangles[mesh.material == eye])]
    return np.array([*points[:, :2].mean(axis=0), points[:, 2].max()], np.float32)


def _temple_x(shape: F32) -> float:
    """Half of the head's width where the temples of glasses pass."""
    x, y, z = shape.T
    return float(np.abs(x[(np.abs(y - 4.2) < 1) & (z > 0.5) & (z < 4)]).max()) + 0.15


def _rim(eye: F32, wide: float, high: float, drop: float, roundness: float) -> npt.NDArray[np.float64]:
    """(_AROUND_RIM, 3) rim around one eye, starting at the subject's left; curved around the head, tilted forward."""
    angle = np.linspace(0, 2 * np.pi, _AROUND_RIM, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    x = np.sign(cos) * np.abs(cos) ** (2 / roundness) * wide + eye[0] * 1.03
    y = np.sign(sin) * np.abs(sin) ** (2 / roundness) * high + eye[1] - drop
    z = eye[2] + 1.5 + 0.1 * (y - eye[1]) - 0.035 * (np.abs(x) - 1.5).clip(0) ** 2
    return np.stack([x, y, z], axis=1)


def _bent(start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], rise: float) -> npt.NDArray[np.float64]:
    t = np.linspace(0, 1, 8)[:, None]
    return start + (end - start) * t + np.sin(np.pi * t) * np.array((0, rise, 0.2))


def _tube(line: npt.NDArray[np.float64], radius: float) -> tuple[F32, I32]:
    """A tube along a line."""
    ahead = unit(np.gradient(line, axis=0).astype(np.float32))
    side = unit(np.cross(ahead, np.array((0.05, 0.1, 1.0) if np.abs(ahead[:, 2]).mean() < 0.7 else (0.0, 1.0, 0.1))))
    other = np.cross(ahead, side)
    angle = np.linspace(0, 2 * np.pi, _AROUND_TUBE, endpoint=False)
    ring = np.cos(angle)[:, None, None] * side + np.sin(angle)[:, None, None] * other
    points = (line[None] + radius * ring).transpose(1, 0, 2).reshape(-1, 3)
    return points.astype(np.float32), grid_triangles(len(line), _AROUND_TUBE, around=True)


def _disc(rim: npt.NDArray[np.float64]) -> tuple[F32, I32]:
    middle = rim.mean(axis=0, keepdims=True) + np.array((0, 0, 0.15))
    count = len(rim)
    at = np.arange(count)
    return np.concatenate([rim, middle]).astype(np.float32), np.stack([at, (at + 1) % count, np.full(count, count)], 1)


def _joined(meshes: list[tuple[F32, I32]]) -> tuple[F32, I32]:
    starts = np.cumsum([0, *(len(points) for points, _ in meshes)])
    triangles = [indices + start for (_, indices), start in zip(meshes, starts, strict=False)]
    return np.concatenate([points for points, _ in meshes]), np.concatenate(triangles).astype(np.int32)
