"""A face's crop of measured depth, as the depth networks see it in training and live."""

from __future__ import annotations

import numpy as np

from realtime.frames.crop import crop_from_frame
from realtime.frames.depth import F32, depth_gray
from realtime.frames.resampling import warp_depth
from realtime.frames.types import U8, Depth, Region

_FRONT_SHARE = 0.25  # of the middle half of a crop: a face fills more than that of it, even off its centre
_REACH_M = 0.20  # from there to the farthest that 200 heads show, hair and neck included


def crop_depth(depth: Depth, region: Region, size_px: int) -> U8:
    """(size_px, size_px, 3) uint8: the depth of a region as gray (`realtime.frames.depth`); 0 outside the frame."""
    steps = warp_depth(depth.steps, crop_from_frame(region, size_px), size_px)
    return depth_gray(without_wall(steps.astype(np.float32) * np.float32(depth.step_m)))


def without_wall(depth_m: F32) -> F32:
    """The same depth, with nothing measured far behind the head.

    `depth_gray` is relative to the median in the middle of the crop. With a region a fifth of its side off the face, or
    half as large again, a far wall would be most of that: half of 200 faces turned white. A head alone stays as it is.

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
