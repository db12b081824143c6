"""A face's box in its own upright frame: centre, width and height along the face's axes, and its direction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from train.heads.contour import contour
from train.heads.landmarks import CHIN, FOREHEAD, Points

HAIRLINE = 0.16
"""How far the full-face box reaches above FaceMesh's oval, as a share of the face height (as in the parsers' crops)."""


@dataclass(frozen=True)
class UprightBox:
    """The full-face box of one face."""

    centre_x: float
    centre_y: float
    width: float
    """Along the face's own horizontal axis, in pixels."""
    height: float
    angle_deg: float
    """How far the face's upright direction is turned clockwise from the picture's, -180..180."""

    @property
    def side(self) -> float:
        """The longer side in pixels."""
        return max(self.width, self.height)

    def corners(self) -> Points:
        """(4, 2) float32: the corners in the picture."""
        turned = ((self.centre_x, self.centre_y), (self.width, self.height), self.angle_deg)
        return cv2.boxPoints(turned).astype(np.float32)


def upright_box(outline: Points, up: npt.NDArray[np.floating]) -> UprightBox:
    """The box around a face's outline.

    Args:
        outline: (M, 2) pixels.
        up: (2,) the face's upward direction in the picture, of any length.
    """
    angle = math.atan2(float(up[0]), -float(up[1]))
    cosine, sine = math.cos(angle), math.sin(angle)
    from_upright = np.array([[cosine, -sine], [sine, cosine]])
    along = outline @ from_upright  # the rows are turned back: upright coordinates
    low, high = along.min(axis=0), along.max(axis=0)
    centre = from_upright @ ((low + high) / 2)
    width, height = high - low
    return UprightBox(float(centre[0]), float(centre[1]), float(width), float(height), math.degrees(angle))


def box_of_landmarks(landmarks: Points) -> UprightBox:
    """The full-face box of FaceMesh's landmarks: (468 or more, 2 or 3), in pixels."""
    return upright_box(full_outline(landmarks), upward(landmarks))


def full_outline(landmarks: Points) -> Points:
    """(M, 2): the outline of the full face, up to the hairline."""
    return contour(landmarks, HAIRLINE)


def upward(landmarks: Points) -> Points:
    """(2,) the direction from the chin to the forehead."""
    return np.asarray(landmarks[FOREHEAD, :2] - landmarks[CHIN, :2])
