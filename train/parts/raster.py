"""A z-buffer rasteriser in numpy: the visible triangle of each pixel, its depth, and barycentric weights.

There is no loop over triangles or pixels. Every pixel centre in the bounding box of a triangle is a candidate; the
inside test, the nearest candidate of each pixel and the perspective-correct weights are array operations. The triangles
of a face have about the size of a pixel, so most have no candidate and the others one or two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

_NOWHERE = -1
_TOLERANCE = 1e-5  # of a weight: a pixel centre on the shared edge of two triangles must be in one of them
_MIN_AREA_PX = 1e-9  # twice a triangle's area in the picture: below it, the triangle is edge-on
_TRIANGLE_BITS = 24  # of a key of the z-buffer; the other bits are the depth
_DEPTH_STEPS = (1 << (62 - _TRIANGLE_BITS)) - 1


@dataclass(frozen=True, eq=False)
class Hits:
    """The visible surface of each pixel."""

    triangle: I32
    """(H, W) index of the triangle; -1 for none."""
    depth: F32
    """(H, W) depth of the surface at the pixel's centre, in the unit of the points' z; 0 for none."""
    weights: F32
    """(H, W, 3) perspective-correct barycentric weights of the triangle's corners; 0 for none."""

    def interpolate(self, values: npt.NDArray[np.floating], triangles: npt.NDArray[np.integer]) -> F32:
        """(V,) or (V, C) values of the vertices -> (H, W) or (H, W, C) float32 of the pixels; 0 without a surface."""
        return self.interpolate_corners(values[triangles])

    def interpolate_corners(self, corners: npt.NDArray[np.floating]) -> F32:
        """(T, 3) or (T, 3, C) values of the triangles' corners -> (H, W) or (H, W, C) float32 of the pixels."""
        seen = self.triangle >= 0
        out = np.zeros((*self.triangle.shape, *corners.shape[2:]), np.float32)
        out[seen] = np.einsum("nk,nk...->n...", self.weights[seen], corners[self.triangle[seen]])
        return out


def rasterise(
    points: npt.NDArray[np.floating],
    triangles: npt.NDArray[np.integer],
    size_wh: tuple[int, int],
    *,
    back_faces: bool = True,
) -> Hits:
    """Find the nearest surface of each pixel.

    Args:
        points: (V, 3): x and y in pixels (continuous: the first pixel's centre is at 0.5, 0.5; y down) and z, the
            distance along the camera's axis, in any unit.
        triangles: (T, 3) vertex indices. A triangle with a corner at or behind the camera (z <= 0) is dropped.
        size_wh: size of the picture.
        back_faces: whether triangles are visible from behind, too. From the front their corners are clockwise.

    Returns:
        Triangle, depth and weights of each pixel, exact for a perspective camera.
    """
    if len(triangles) >= 1 << _TRIANGLE_BITS:
        raise ValueError(f"a mesh of {len(triangles)} triangles; expected fewer than {1 << _TRIANGLE_BITS}")
    # (3, T) each: a row is one corner of every triangle, contiguous in memory.
    x, y, z = (np.asarray(points[:, k], np.float64)[triangles.T] for k in range(3))
    left, wide = _span(x, size_wh[0])
    top, high = _span(y, size_wh[1])
    drawn = np.flatnonzero((wide > 0) & (high > 0) & _facing(x, y, z, back_faces))
    x, y, z = x[:, drawn], y[:, drawn], z[:, drawn]
    which, column, row = _candidates(left[drawn], top[drawn], wide[drawn], high[drawn])
    of_b, of_c = (_evaluated(plane, which, column, row) for plane in _planes(x, y))
    of_a = 1 - of_b - of_c
    inside = np.flatnonzero((of_a >= -_TOLERANCE) & (of_b >= -_TOLERANCE) & (of_c >= -_TOLERANCE))
    which, pixel = which[inside], row[inside] * size_wh[0] + column[inside]
    nearness = np.stack([of_a[inside], of_b[inside], of_c[inside]]) / z[:, which]  # 1/z is linear in the picture
    nearest = _nearest(pixel, nearness.sum(0), which, size_wh)
    return _hits(pixel[nearest], drawn[which[nearest]], nearness[:, nearest], size_wh)


def _twice_area(x: F64, y: F64) -> F64:
    """Twice the area; positive if the corners are clockwise, since y points down."""
    return (x[1] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[2] - x[0])


def _facing(x: F64, y: F64, z: F64, back_faces: bool) -> npt.NDArray[np.bool_]:
    area = _twice_area(x, y)
    towards = np.abs(area) > _MIN_AREA_PX if back_faces else area > _MIN_AREA_PX
    return towards & (z[0] > 0) & (z[1] > 0) & (z[2] > 0)


def _span(corners: F64, length: int) -> tuple[I64, I64]:
    """(T,) each: the first pixel whose centre lies between the corners, and the number of them (0 or less: none)."""
    lowest = np.minimum(np.minimum(corners[0], corners[1]), corners[2])
    highest = np.maximum(np.maximum(corners[0], corners[1]), corners[2])
    first = np.ceil(np.clip(lowest - 0.5, 0, length)).astype(np.int64)
    last = np.floor(np.clip(highest - 0.5, -1, length - 1)).astype(np.int64)
    return first, last - first + 1


def _candidates(left: I64, top: I64, wide: I64, high: I64) -> tuple[I64, I64, I64]:
    """(N,) each: triangle, column and row of every pixel centre in the bounding box of a triangle."""
    count = wide * high
    which = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    down, along = np.divmod(within, wide[which])
    return which, left[which] + along, top[which] + down


def _planes(x: F64, y: F64) -> tuple[tuple[F64, F64, F64], tuple[F64, F64, F64]]:
    """The weights of the second and third corner as linear functions of column and row: slopes and constant."""
    area = _twice_area(x, y)
    from_x, from_y = 0.5 - x[0], 0.5 - y[0]  # of the centre of the first pixel
    b_x, b_y = (y[2] - y[0]) / area, (x[0] - x[2]) / area
    c_x, c_y = (y[0] - y[1]) / area, (x[1] - x[0]) / area
    return (b_x, b_y, b_x * from_x + b_y * from_y), (c_x, c_y, c_x * from_x + c_y * from_y)


def _evaluated(plane: tuple[F64, F64, F64], which: I64, column: I64, row: I64) -> F64:
    slope_x, slope_y, constant = plane
    return slope_x[which] * column + slope_y[which] * row + constant[which]


def _nearest(pixel: I64, nearness: F64, which: I64, size_wh: tuple[int, int]) -> I64:
    """The candidates that win their pixel; of two at the same depth, the triangle with the higher index."""
    if not len(pixel):
        return np.zeros(0, np.int64)
    # Nearness and triangle in one integer, so that one unbuffered maximum decides both.
    steps = (nearness * (_DEPTH_STEPS / nearness.max())).astype(np.int64)
    key = (steps << _TRIANGLE_BITS) | which
    best = np.full(size_wh[0] * size_wh[1], _NOWHERE, np.int64)
    np.maximum.at(best, pixel, key)
    return np.flatnonzero(best[pixel] == key)


def _hits(pixel: I64, which: I64, nearness: F64, size_wh: tuple[int, int]) -> Hits:
    shape = size_wh[::-1]
    triangle = np.full(shape, _NOWHERE, np.int32)
    depth, weights = np.zeros(shape, np.float32), np.zeros((*shape, 3), np.float32)
    depth.ravel()[pixel] = 1 / nearness.sum(0)
    triangle.ravel()[pixel] = which
    clean = np.maximum(nearness, 0)
    weights.reshape(-1, 3)[pixel] = (clean / clean.sum(0)).T
    return Hits(triangle, depth, weights)
