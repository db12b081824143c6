"""The teacher that ships: the landmarks' contour minus hair and the lenses of sunglasses.

The residual is hair over the face, and sunglasses; other occluders are pasted in training with known masks.
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
from train.labels.morphology import box_of, closed, ellipse, fill, inverse, largest, opened, smoothed
from train.labels.teachers.base import Portrait, Seen
from train.labels.teachers.mediapipe_models import HairSegmenter

_FOREHEAD_EXTENSION = 0.30  # hair starts 0.07..0.23 above the oval; hair and what is not skin is taken away again
_HAIR_THRESHOLD = 0.5
_SKIN_DISTANCE = 3.0  # Mahalanobis, in Lab: what a forehead may differ from the rest of the face
_BEARD_RIM = 0.08  # of the face height
_CHIN_SHARE = 0.2  # of the way from chin to forehead
_SMOOTHING = 0.012  # of the face height: the teachers' edges are rougher than faces
_LENS_DARKNESS = 0.5  # luma against the face's median
_LENS_SHARE = 0.7  # of the pixels around each eye
_EYE_CORNERS = ((33, 133), (263, 362))  # FaceMesh: outer and inner corner


class HairTeacher:
    """Landmarks and hair.

    Args:
        hair_model: MediaPipe's hair_segmentation.tflite; None where the user named none.

    Raises:
        DataError: there is no such file.
    """

    most_covered = 0.35
    """Share of the full face: beyond it the landmarks or the hair are more likely wrong than right."""

    def __init__(self, hair_model: Path | None) -> None:
        self._hair_model = checked_hair_model(hair_model)
        self._segmenter = HairSegmenter(self._hair_model)

    def visible(self, portrait: Portrait) -> Seen:
        """The contour and the forehead above it, without hair (a beard is face) and without lenses."""
        rgb, landmarks, full = portrait.rgb, portrait.landmarks, portrait.full
        height = face_height(landmarks)
        extended = contour_mask(contour(landmarks, _FOREHEAD_EXTENSION), (rgb.shape[1], rgb.shape[0]))
        hair = (self._segmenter.hair(rgb, box_of(extended)) > _HAIR_THRESHOLD).astype(np.uint8)
        hair &= inverse(beard_zone(landmarks, full))
        not_hair = inverse(hair)
        forehead = extended & inverse(full) & not_hair & _skin_like(rgb, full & not_hair)
        forehead = closed(forehead, 0.06 * height) & extended & not_hair
        visible = opened((full & not_hair) | forehead, 0.05 * height)  # thin strands of "face" between hair
        visible = fill(largest(visible), hair) & inverse(sunglasses_mask(rgb, landmarks, full))
        return Seen(smoothed(visible, _SMOOTHING * height + 0.3))

    def provenance(self) -> dict[str, Any]:
        return {"teacher": "hair", "hair_model_sha256": sha256_of(self._hair_model)}


def checked_hair_model(path: Path | None) -> Path:
    """The hair segmenter's file. Raises DataError where it is not named or not there."""
    if path is None or not path.is_file():
        where = "none was named" if path is None else f"there is none at {path}"
        raise DataError(
            f"the teacher 'hair' needs a hair segmenter, and {where}; "
            "expected MediaPipe's hair_segmentation.tflite, name it with --hair-model"
        )
    return path


def beard_zone(landmarks: Points, oval: U8) -> U8:
    """(H, W) uint8: 1 where hair is a beard, which is part of the face.

    That is the oval below the nose; higher than the chin not its rim, where hair hangs over the cheeks from above.
    """
    height = max(face_height(landmarks), 1e-6)
    chin, nose = landmarks[CHIN, :2], landmarks[BELOW_NOSE, :2]
    up = (landmarks[FOREHEAD, :2] - chin) / height
    rows, columns = np.mgrid[: oval.shape[0], : oval.shape[1]].astype(np.float32)
    along = ((columns - chin[0]) * up[0] + (rows - chin[1]) * up[1]) / height
    below_nose = along < float((nose - chin) @ up) / height
    away_from_rim = cv2.distanceTransform(oval, cv2.DIST_L2, 5) > _BEARD_RIM * height
    return ((oval > 0) & below_nose & (away_from_rim | (along < _CHIN_SHARE))).astype(np.uint8)


def sunglasses_mask(rgb: U8, landmarks: Points, oval: U8) -> U8:
    """(H, W) uint8: 1 on the dark lenses of sunglasses, all 0 where both eyes do not lie behind one.

    FaceMesh draws eyes behind sunglasses all the same. A lens is an area around the eye that is much darker than
    the face, and evenly so.
    """
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    dark = (luma < _LENS_DARKNESS * np.median(luma[oval > 0])).astype(np.uint8)
    lenses = np.zeros_like(oval)
    for outer, inner in _EYE_CORNERS:
        centre = landmarks[[outer, inner], :2].mean(axis=0)
        width = float(np.linalg.norm(landmarks[outer, :2] - landmarks[inner, :2]))
        if dark[ellipse(oval.shape, centre, 0.75 * width, 0.6 * width) > 0].mean() < _LENS_SHARE:
            return np.zeros_like(oval)
        lenses |= ellipse(oval.shape, centre, 1.25 * width, 1.1 * width)
    whole = closed(dark & lenses, 0.1 * face_height(landmarks))
    return opened(whole, 0.04 * face_height(landmarks)) & oval


def _skin_like(rgb: U8, sample: U8) -> U8:
    """1 where the colour is close to that of the sample's pixels (robust mean and covariance in Lab)."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    pixels = lab[sample > 0]
    if len(pixels) < 50:
        return np.zeros(sample.shape, np.uint8)
    centre = np.median(pixels, axis=0)
    near = pixels[np.abs(pixels - centre).sum(axis=1) <= np.quantile(np.abs(pixels - centre).sum(axis=1), 0.8)]
    covariance = np.cov(near.T) + np.diag([60.0, 6.0, 6.0])
    offset = _lenient_to_highlights(lab, near.mean(axis=0))
    distance = np.einsum("hwi,ij,hwj->hw", offset, np.linalg.inv(covariance), offset)
    return (cv2.GaussianBlur(distance, (0, 0), 1.5) < _SKIN_DISTANCE**2).astype(np.uint8)


def _lenient_to_highlights(lab: npt.NDArray[np.float32], skin: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Differences from the skin's colour, (H, W, 3) float32: a shining forehead, lighter and paler, differs less."""
    offset = lab - skin.astype(np.float32)
    lighter = offset[:, :, :1] > 0
    paler = np.hypot(lab[:, :, 1:2] - 128, lab[:, :, 2:] - 128) < np.hypot(skin[1] - 128, skin[2] - 128)
    offset[:, :, :1] *= np.where(lighter, np.float32(0.35), np.float32(1))
    offset[:, :, 1:] *= np.where(lighter & paler, np.float32(0.5), np.float32(1))
    return offset
