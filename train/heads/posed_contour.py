"""The paper's full-face contour (Structure via Consensus, section 3.1): the hull of 64 vertices of a posed 3D head."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from realtime.frames.types import U8
from train.heads.contour import contour_mask
from train.heads.landmarks import Points
from train.heads.model import load_head_model
from train.heads.pose import HeadFit

# Vertices along jawline and forehead, clockwise in the picture, from above the nose. They are the outermost vertex of
# the face's front in each of 64 equal sectors around its middle. The front is the connected part of vertices 0..6705
# whose normals point to a viewer who looks down on the face by 17 degrees; it ends at the hairline and below the
# jawbone. `tests/train/heads/test_pose.py` repeats it.
CONTOUR_VERTICES = (
    1392, 3467, 3640, 3526, 3511, 3509, 3506, 3504, 3501, 3499, 3518, 3515, 3498, 3851, 3494, 3455, 3457, 3988, 3987,
    2622, 2618, 4098, 2611, 3669, 2999, 3086, 3004, 3928, 3881, 3051, 3659, 3709, 877, 1495, 1445, 810, 1674, 1723, 763,
    845, 758, 1455, 370, 1898, 377, 381, 1784, 1785, 1239, 1237, 1276, 1642, 1280, 1297, 1300, 1281, 1283, 1286, 1288,
    1291, 1293, 1309, 1426, 1249,
)  # fmt: skip


class HeadContour:
    """Makes f of equation 1 from landmarks: the convex hull of the fitted head's contour vertices."""

    def __init__(self, fit: HeadFit) -> None:
        self._fit = fit

    @classmethod
    def load(cls, folder: Path | None) -> HeadContour:
        """Load the head model from a folder. Raises DataError if it is missing."""
        return cls(HeadFit(load_head_model(folder), CONTOUR_VERTICES))

    def __call__(self, landmarks: Points, size_wh: tuple[int, int]) -> U8:
        """(H, W) uint8: 1 inside the hull. Raises Unusable if no head fits the landmarks."""
        pose = self._fit.pose(landmarks, size_wh)
        outline = pose.project(self._fit.vertices(pose)).astype(np.float32)
        return contour_mask(cv2.convexHull(outline).reshape(-1, 2), size_wh)
