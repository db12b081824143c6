"""Depth as a network sees it: a gray picture, relative to the face.

A depth crop has the interface of a colour crop (three equal 8-bit channels), so that one kind of engine serves both.
The absolute distance is removed: 128 is the median in the middle of the crop, where the face is. Nearer is brighter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from realtime.frames.types import F32, Gray, Rgb

STEP_M = 0.00125
"""Metres per gray level: 255 levels are 32 cm, a head and what is near it."""
MIDDLE = 128
NOTHING = 0
"""The gray of pixels where nothing was measured."""
_FRONT_SHARE = 0.25  # of the middle half of a crop: a face fills more of it, even away from the centre
_REACH_M = 0.20  # from the front to the farthest point of 200 heads, with hair and neck


def depth_gray(depth_m: F32) -> Rgb:
    """Encode a depth crop for a network.

    Args:
        depth_m: (S, S) float32: metres from the camera; 0, negative or not finite where nothing was measured.

    Returns:
        (S, S, 3) uint8, three equal channels: 0 where nothing was measured, else 1..255, clipped 16 cm before and
        behind the median of the middle half of the crop (of the whole crop, where the middle is empty).
    """
    measured = np.isfinite(depth_m) & (depth_m > 0)
    gray = np.zeros(depth_m.shape, np.uint8)
    if measured.any():
        steps = (_reference(depth_m, measured) - depth_m[measured]) / STEP_M
        gray[measured] = np.clip(np.rint(steps) + MIDDLE, 1, 255)
    return np.repeat(gray[:, :, None], 3, axis=2)


def gray_depth(gray: Gray) -> F32:
    """Decode what `depth_gray` encoded, except for the median that it removed.

    Args:
        gray: (S, S) or (S, S, 3) uint8.

    Returns:
        (S, S) float32: metres behind the median (negative: nearer than it); NaN where nothing was measured.
    """
    plane = gray if gray.ndim == 2 else gray[:, :, 0]
    metres = (MIDDLE - plane.astype(np.float32)) * np.float32(STEP_M)
    metres[plane == NOTHING] = np.nan
    return metres


def without_wall(depth_m: F32) -> F32:
    """The same depth without what is far behind the head.

    `depth_gray` is relative to the median in the middle of the crop. If the region is off the face by a fifth of its
    side, or too large by half, a far wall fills most of the middle: half of 200 faces turned white. A head without
    anything behind it is unmodified.

    Args:
        depth_m: (S, S) float32 metres; 0 where nothing was measured.
    """
    high, wide = depth_m.shape
    middle = depth_m[high // 4 : high - high // 4, wide // 4 : wide - wide // 4]
    measured = middle[middle > 0]
    if not measured.size:
        return depth_m
    front = np.partition(measured, int(_FRONT_SHARE * measured.size))[int(_FRONT_SHARE * measured.size)]
    return np.where(depth_m > front + np.float32(_REACH_M), np.float32(0), depth_m)


def _reference(depth_m: F32, measured: npt.NDArray[np.bool_]) -> np.float32:
    high, wide = depth_m.shape
    middle = np.s_[high // 4 : high - high // 4, wide // 4 : wide - wide // 4]
    near = depth_m[middle][measured[middle]]
    return np.median(near if near.size else depth_m[measured]).astype(np.float32)
