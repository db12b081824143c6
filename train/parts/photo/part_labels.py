"""The 13 classes of one photograph, from landmarks, hair, the visible face and the fitted head's ears.

As people draw them (CelebAMask-HQ): the eye is what shows between the lids, the nose has its wings and its bridge up
to between the eyes, skin ends at the hairline and at the edge of the jaw, and whatever covers the face is background.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from engines.spec import FACE, OCCLUSION, PART_LABELS
from realtime.frames.types import U8
from train.heads.contour import BELOW_NOSE, CHIN, FOREHEAD, Points, face_height, hull_mask
from train.labels.morphology import closing, inverse, overlapping_components, smooth_outline, without_specks
from train.labels.teachers.hair import beard_region
from train.parts.landmark_outlines import INNER_MOUTH, LEFT_EYE, LOWER_LIP, NOSE, RIGHT_EYE, UPPER_LIP, ring_mask
from train.parts.photo.bare_skin import bare_skin
from train.parts.photo.brows import brow_mask

F32 = npt.NDArray[np.float32]
ID = {name: index for index, name in enumerate(PART_LABELS)}

_HAIR = 0.5  # probability
_MAYBE_HAIR = 0.25  # where the teacher of the visible face sees none of it
_GAP = 0.05  # of the face height: a gap between hair and skin that is narrower belongs to one of them
_SPECK = 0.0025  # of the face height squared
_SMOOTHING = 0.008  # of the face height: networks' outlines have steps
_BETWEEN_EYES = 168  # FaceMesh's vertex: gaps are filled above it


@dataclass(frozen=True, eq=False)
class Sources:
    """What the classes are made of; (H, W) each."""

    rgb: U8
    landmarks: Points
    seen: U8
    """0 background, 1 visible face, 2 what covers it."""
    hair: F32
    """Probability."""
    left_ear: U8
    """1 where the fitted head shows this ear."""
    right_ear: U8
    head: U8
    """1 where it shows face or skull."""


def part_labels(sources: Sources) -> U8:
    """(H, W) uint8: PART_LABELS' ids."""
    height = face_height(sources.landmarks)
    skin, hair = skin_and_hair(sources)
    covered = (sources.seen == OCCLUSION).astype(np.uint8) & inverse(skin | hair)
    labels = np.zeros_like(skin)
    for name, fitted in (("left ear", sources.left_ear), ("right ear", sources.right_ear)):
        ear = bare_skin(sources.rgb, fitted, skin, skin | hair | covered, height)
        labels[overlapping_components(ear, _beside(skin | hair, height)) > 0] = ID[name]
    ears = inverse(inverse(labels))
    labels[(skin | _beyond_contour(sources, skin, skin | hair | covered | ears)) > 0] = ID["skin"]
    _paint_features(labels, sources, skin)
    labels[hair > 0] = ID["hair"]
    return _without_pinholes(labels, covered, _SPECK * height**2)


def _paint_features(labels: U8, sources: Sources, skin: U8) -> None:
    landmarks = sources.landmarks
    rings = (("nose", NOSE), ("left eye", LEFT_EYE), ("right eye", RIGHT_EYE))
    lips = (("mouth", INNER_MOUTH), ("upper lip", UPPER_LIP), ("lower lip", LOWER_LIP))
    for name, ring in (*rings, *lips):
        labels[(ring_mask(landmarks, ring, labels.shape) & skin) > 0] = ID[name]
    free = skin & ((labels != ID["left eye"]) & (labels != ID["right eye"])).astype(np.uint8)
    for name, left in (("left brow", True), ("right brow", False)):
        labels[(brow_mask(sources.rgb, landmarks, left=left) & free) > 0] = ID[name]


def _beyond_contour(sources: Sources, skin: U8, taken: U8) -> U8:
    """1 on a bald scalp, and on the cheek of a turned head up to the ear: the face's contour holds neither.

    Not below the nose, where the throat has the same colour.
    """
    height = face_height(sources.landmarks)
    head = sources.head & above(sources.landmarks, BELOW_NOSE, skin.shape) & inverse(taken)
    found = bare_skin(sources.rgb, head, skin, taken, height, 0.0)
    return overlapping_components(found, _beside(skin, height))


def skin_and_hair(sources: Sources) -> tuple[U8, U8]:
    """Two (H, W) uint8 masks that share no pixel: the visible face with all its parts, and hair.

    A beard is face. Hair that belongs to nobody near the face, and specks, are left out.
    """
    landmarks, shape, height = sources.landmarks, sources.seen.shape, face_height(sources.landmarks)
    beard = _beard(sources)
    skin = (sources.seen == FACE).astype(np.uint8) | beard
    covers = (sources.seen == OCCLUSION) & (sources.hair > _MAYBE_HAIR)
    hair = ((sources.hair > _HAIR) | covers).astype(np.uint8) & inverse(skin)
    hair = without_specks(hair, _SPECK * height**2) & inverse(skin)
    hair = overlapping_components(hair, _beside(skin, height) & above(landmarks, BELOW_NOSE, shape))
    both = skin | hair
    gap = closing(both, _GAP * height) & inverse(both) & above(landmarks, _BETWEEN_EYES, shape)
    gap &= (sources.seen != OCCLUSION).astype(np.uint8)
    hairy = gap & (sources.hair > _MAYBE_HAIR).astype(np.uint8)
    return smooth_pair(skin | (gap & inverse(hairy)), hair | hairy, _SMOOTHING * height)


def _without_pinholes(labels: U8, covered: U8, area: float) -> U8:
    """Small spots of background within the head take the label of their nearest pixel."""
    head = inverse(inverse(labels))
    holes = without_specks(head, area) & inverse(head) & inverse(covered)
    _, (rows, columns) = distance_transform_edt(labels == 0, return_indices=True)
    return np.where(holes > 0, labels[rows, columns], labels).astype(np.uint8)


def smooth_pair(skin: U8, hair: U8, sigma: float) -> tuple[U8, U8]:
    """Both masks with smoother outlines; the border between them stays shared."""
    both = smooth_outline(skin | hair, sigma + 0.3)
    nearer = cv2.GaussianBlur(skin * np.float32(1), (0, 0), sigma + 0.3) >= cv2.GaussianBlur(
        hair * np.float32(1), (0, 0), sigma + 0.3
    )
    return both & nearer.astype(np.uint8), both & inverse(nearer.astype(np.uint8))


def _beside(skin: U8, height: float) -> U8:
    return (cv2.distanceTransform(inverse(skin), cv2.DIST_L2, 3) < _GAP * height).astype(np.uint8)


def _beard(sources: Sources) -> U8:
    """1 on the beard, which the teacher of the visible face may take for something before it."""
    size_wh = (sources.seen.shape[1], sources.seen.shape[0])
    zone = beard_region(sources.landmarks, hull_mask(sources.landmarks, size_wh))
    return zone & (sources.hair > _HAIR).astype(np.uint8)


def above(landmarks: Points, vertex: int, shape: tuple[int, ...]) -> U8:
    """(H, W) uint8: 1 above one of FaceMesh's vertices, along the face's axis."""
    up = landmarks[FOREHEAD, :2] - landmarks[CHIN, :2]
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    base = landmarks[vertex, :2]
    return ((columns - base[0]) * up[0] + (rows - base[1]) * up[1] > 0).astype(np.uint8)
