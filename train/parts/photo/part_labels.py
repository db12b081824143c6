"""The 13 classes of one photograph, from landmarks, hair, the visible face and the fitted head.

They follow the annotations of CelebAMask-HQ: the eye is what is visible between the lids, the nose includes its wings
and the bridge up to between the eyes, skin ends at the hairline and at the jaw, and occlusions are background.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from engines.spec import FACE, OCCLUSION, PART_LABELS
from realtime.frames.types import U8
from train.heads.contour import BELOW_NOSE, face_height, hull_mask
from train.heads.landmarks import CHIN, FOREHEAD, Points
from train.labels.morphology import closing, inverse, overlapping_components, smooth_outline, without_specks
from train.labels.teachers.hair import beard_region
from train.parts.landmark_outlines import INNER_MOUTH, LEFT_EYE, LOWER_LIP, NOSE, RIGHT_EYE, UPPER_LIP, ring_mask
from train.parts.photo.bare_skin import bare_skin
from train.parts.photo.brows import brow_mask

F32 = npt.NDArray[np.float32]
ID = {name: index for index, name in enumerate(PART_LABELS)}

_HAIR = 0.5  # probability
_OCCLUSION_HAIR = 0.25  # probability, where the teacher sees an occlusion or nothing
_GAP = 0.05  # of the face height: a narrower gap between hair and skin belongs to one of them
_SPECK_AREA = 0.0025  # of the face height squared
_SMOOTHING = 0.008  # of the face height: the outlines of networks have steps
_BETWEEN_EYES = 168  # FaceMesh; gaps are filled above it


@dataclass(frozen=True, eq=False)
class Sources:
    """What the classes are made from; (H, W) each."""

    rgb: U8
    """(H, W, 3) uint8"""
    landmarks: Points
    """(478, 3) FaceMesh vertices, in pixels."""
    labels: U8
    """uint8: 0 background, 1 visible face, 2 occlusion."""
    hair: F32
    """Probability, 0..1."""
    left_ear: U8
    """uint8: 1 where the fitted head has this ear."""
    right_ear: U8
    head: U8
    """uint8: 1 where the fitted head has face or skull."""


def part_labels(sources: Sources) -> U8:
    """(H, W) uint8 ids of PART_LABELS."""
    height = face_height(sources.landmarks)
    skin, hair = skin_and_hair(sources)
    occluded = (sources.labels == OCCLUSION).astype(np.uint8) & inverse(skin | hair)
    labels = np.zeros_like(skin)
    for name, fitted in (("left ear", sources.left_ear), ("right ear", sources.right_ear)):
        ear = bare_skin(sources.rgb, fitted, skin, skin | hair | occluded, height)
        labels[overlapping_components(ear, _near(skin | hair, height)) > 0] = ID[name]
    ears = inverse(inverse(labels))
    labels[(skin | _skin_outside_contour(sources, skin, skin | hair | occluded | ears)) > 0] = ID["skin"]
    _fill_features(labels, sources, skin)
    labels[hair > 0] = ID["hair"]
    return _without_pinholes(labels, occluded, _SPECK_AREA * height**2)


def _fill_features(labels: U8, sources: Sources, skin: U8) -> None:
    landmarks = sources.landmarks
    rings = (("nose", NOSE), ("left eye", LEFT_EYE), ("right eye", RIGHT_EYE))
    lips = (("mouth", INNER_MOUTH), ("upper lip", UPPER_LIP), ("lower lip", LOWER_LIP))
    for name, ring in (*rings, *lips):
        labels[(ring_mask(landmarks, ring, labels.shape) & skin) > 0] = ID[name]
    free = skin & ((labels != ID["left eye"]) & (labels != ID["right eye"])).astype(np.uint8)
    for name, left in (("left brow", True), ("right brow", False)):
        labels[(brow_mask(sources.rgb, landmarks, left=left) & free) > 0] = ID[name]


def _skin_outside_contour(sources: Sources, skin: U8, taken: U8) -> U8:
    """1 on a bald scalp, and on the cheek of a turned head up to the ear, which are outside the face's contour.

    It ends at the nose: below it, the throat has the same colour.
    """
    height = face_height(sources.landmarks)
    head = sources.head & above(sources.landmarks, BELOW_NOSE, skin.shape) & inverse(taken)
    skin_outside = bare_skin(sources.rgb, head, skin, taken, height, 0.0)
    return overlapping_components(skin_outside, _near(skin, height))


def skin_and_hair(sources: Sources) -> tuple[U8, U8]:
    """Two disjoint (H, W) uint8 masks: the visible face with all its parts and with a beard, and hair.

    Hair away from the face, and specks, are dropped.
    """
    landmarks, shape, height = sources.landmarks, sources.labels.shape, face_height(sources.landmarks)
    beard = _beard(sources)
    skin = (sources.labels == FACE).astype(np.uint8) | beard
    hair_in_front = (sources.labels == OCCLUSION) & (sources.hair > _OCCLUSION_HAIR)
    hair = ((sources.hair > _HAIR) | hair_in_front).astype(np.uint8) & inverse(skin)
    hair = without_specks(hair, _SPECK_AREA * height**2) & inverse(skin)
    hair = overlapping_components(hair, _near(skin, height) & above(landmarks, BELOW_NOSE, shape))
    both = skin | hair
    gap = closing(both, _GAP * height) & inverse(both) & above(landmarks, _BETWEEN_EYES, shape)
    gap &= (sources.labels != OCCLUSION).astype(np.uint8)
    hairy = gap & (sources.hair > _OCCLUSION_HAIR).astype(np.uint8)
    return smooth_pair(skin | (gap & inverse(hairy)), hair | hairy, _SMOOTHING * height)


def _without_pinholes(labels: U8, occluded: U8, area: float) -> U8:
    """Fill small holes of the head with the label of their nearest pixel."""
    head = inverse(inverse(labels))
    holes = without_specks(head, area) & inverse(head) & inverse(occluded)
    _, (rows, columns) = distance_transform_edt(labels == 0, return_indices=True)
    return np.where(holes > 0, labels[rows, columns], labels).astype(np.uint8)


def smooth_pair(skin: U8, hair: U8, sigma: float) -> tuple[U8, U8]:
    """Both masks with smooth outlines; they still share their border."""
    both = smooth_outline(skin | hair, sigma + 0.3)
    nearer = cv2.GaussianBlur(skin * np.float32(1), (0, 0), sigma + 0.3) >= cv2.GaussianBlur(
        hair * np.float32(1), (0, 0), sigma + 0.3
    )
    return both & nearer.astype(np.uint8), both & inverse(nearer.astype(np.uint8))


def _near(skin: U8, height: float) -> U8:
    """1 on the mask and within a narrow gap of it."""
    return (cv2.distanceTransform(inverse(skin), cv2.DIST_L2, 3) < _GAP * height).astype(np.uint8)


def _beard(sources: Sources) -> U8:
    """1 on the beard, which the teacher may label as an occlusion."""
    size_wh = (sources.labels.shape[1], sources.labels.shape[0])
    zone = beard_region(sources.landmarks, hull_mask(sources.landmarks, size_wh))
    return zone & (sources.hair > _HAIR).astype(np.uint8)


def above(landmarks: Points, vertex: int, shape: tuple[int, ...]) -> U8:
    """(H, W) uint8: 1 above a FaceMesh vertex, along the face's axis."""
    up = landmarks[FOREHEAD, :2] - landmarks[CHIN, :2]
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    base = landmarks[vertex, :2]
    return ((columns - base[0]) * up[0] + (rows - base[1]) * up[1] > 0).astype(np.uint8)
