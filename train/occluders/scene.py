"""A face in a crop, an occluder that was made for it, and pasting the one over the other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import BACKGROUND, FACE, OCCLUSION
from realtime.frames.types import U8
from train.heads.landmarks import CHIN, FOREHEAD, Points
from train.occluders.colour import median_lab

Rng = np.random.Generator
F32 = npt.NDArray[np.float32]

_RIGHT_CHEEK, _LEFT_CHEEK = 234, 454  # FaceMesh: the face oval at the height of the ears; right is the subject's right
_EYE_CORNERS = ((33, 133), (263, 362))  # FaceMesh: outer and inner corner of each eye


@dataclass(frozen=True, eq=False)
class Scene:
    """A face in a crop of S x S pixels."""

    rgb: U8
    """(S, S, 3) uint8"""
    labels: U8
    """(S, S) uint8 class ids."""
    landmarks: Points
    """(478, 2) float32 FaceMesh vertices, in pixels of the crop."""
    face_side: float
    """Longer side of the full-face box, in pixels of the crop."""

    @property
    def size_px(self) -> int:
        """Side of the crop."""
        return int(self.rgb.shape[0])

    @property
    def centre(self) -> Points:
        """(2,) mean of the landmarks."""
        return self.landmarks.mean(axis=0)

    def skin_lab(self) -> F32:
        """(3,) median Lab colour of the visible face, 0..255; mid grey if no face is visible."""
        return median_lab(self.rgb[::3, ::3][self.labels[::3, ::3] == FACE])

    def cheeks(self) -> tuple[Points, Points]:
        """(2,) each: the face's right and left edge at the height of the ears."""
        return self.landmarks[_RIGHT_CHEEK], self.landmarks[_LEFT_CHEEK]

    def eye_corners(self) -> list[Points]:
        """(2, 2) each: outer and inner corner of the right and of the left eye."""
        return [self.landmarks[list(corners)] for corners in _EYE_CORNERS]

    def axes(self) -> tuple[Points, Points]:
        """(2,) each: half of the face's width, towards the subject's left, and its height, from chin to forehead."""
        right, left = self.cheeks()
        return (left - right) / 2, self.landmarks[FOREHEAD] - self.landmarks[CHIN]

    def random_point(self, rng: Rng) -> Points:
        """(2,) float32: a point within half a face side of the centre."""
        return (self.centre + rng.uniform(-0.5, 0.5, 2) * self.face_side).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Patch:
    """An occluder in the pixels of a scene's crop."""

    rgb: F32
    """(S, S, 3) float32, 0..255, multiplied by alpha."""
    alpha: F32
    """(S, S) float32, 0..1."""

    @classmethod
    def from_straight_alpha(cls, rgb: F32, alpha: F32) -> Patch:
        """From colours that are not yet multiplied by alpha."""
        return cls(cv2.multiply(rgb, cv2.merge([alpha] * 3)), alpha)


def paste(scene: Scene, patch: Patch, rng: Rng) -> Scene:
    """Paste an occluder over a scene, sometimes with motion blur or a shadow, under light of a random brightness.

    Pixels that the occluder covers by half or more become OCCLUSION; BACKGROUND stays BACKGROUND.
    """
    alpha, rgb = patch.alpha, patch.rgb
    if rng.random() < 0.15:
        kernel = _motion_kernel(int(rng.integers(3, 10)), rng.uniform(0, 180))
        alpha, rgb = cv2.filter2D(alpha, -1, kernel), cv2.filter2D(rgb, -1, kernel)
    scene_share = 1 - alpha  # of each pixel's colour
    if rng.random() < 0.6:
        scene_share *= 1 - _shadow(alpha, scene.face_side, rng)
    behind = cv2.multiply(scene.rgb, cv2.merge([scene_share] * 3), dtype=cv2.CV_32F)
    mixed = cv2.scaleAdd(rgb, rng.uniform(0.75, 1.15), behind)
    labels = scene.labels.copy()
    labels[(alpha >= 0.5) & (labels != BACKGROUND)] = OCCLUSION
    return Scene(cv2.convertScaleAbs(mixed), labels, scene.landmarks, scene.face_side)


def _shadow(alpha: F32, face_side: float, rng: Rng) -> F32:
    """(S, S) float32: share of the light that a shadow takes. It is blurred at half the size, which is faster."""
    dx, dy = rng.normal(0, 0.05 * face_side, 2)
    half_size = cv2.resize(alpha, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(half_size, (0, 0), rng.uniform(0.02, 0.08) * face_side / 2)
    enlarge_and_shift = np.array([[2, 0, dx + 0.5], [0, 2, dy + 0.5]], np.float32)
    return cv2.warpAffine(blurred, enlarge_and_shift, alpha.shape[::-1]) * np.float32(rng.uniform(0.1, 0.6))


def _motion_kernel(length: int, degrees: float) -> F32:
    """(length, length) float32: a line that sums to 1."""
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    dx, dy = math.cos(math.radians(degrees)) * middle, math.sin(math.radians(degrees)) * middle
    cv2.line(kernel, (round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy)), 1.0)
    return kernel / kernel.sum()
