"""Procedural hair: a shell over the skull that ends at the hairline, and for long hair a curtain that hangs down."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from train.parts.head_mesh import BACK, FACE, HeadMesh
from train.parts.head_regions import HAIR, LEFT_EAR, RIGHT_EAR
from train.parts.synthetic import noise
from train.parts.synthetic.hairline import HairStyle, inside_hairline
from train.parts.synthetic.shape import Camera, smoothstep
from train.parts.synthetic.surface import Coat, Places, Surface, grid_triangles, unit, vertex_normals

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]

_MIDDLE = np.array((0.0, 3.0, -0.5), np.float32)  # of the skull
_STRANDS, _ALONG = 1024, 256


@dataclass(frozen=True, eq=False)
class _Strands:
    """Texture and colour of hair."""

    texture: F32
    locks: F32
    """The same texture, coarser, for the hairline: single strands would become specks."""
    colour: F32
    gloss: float
    frame: F32
    """(3, 3): head -> the crown's coordinates; strands run away from its z."""
    curl: float
    rough: float

    def at(self, rest: F32) -> tuple[F32, F32]:
        """(N,) each: x and y in the textures for points of the mean head."""
        direction = unit((rest - _MIDDLE) @ self.frame.T)
        polar = np.arccos(np.clip(direction[:, 2], -1, 1))
        around = np.arctan2(direction[:, 1], direction[:, 0]) + 0.6 * self.curl * np.sin(6 * polar)
        length = _ALONG / np.pi * (1 + 14 * self.curl)
        return around * (_STRANDS / 2 / np.pi), polar * length

    def coat(self, inside: F32, x: F32, y: F32, shade: F32 | float = 1.0) -> Coat:
        """Hair where `inside`, (N,) centimetres from the hairline, is positive; its edge frays in locks."""
        strand, lock = (noise.looked_up(texture, x, y) for texture in (self.texture, self.locks))
        there = inside + self.rough * np.clip(lock, -2, 2) > 0
        bright = np.exp(0.38 * np.clip(strand, -2, 2)) * shade
        albedo = np.clip(self.colour * bright[:, None], 0.002, 0.9).astype(np.float32)
        gloss = (self.gloss * np.clip(0.5 + strand, 0, 2)).astype(np.float32)
        open_ = np.clip(0.65 + 0.15 * strand, 0.2, 1).astype(np.float32) * np.float32(1.0) * shade
        return Coat(albedo, np.full(len(there), HAIR, np.uint8), gloss, open_.astype(np.float32), there)


def hair_surfaces(
    style: HairStyle, mesh: HeadMesh, neutral: F32, shape: F32, colour: F32, camera: Camera, rng: Rng
) -> list[Surface]:
    """The shell of hair, and for long hair the curtain.

    Args:
        neutral: (V, 3): the mean head, on which hairlines are drawn.
        shape: (V, 3): this head.
        colour: (3,) linear.
    """
    lean = rng.normal((0, 1, -0.35), (0.25, 0.5, 0.3))  # the crown: up and back
    z = unit(lean.astype(np.float32))
    x = unit(np.cross(z, np.array((0.3, 0.1, 1.0), np.float32)))
    texture = noise.strands(rng, _STRANDS, _ALONG, int(rng.integers(6, 24)))
    locks = cv2.GaussianBlur(texture, (0, 0), 6, sigmaY=4, borderType=cv2.BORDER_REPLICATE)
    strands = _Strands(
        texture, locks / max(float(locks.std()), 1e-6), colour, float(rng.uniform(0.02, 0.12)),
        np.stack([x, np.cross(z, x), z]).astype(np.float32), style.curl, style.rough,
    )  # fmt: skip
    inside = inside_hairline(style, neutral)
    thick = _thickness(style, neutral, inside, rng)
    shell = shape + thick[:, None] * _outwards(mesh, shape)
    surfaces = [_shell(mesh, shell, neutral, inside, strands, camera)]
    if style.hangs_to is not None:
        surfaces.append(_curtain(style, shell, shape, inside, strands, camera, rng))
    return surfaces


def _thickness(style: HairStyle, neutral: F32, inside: F32, rng: Rng) -> F32:
    direction = unit(neutral - _MIDDLE)
    lumps = sum(np.cos(direction @ rng.normal(0, 3, 3) + rng.uniform(0, 6.3)) for _ in range(4))
    full = style.thickness * (1 + (style.top - 1) * np.maximum(direction[:, 1], 0)) * (1 + 0.08 * lumps)
    return (0.08 + np.maximum(full, 0.1) * smoothstep(inside, 0.7 * style.rough, 1.5 + style.thickness)).astype(
        np.float32
    )


def _outwards(mesh: HeadMesh, shape: F32) -> F32:
    flipped = vertex_normals(shape * (1, -1, -1), mesh.triangles) * (1, -1, -1)
    return unit(0.4 * flipped + 0.6 * unit(shape - _MIDDLE)).astype(np.float32)


def _shell(mesh: HeadMesh, shell: F32, neutral: F32, inside: F32, strands: _Strands, camera: Camera) -> Surface:
    ears = np.isin(mesh.part, (LEFT_EAR, RIGHT_EAR))
    near = (inside[mesh.triangles] > -1.5).all(axis=1)
    triangles = mesh.triangles[np.isin(mesh.material, (FACE, BACK)) & near & ~ears]

    def coat(places: Places) -> Coat:
        return strands.coat(places.at(inside, triangles), *strands.at(places.at(neutral, triangles)))

    return Surface(camera.placed(shell), triangles, coat, both_sides=True)


def _curtain(
    style: HairStyle, shell: F32, shape: F32, inside: F32, strands: _Strands, camera: Camera, rng: Rng
) -> Surface:
    """Hair that hangs down around the head, from one side over the back to the other."""
    assert style.hangs_to is not None
    rows, columns = 48, 120
    degrees = np.linspace(style.hangs_from_deg, 360 - style.hangs_from_deg, columns)
    high = np.linspace(9.0, style.hangs_to, rows)
    radius = _radii(shell, inside, degrees, high)
    ripple = noise.smooth(rng, (rows, columns), (5, 10)) * np.linspace(0, 1, rows)[:, None]
    radius = radius * (1 + 0.03 * ripple) + style.wave * np.sin(np.linspace(0, 1, rows)[:, None] * 12 + ripple)
    angle = np.radians(degrees)[None]
    points = np.stack([radius * np.sin(angle), np.repeat(high[:, None], columns, 1), radius * np.cos(angle)], axis=2)
    points = points.reshape(-1, 3).astype(np.float32)
    edge = (np.minimum(degrees - degrees[0], degrees[-1] - degrees) * np.pi / 180 * 9)[None]
    ragged = rng.uniform(0.5, 3) * noise.smooth(rng, (1, columns), (1, 12))
    end = (high - style.hangs_to)[:, None] + ragged - 1
    rim = np.minimum(edge - 0.4, end).astype(np.float32).ravel()
    triangles = grid_triangles(rows, columns, around=False)
    flat = np.stack([np.repeat(np.radians(degrees)[None], rows, 0), np.repeat(high[:, None], columns, 1)], 2)
    flat = flat.reshape(-1, 2).astype(np.float32)
    behind = (points[:, 2] < 0).astype(np.float32)

    def coat(places: Places) -> Coat:
        around, y = places.at(flat, triangles).T
        curl = 0.05 * strands.curl * np.sin(2.5 * y)
        shade = (1 - 0.5 * places.at(behind, triangles) * (y < 0)).astype(np.float32)
        x = (around + curl) * (_STRANDS / 2 / np.pi)
        return strands.coat(places.at(rim, triangles), x, -y * _ALONG / 40, shade)

    return Surface(camera.placed(points), triangles, coat, both_sides=True)


def _radii(shell: F32, inside: F32, degrees: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> F32:
    """(rows, columns) distance of the hair from the axis: the largest radius of the head above each row."""
    hairy = shell[(inside > -0.5) & (shell[:, 1] > 1)]
    around = np.degrees(np.arctan2(hairy[:, 0], hairy[:, 2])) % 360
    wide = np.hypot(hairy[:, 0], hairy[:, 2])
    near = np.abs((around[:, None] - degrees[None] + 180) % 360 - 180) < 8
    out = np.empty((len(high), len(degrees)), np.float32)
    for row, y in enumerate(high):
        there = near & (hairy[:, 1] > y - 0.4)[:, None]
        out[row] = np.where(there, wide[:, None], 0).max(axis=0)
    return cv2.GaussianBlur(out, (0, 0), 3, borderType=cv2.BORDER_REPLICATE).astype(np.float32) + np.float32(0.15)
