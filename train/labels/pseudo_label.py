"""Pseudo-labels: what of a full face is visible, without any human label.

Structure via Consensus, section 3.1 and figure 2: the occlusion is the residual between the full-face mask f and a
teacher's visible face f_occ (equation 1), cleaned by morphology; its connected components and f_occ make C(I), and
C(I) makes the labels (equation 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np

from engines.spec import BACKGROUND, FACE, OCCLUSION
from realtime.frames.types import U8
from train.heads.contour import face_height
from train.heads.landmarks import Points
from train.labels.morphology import box_of, deep, odd
from train.labels.teachers.base import Portrait, Seen, Teacher, Unusable

Morphology = Literal["thin", "paper", "none"]

_SLIVER = 0.10  # of the face height: a residual that is thinner than this is where the contour is off
_ERODED_TWICE, _DILATED = (25, 7), (45, 45)  # the paper's kernels, width x height in pixels
# Of which pictures, the paper does not say. Its teacher saw 500 px pictures; framed as our crops are, 1.5 times the
# face box, the box's longer side is 333 px. Kernels are scaled to the face box by that.
_PAPER_FACE_PX = 500 / 1.5
_LEAST_FACE = 100  # pixels of the contour


@dataclass(frozen=True, eq=False)
class PseudoLabel:
    """The labels of one face."""

    labels: U8
    """(H, W) uint8: 0 background, 1 face, 2 occlusion."""
    blobs: U8
    """(H, W) uint8, C(I) of equation 2: 0 background, 1 face, 2.. one id for each connected occlusion."""
    landmarks: Points
    """(478, 3) float32, in pixels."""
    box_xyxy: tuple[float, float, float, float]
    """The full-face box (of labels > 0), in pixels."""


class FindsLandmarks(Protocol):
    """FaceMesh, or a stand-in."""

    def landmarks(self, rgb: U8) -> Points | None:
        """(478, 3) float32 in pixels, or None where no face is found."""


FullFace = Callable[[Points, tuple[int, int]], U8]
"""Landmarks and the picture's (width, height) -> (H, W) uint8, f of equation 1: 1 where the full face is."""


def label_face(
    rgb: U8, mesh: FindsLandmarks, teacher: Teacher, full_face: FullFace, morphology: Morphology, name: str = ""
) -> PseudoLabel:
    """Label the most prominent face of a picture.

    Args:
        rgb: (H, W, 3) uint8.
        full_face: makes f.
        name: of the picture, for teachers that look it up.

    Raises:
        Unusable: no face, or none that can be labelled; the message says why.
    """
    landmarks = mesh.landmarks(rgb)
    if landmarks is None:
        raise Unusable("no face found")
    size_wh = (rgb.shape[1], rgb.shape[0])
    full = full_face(landmarks, size_wh)
    if full.sum() < _LEAST_FACE:
        raise Unusable("the face is too small or outside the picture")
    seen = teacher.visible(Portrait(name, rgb, landmarks, full))
    blobs = components(full, seen, morphology, face_height(landmarks))
    labels = labels_of(blobs)
    covered = float((labels == OCCLUSION).sum()) / max(1, int((labels > 0).sum()))
    if covered > teacher.most_covered or not (labels == FACE).any():
        raise Unusable(f"{covered:.0%} of the face is covered")
    return PseudoLabel(labels, blobs, landmarks, box_of(labels))


def components(full: U8, seen: Seen, morphology: Morphology, face_height_px: float) -> U8:
    """C(I) of one face: equation 1, the residual's morphology, connected components, merged with f_occ.

    A teacher that sees occlusions itself knows the whole face, too: f is then all that it sees, since where it sees
    background inside the contour, the contour is wrong (profiles), and it leaves no slivers for `thin` to take away.
    """
    if seen.occlusion is None:
        rho = refined(residual(full, seen.visible), morphology, face_height_px, box_of(full))
    else:
        rho = residual(seen.visible | seen.occlusion, seen.visible)
        if morphology == "paper":
            rho = refined(rho, morphology, face_height_px, box_of(full))
    return merged(seen.visible, rho)


def residual(full: U8, visible: U8) -> U8:
    """Equation 1, rho = [f - f_occ]+: (H, W) uint8 of 0 and 1, as both masks."""
    return cv2.subtract(full, visible).astype(np.uint8)  # saturates at 0


def refined(
    rho: U8, morphology: Morphology, face_height_px: float, face_box_xyxy: tuple[float, float, float, float]
) -> U8:
    """The residual without what is no occlusion.

    Args:
        rho: (H, W) uint8 of 0 and 1.
        morphology: `thin` drops components that are thin everywhere and keeps the others' outlines; `paper` erodes
            twice and dilates, so that occlusions grow over the face and beyond the contour; `none` keeps all.
        face_box_xyxy: of the full face; the paper's kernels are scaled to it.
    """
    if morphology == "thin":
        return deep(rho, _SLIVER * face_height_px)
    return _paper_morphology(rho, face_box_xyxy) if morphology == "paper" else rho


def paper_kernels(face_box_xyxy: tuple[float, float, float, float]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(width, height) of the kernel of erosion and of the elliptic one of dilation for a face, in odd pixels."""
    left, top, right, bottom = face_box_xyxy
    scale = max(right - left, bottom - top) / _PAPER_FACE_PX
    erosion, dilation = ((odd(w * scale), odd(h * scale)) for w, h in (_ERODED_TWICE, _DILATED))
    return erosion, dilation


def merged(visible: U8, rho: U8) -> U8:
    """C(I): 0 background, 1 face, 2.. one id for each 8-connected component of rho, which lies over the face.

    At most 254 components keep an id of their own.
    """
    _, ids = cv2.connectedComponents(rho, connectivity=8)
    return np.where(ids > 0, np.minimum(ids + 1, 255), visible).astype(np.uint8)


def labels_of(blobs: U8) -> U8:
    """Equation 2: (H, W) class ids from C(I)."""
    return np.array([BACKGROUND, FACE, OCCLUSION], np.uint8)[np.minimum(blobs, 2)]


def _paper_morphology(rho: U8, face_box_xyxy: tuple[float, float, float, float]) -> U8:
    erosion, dilation = paper_kernels(face_box_xyxy)
    # Beyond the picture's border nothing is known: it neither erodes (OpenCV's default) nor dilates.
    kernel = np.ones(erosion[::-1], np.uint8)
    eroded = cv2.erode(rho, kernel, iterations=2)
    return cv2.dilate(eroded, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, dilation)).astype(np.uint8)


def blobs_of(labels: U8) -> U8:
    """C(I) of equation 2 from class ids: 0 background, 1 face, then one id for each 8-connected occlusion."""
    return merged((labels == FACE).astype(np.uint8), (labels == OCCLUSION).astype(np.uint8))
