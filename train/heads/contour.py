"""The full-face contour from landmarks: the outline of a face as if nothing were in front of it.

Structure via Consensus, section 3.1, uses the hull of jawline and forehead. Here it comes from 2D landmarks: FaceMesh's
oval ends below the hairline, so its upper part can be moved up along the face's axis. Nose, lips and cheekbone of a
turned face extend beyond that hull; the silhouette includes them. The paper's own hull, of a 3D head, is in
`posed_contour.py`.
"""

from __future__ import annotations

import functools
from collections import defaultdict

import cv2
import numpy as np
import numpy.typing as npt

from realtime.frames.types import U8
from train.heads.landmarks import CHIN, FOREHEAD, Points

BELOW_NOSE = 2
# FaceMesh's outer ring of 36 vertices, clockwise from the top in the image.
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
_EXTENSION_STARTS = 0.62  # of the way from chin to forehead; below it the oval is not moved


def face_height(landmarks: Points) -> float:
    """Distance from the chin landmark to the forehead landmark, in pixels."""
    return float(np.linalg.norm(landmarks[FOREHEAD, :2] - landmarks[CHIN, :2]))


def contour(landmarks: Points, extension: float) -> Points:
    """The outline of the full face.

    Args:
        landmarks: (468 or more, 2 or 3) float32, FaceMesh vertices in pixels.
        extension: how far the top of the oval moves up, as a share of the face height; 0 for the plain oval.

    Returns:
        (M, 2) float32: the convex hull, in pixels.
    """
    oval = landmarks[list(FACE_OVAL), :2].astype(np.float32)
    chin = landmarks[CHIN, :2]
    height = max(face_height(landmarks), 1e-6)
    up = (landmarks[FOREHEAD, :2] - chin) / height
    along = (oval - chin) @ up / height
    rise = np.clip((along - _EXTENSION_STARTS) / (1 - _EXTENSION_STARTS), 0, 1)
    moved = oval + np.outer(np.sqrt(rise) * extension * height, up)
    return cv2.convexHull(moved.astype(np.float32)).reshape(-1, 2)


def contour_mask(outline: Points, size_wh: tuple[int, int]) -> U8:
    """(H, W) uint8: 1 inside the outline, 0 outside."""
    mask = np.zeros(size_wh[::-1], np.uint8)
    shift = 4  # corners in 1/16 pixel
    cv2.fillConvexPoly(mask, np.round(outline * (1 << shift)).astype(np.int32), 1, shift=shift)
    return mask


def hull_mask(landmarks: Points, size_wh: tuple[int, int]) -> U8:
    """(H, W) uint8: 1 inside the hull of FaceMesh's oval."""
    return contour_mask(contour(landmarks, 0.0), size_wh)


def silhouette_mask(landmarks: Points, size_wh: tuple[int, int]) -> U8:
    """(H, W) uint8: 1 inside the hull of FaceMesh's oval and on FaceMesh's surface where it extends beyond the hull.

    Args:
        landmarks: (468 or more, 2 or 3) float32, FaceMesh vertices in pixels.
    """
    mask = hull_mask(landmarks, size_wh)
    shift = 4  # corners in 1/16 pixel
    corners = np.round(landmarks[:, :2] * (1 << shift)).astype(np.int32)
    for triangle in corners[mesh_triangles()]:
        cv2.fillConvexPoly(mask, triangle, 1, shift=shift)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED).astype(np.uint8)  # closes eyes and mouth


@functools.cache
def mesh_triangles() -> npt.NDArray[np.int64]:
    """(T, 3): FaceMesh's triangles. MediaPipe publishes only the edges."""
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    neighbours: dict[int, set[int]] = defaultdict(set)
    for first, second in FACEMESH_TESSELATION:
        neighbours[first].add(second)
        neighbours[second].add(first)
    triangles = {
        tuple(sorted((a, b, c))) for a in neighbours for b in neighbours[a] for c in neighbours[a] & neighbours[b]
    }
    return np.array(sorted(triangles), np.int64)
