"""Pseudo-labels: what of a full face is visible, made from landmarks and hair without any human label.

Structure via Consensus, section 3.1: the occlusion is the residual between the full-face mask and the visible face
(equation 1), cleaned by morphology; labels follow equation 2. Here the teacher of the visible face is FaceMesh's
contour minus the hair, so the residual is hair over the face; other occluders are pasted in training with known masks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import BACKGROUND, FACE, OCCLUSION
from realtime.types import U8
from train.contour import BELOW_NOSE, CHIN, FOREHEAD, Points, contour, contour_mask, face_height
from train.teachers import FaceMesh, HairSegmenter

_FOREHEAD_EXTENSION = 0.30  # hair starts 0.07..0.23 above the oval; hair and what is not skin is taken away again
_HAIR_THRESHOLD = 0.5
_SKIN_DISTANCE = 3.0  # Mahalanobis, in Lab: what a forehead may differ from the rest of the face
_BEARD_RIM = 0.08  # of the face height
_CHIN_SHARE = 0.2  # of the way from chin to forehead
_SMOOTHING = 0.012  # of the face height: the teachers' edges are rougher than faces
_MOST_COVERED = 0.35  # of the full face: beyond it the landmarks or the hair are more likely wrong than right
_LENS_DARKNESS = 0.5  # luma against the face's median
_LENS_SHARE = 0.7  # of the pixels around each eye
_EYE_CORNERS = ((33, 133), (263, 362))  # FaceMesh: outer and inner corner
_SLIVER = 0.10  # of the face height: hair over the contour that is thinner than this is where the contour is off


@dataclass(frozen=True, eq=False)
class PseudoLabel:
    """The labels of one face."""

    labels: U8
    """(H, W) uint8: 0 background, 1 face, 2 occlusion."""
    landmarks: Points
    """(478, 3) float32, in pixels."""
    box_xyxy: tuple[float, float, float, float]
    """The full-face box (of labels > 0), in pixels."""


def label_face(rgb: U8, mesh: FaceMesh, hair_segmenter: HairSegmenter) -> PseudoLabel | None:
    """Label the most prominent face of a picture; None where no face is found.

    Args:
        rgb: (H, W, 3) uint8.
    """
    landmarks = mesh.landmarks(rgb)
    if landmarks is None:
        return None
    height, width = rgb.shape[:2]
    oval = contour_mask(contour(landmarks, 0.0), (width, height))
    if oval.sum() < 100:
        return None
    full = contour_mask(contour(landmarks, _FOREHEAD_EXTENSION), (width, height))
    hair = (hair_segmenter.hair(rgb, box_of(full)) > _HAIR_THRESHOLD).astype(np.uint8)
    hair &= _inverse(beard_zone(landmarks, oval))
    sunglasses = sunglasses_mask(rgb, landmarks, oval)
    labels = _labels(rgb, oval, full, hair, sunglasses, face_height(landmarks))
    covered = float((labels == OCCLUSION).sum()) / max(1, int((labels > 0).sum()))
    if covered > _MOST_COVERED:
        return None
    return PseudoLabel(labels, landmarks, box_of(labels))


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
        if dark[_ellipse(oval.shape, centre, 0.75 * width, 0.6 * width) > 0].mean() < _LENS_SHARE:
            return np.zeros_like(oval)
        lenses |= _ellipse(oval.shape, centre, 1.25 * width, 1.1 * width)
    closed = cv2.morphologyEx(dark & lenses, cv2.MORPH_CLOSE, _kernel(0.1 * face_height(landmarks)))
    return _opened(closed, 0.04 * face_height(landmarks)) & oval


def box_of(mask: U8) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of a mask's non-zero pixels, in continuous pixel coordinates."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _labels(rgb: U8, oval: U8, full: U8, hair: U8, sunglasses: U8, height: float) -> U8:
    not_hair = _inverse(hair)
    forehead = full & _inverse(oval) & not_hair & _skin_like(rgb, oval & not_hair)
    forehead = cv2.morphologyEx(forehead, cv2.MORPH_CLOSE, _kernel(0.06 * height)) & full & not_hair
    visible = _opened((oval & not_hair) | forehead, 0.05 * height)  # thin strands of "face" between hair
    visible = _fill(_largest(visible), hair) & _inverse(sunglasses)
    visible = (cv2.GaussianBlur(visible * np.float32(1), (0, 0), _SMOOTHING * height + 0.3) > 0.5).astype(np.uint8)
    residual = oval & _inverse(visible)  # equation 1: [f - f_occ]+
    occlusion = _deep(residual, _SLIVER * height)
    labels = np.full(oval.shape, BACKGROUND, np.uint8)
    labels[visible > 0] = FACE
    labels[occlusion > 0] = OCCLUSION
    return labels


def _inverse(mask: U8) -> U8:
    return (mask == 0).astype(np.uint8)


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


def _kernel(diameter: float) -> U8:
    side = max(1, round(diameter)) | 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)


def _opened(mask: U8, diameter: float) -> U8:
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, _kernel(diameter))


def _fill(mask: U8, keep_open: U8) -> U8:
    """Close holes, such as those that a highlight leaves in the forehead, but not where `keep_open` is 1."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(padded, None, (0, 0), 1)
    return mask | ((padded[1:-1, 1:-1] == 0) & (keep_open == 0)).astype(np.uint8)


def _ellipse(shape: tuple[int, ...], centre: Points, radius_x: float, radius_y: float) -> U8:
    mask = np.zeros(shape, np.uint8)
    axes = (max(1, round(radius_x)), max(1, round(radius_y)))
    return cv2.ellipse(mask, (round(float(centre[0])), round(float(centre[1]))), axes, 0, 0, 360, 1, cv2.FILLED).astype(
        np.uint8
    )


def _largest(mask: U8) -> U8:
    count, ids, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return mask
    return (ids == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)


def _deep(mask: U8, thickness: float) -> U8:
    """The components of a mask that are thicker than `thickness` somewhere."""
    count, ids = cv2.connectedComponents(mask, connectivity=8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    keep = [i for i in range(1, count) if 2 * float(depth[ids == i].max()) >= thickness]
    return np.isin(ids, keep).astype(np.uint8)
