"""The teacher `hair`: the contour and the forehead above it, without hair and without the lenses of sunglasses.

It detects no other occlusion: training pastes those with known masks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.manifest import sha256_of
from realtime.frames.types import U8
from train.heads.contour import BELOW_NOSE, contour, contour_mask, face_height
from train.heads.landmarks import CHIN, FOREHEAD, Points
from train.labels.morphology import (
    box_of,
    closing,
    ellipse,
    fill_holes,
    inverse,
    largest_component,
    opening,
    smooth_outline,
)
from train.labels.teachers.base import Portrait, VisibleFace
from train.labels.teachers.mediapipe_models import HairSegmenter

_FOREHEAD_EXTENSION = 0.30  # of the face height above the oval; hair starts at 0.07..0.23, and is removed again
_HAIR_THRESHOLD = 0.5
_MAX_SKIN_DISTANCE = 3.0  # Mahalanobis, in Lab: from a forehead's colour to that of the rest of the face
_BEARD_MARGIN = 0.08  # of the face height, from the outline of the face
_CHIN_SHARE = 0.2  # of the way from chin to forehead
_SMOOTHING = 0.012  # of the face height: the masks have rougher outlines than faces
_LENS_BRIGHTNESS = 0.5  # of the face's median luma: darker pixels may be a lens
_LENS_SHARE = 0.7  # of the pixels around each eye that must be dark
_EYE_CORNERS = ((33, 133), (263, 362))  # FaceMesh: outer and inner corner


class HairTeacher:
    """Landmarks and a hair segmenter as the teacher.

    Args:
        hair_model: MediaPipe's hair_segmentation.tflite; None if the user named none.

    Raises:
        DataError: there is no such file.
    """

    max_occluded_share = 0.35
    """Share of the full face; beyond it the landmarks or the hair are probably wrong."""

    def __init__(self, hair_model: Path | None) -> None:
        self._hair_model = require_hair_model(hair_model)
        self._segmenter = HairSegmenter(self._hair_model)

    def visible_face(self, portrait: Portrait) -> VisibleFace:
        """The contour and the forehead above it, without hair (beards are face) and without sunglasses."""
        rgb, landmarks, full = portrait.rgb, portrait.landmarks, portrait.full
        height = face_height(landmarks)
        extended = contour_mask(contour(landmarks, _FOREHEAD_EXTENSION), (rgb.shape[1], rgb.shape[0]))
        hair = (self._segmenter.hair(rgb, box_of(extended)) > _HAIR_THRESHOLD).astype(np.uint8)
        hair &= inverse(beard_region(landmarks, full))
        not_hair = inverse(hair)
        forehead = extended & inverse(full) & not_hair & _skin_coloured(rgb, full & not_hair)
        forehead = closing(forehead, 0.06 * height) & extended & not_hair
        visible = opening((full & not_hair) | forehead, 0.05 * height)  # drops thin gaps between strands of hair
        visible = fill_holes(largest_component(visible), hair) & inverse(sunglasses_mask(rgb, landmarks, full))
        return VisibleFace(smooth_outline(visible, _SMOOTHING * height + 0.3))

    def provenance(self) -> dict[str, Any]:
        """JSON-ready: the hash of the hair segmenter."""
        return {"teacher": "hair", "hair_model_sha256": sha256_of(self._hair_model)}


def require_hair_model(path: Path | None) -> Path:
    """The hair segmenter's file. Raises DataError if it is not named or does not exist."""
    if path is None or not path.is_file():
        where = "none was named" if path is None else f"there is none at {path}"
        raise DataError(
            f"the teacher 'hair' needs a hair segmenter, and {where}; "
            "expected MediaPipe's hair_segmentation.tflite, name it with --hair-model"
        )
    return path


def beard_region(landmarks: Points, oval: U8) -> U8:
    """(H, W) uint8: 1 where hair is a beard, which belongs to the face.

    It is the oval below the nose. Above the chin it excludes a margin along the outline, where hair hangs over the
    cheeks from above.
    """
    height = max(face_height(landmarks), 1e-6)
    chin, nose = landmarks[CHIN, :2], landmarks[BELOW_NOSE, :2]
    up = (landmarks[FOREHEAD, :2] - chin) / height
    rows, columns = np.mgrid[: oval.shape[0], : oval.shape[1]].astype(np.float32)
    above_chin = ((columns - chin[0]) * up[0] + (rows - chin[1]) * up[1]) / height  # 1 at the forehead
    below_nose = above_chin < float((nose - chin) @ up) / height
    inside_margin = cv2.distanceTransform(oval, cv2.DIST_L2, 5) > _BEARD_MARGIN * height
    return ((oval > 0) & below_nose & (inside_margin | (above_chin < _CHIN_SHARE))).astype(np.uint8)


def sunglasses_mask(rgb: U8, landmarks: Points, oval: U8) -> U8:
    """(H, W) uint8: 1 on the dark lenses of sunglasses; all 0 unless both eyes are behind one.

    FaceMesh places eyes behind sunglasses, too. A lens is an evenly dark area around an eye, much darker than the face.
    """
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    dark = (luma < _LENS_BRIGHTNESS * np.median(luma[oval > 0])).astype(np.uint8)
    near_eyes = np.zeros_like(oval)
    for outer, inner in _EYE_CORNERS:
        centre = landmarks[[outer, inner], :2].mean(axis=0)
        width = float(np.linalg.norm(landmarks[outer, :2] - landmarks[inner, :2]))
        if dark[ellipse(oval.shape, centre, 0.75 * width, 0.6 * width) > 0].mean() < _LENS_SHARE:
            return np.zeros_like(oval)
        near_eyes |= ellipse(oval.shape, centre, 1.25 * width, 1.1 * width)
    lenses = closing(dark & near_eyes, 0.1 * face_height(landmarks))
    return opening(lenses, 0.04 * face_height(landmarks)) & oval


def _skin_coloured(rgb: U8, sample: U8) -> U8:
    """(H, W) uint8: 1 where the colour is near that of the sample's pixels (robust mean and covariance in Lab)."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    pixels = lab[sample > 0]
    if len(pixels) < 50:
        return np.zeros(sample.shape, np.uint8)
    from_median = np.abs(pixels - np.median(pixels, axis=0)).sum(axis=1)
    inliers = pixels[from_median <= np.quantile(from_median, 0.8)]
    covariance = np.cov(inliers.T) + np.diag([60.0, 6.0, 6.0])
    offset = _offset_from_skin(lab, inliers.mean(axis=0))
    squared_distance = np.einsum("hwi,ij,hwj->hw", offset, np.linalg.inv(covariance), offset)
    return (cv2.GaussianBlur(squared_distance, (0, 0), 1.5) < _MAX_SKIN_DISTANCE**2).astype(np.uint8)


def _offset_from_skin(lab: npt.NDArray[np.float32], skin: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """(H, W, 3) float32 differences from the skin's colour, reduced for highlights, which are lighter and paler."""
    offset = lab - skin.astype(np.float32)
    lighter = offset[:, :, :1] > 0
    paler = np.hypot(lab[:, :, 1:2] - 128, lab[:, :, 2:] - 128) < np.hypot(skin[1] - 128, skin[2] - 128)
    offset[:, :, :1] *= np.where(lighter, np.float32(0.35), np.float32(1))
    offset[:, :, 1:] *= np.where(lighter & paler, np.float32(0.5), np.float32(1))
    return offset
