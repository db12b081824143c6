"""The pseudo-label of one face: which part of the full face is visible, and what occludes the rest.

Structure via Consensus, section 3.1 and figure 2:

    f        mask of the full face, as if nothing were in front of it
    f_occ    mask of the visible face, from a teacher
    rho      the residual [f - f_occ]+, cleaned by morphology: the occlusion (equation 1)
    C(I)     the connected components of rho, merged with f_occ; they give the labels (equation 2)
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
from train.labels.morphology import box_of, odd, thick_components
from train.labels.teachers.base import Portrait, Teacher, Unusable, VisibleFace

Morphology = Literal["thin", "paper", "none"]

_MIN_THICKNESS = 0.10  # of the face height: a thinner residual comes from an inexact contour, not from an occlusion
_PAPER_EROSION, _PAPER_DILATION = (25, 7), (45, 45)  # the paper's kernels, (width, height) in pixels
# The paper does not say for which picture size. Its teacher saw 500 px pictures. In a crop of 1.5 times the face box,
# as here, the longer side of that box is 333 px. The kernels are scaled to the face box by that.
_PAPER_FACE_PX = 500 / 1.5
_MIN_FACE_AREA_PX = 100


@dataclass(frozen=True, eq=False)
class PseudoLabel:
    """The labels of one face in a picture."""

    labels: U8
    """(H, W) uint8: 0 background, 1 face, 2 occlusion."""
    blobs: U8
    """(H, W) uint8, C(I) of equation 2: 0 background, 1 face, then one id for each connected occlusion."""
    landmarks: Points
    """(478, 3) float32, in pixels."""
    box_xyxy: tuple[float, float, float, float]
    """The full-face box (of labels > 0), in pixels."""


class LandmarkDetector(Protocol):
    """FaceMesh, or a fake of it."""

    def landmarks(self, rgb: U8) -> Points | None:
        """(478, 3) float32 in pixels, or None if no face is detected."""


FullFace = Callable[[Points, tuple[int, int]], U8]
"""Landmarks and the picture's (width, height) -> (H, W) uint8, f of equation 1: 1 on the full face."""


def label_face(
    rgb: U8, mesh: LandmarkDetector, teacher: Teacher, full_face: FullFace, morphology: Morphology, name: str = ""
) -> PseudoLabel:
    """Label the most prominent face of a picture.

    Args:
        rgb: (H, W, 3) uint8.
        full_face: makes f.
        name: the picture's name, for teachers that look up a mask by it.

    Raises:
        Unusable: there is no face, or none that can be labelled; the message gives the reason.
    """
    landmarks = mesh.landmarks(rgb)
    if landmarks is None:
        raise Unusable("no face found")
    full = full_face(landmarks, (rgb.shape[1], rgb.shape[0]))
    if full.sum() < _MIN_FACE_AREA_PX:
        raise Unusable("the face is too small or outside the picture")
    visible_face = teacher.visible_face(Portrait(name, rgb, landmarks, full))
    blobs = make_blobs(full, visible_face, morphology, face_height(landmarks))
    labels = labels_from_blobs(blobs)
    occluded_share = float((labels == OCCLUSION).sum()) / max(1, int((labels > 0).sum()))
    if occluded_share > teacher.max_occluded_share or not (labels == FACE).any():
        raise Unusable(f"{occluded_share:.0%} of the face is covered")
    return PseudoLabel(labels, blobs, landmarks, box_of(labels))


def make_blobs(full: U8, visible_face: VisibleFace, morphology: Morphology, face_height_px: float) -> U8:
    """C(I) of one face: the residual of equation 1, cleaned, its connected components merged with f_occ.

    A teacher that sees occlusions itself also knows the full face: f is then all that it sees. If it sees background
    inside the contour, the contour is wrong, as in profiles. Such a teacher leaves nothing thin for `thin` to remove.
    """
    mask, occlusion = visible_face.mask, visible_face.occlusion
    if occlusion is None:
        rho = clean_residual(residual(full, mask), morphology, face_height_px, box_of(full))
    else:
        rho = residual(mask | occlusion, mask)
        if morphology == "paper":
            rho = clean_residual(rho, morphology, face_height_px, box_of(full))
    return merge_blobs(mask, rho)


def residual(full: U8, visible: U8) -> U8:
    """Equation 1, rho = [f - f_occ]+: (H, W) uint8 of 0 and 1, as both masks."""
    return cv2.subtract(full, visible).astype(np.uint8)  # saturates at 0


def clean_residual(
    rho: U8, morphology: Morphology, face_height_px: float, face_box_xyxy: tuple[float, float, float, float]
) -> U8:
    """The residual without what is not an occlusion.

    Args:
        rho: (H, W) uint8 of 0 and 1.
        morphology: `thin` drops components that are thin everywhere and keeps the outlines of the others; `paper`
            erodes twice and dilates, so that occlusions grow over the face and beyond the contour; `none` keeps all.
        face_box_xyxy: box of the full face, by which the paper's kernels are scaled.
    """
    if morphology == "thin":
        return thick_components(rho, _MIN_THICKNESS * face_height_px)
    return _paper_morphology(rho, face_box_xyxy) if morphology == "paper" else rho


def paper_kernels(face_box_xyxy: tuple[float, float, float, float]) -> tuple[tuple[int, int], tuple[int, int]]:
    """(width, height) of the paper's erosion kernel and of its elliptic dilation kernel for a face, in odd pixels."""
    left, top, right, bottom = face_box_xyxy
    scale = max(right - left, bottom - top) / _PAPER_FACE_PX
    erosion = (odd(_PAPER_EROSION[0] * scale), odd(_PAPER_EROSION[1] * scale))
    dilation = (odd(_PAPER_DILATION[0] * scale), odd(_PAPER_DILATION[1] * scale))
    return erosion, dilation


def merge_blobs(visible: U8, rho: U8) -> U8:
    """C(I): 0 background, 1 visible face, and over it one id, from 2 on, for each 8-connected component of rho.

    At most 253 components have an id of their own; all further ones share the id 255.
    """
    _, ids = cv2.connectedComponents(rho, connectivity=8)
    return np.where(ids > 0, np.minimum(ids + 1, 255), visible).astype(np.uint8)


def labels_from_blobs(blobs: U8) -> U8:
    """Equation 2: (H, W) class ids from C(I)."""
    return np.array([BACKGROUND, FACE, OCCLUSION], np.uint8)[np.minimum(blobs, 2)]


def blobs_from_labels(labels: U8) -> U8:
    """C(I) of equation 2 from class ids: 0 background, 1 face, then one id for each 8-connected occlusion."""
    return merge_blobs((labels == FACE).astype(np.uint8), (labels == OCCLUSION).astype(np.uint8))


def _paper_morphology(rho: U8, face_box_xyxy: tuple[float, float, float, float]) -> U8:
    erosion, dilation = paper_kernels(face_box_xyxy)
    # Nothing is known beyond the picture's border: it neither erodes nor dilates, which is OpenCV's default.
    eroded = cv2.erode(rho, np.ones(erosion[::-1], np.uint8), iterations=2)
    return cv2.dilate(eroded, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, dilation)).astype(np.uint8)
