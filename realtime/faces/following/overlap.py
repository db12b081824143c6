"""How much the faces of two regions overlap."""

from __future__ import annotations

import math

from realtime.frames.types import Region

Box = tuple[float, float, float, float]
"""(left, top, right, bottom)"""
FACE_ASPECT = 0.72  # width of the full-face box over its height, the median of 233 portraits
_HALF_DIAGONAL = math.hypot(1, FACE_ASPECT) / 2  # of its height
SAME_FACE = 0.5  # of the smaller box's area lies in the larger one; boxes of faces cheek to cheek hardly overlap


def overlap(one: Region, other: Region, crop_scale: float) -> float:
    """The share of the smaller face's box that lies in the larger one's, 0..1.

    Unlike IoU it notices one inside the other.
    """
    reach = _HALF_DIAGONAL * (one.side + other.side) / crop_scale
    if abs(one.centre_x - other.centre_x) > reach or abs(one.centre_y - other.centre_y) > reach:
        return 0.0  # most pairs of a crowd
    (width, height), (other_width, other_height) = _face_wh(one, crop_scale), _face_wh(other, crop_scale)
    wide = _common(one.centre_x, width, other.centre_x, other_width)
    return wide * _common(one.centre_y, height, other.centre_y, other_height)


def steps_apart(one: Region, other: Region, crop_scale: float) -> float:
    """The distance of two regions' centres, in heights of the smaller face."""
    distance = math.dist((one.centre_x, one.centre_y), (other.centre_x, other.centre_y))
    return distance * crop_scale / min(one.side, other.side)


def times_as_large(one: Region, other: Region) -> float:
    """The ratio of two regions' sides, the larger one over the smaller one."""
    return max(one.side / other.side, other.side / one.side)


def _face_wh(region: Region, crop_scale: float) -> tuple[float, float]:
    """Width and height of the upright box that holds a region's face."""
    cos, sin = (abs(value) for value in region.cos_sin)
    height = region.side / crop_scale
    width = height * FACE_ASPECT
    return cos * width + sin * height, sin * width + cos * height


def _common(centre: float, length: float, other_centre: float, other_length: float) -> float:
    """The share of the shorter of two intervals that lies in the other one."""
    common = min(centre + length / 2, other_centre + other_length / 2) - max(
        centre - length / 2, other_centre - other_length / 2
    )
    return max(0.0, common) / min(length, other_length)
