"""The pose of a head: perspective K[R|t] by a robust fit to landmarks (Structure via Consensus, section 3.1).

The landmarks are FaceMesh's. Inside the face they are paired with the head model's Multi-PIE landmarks, which lie
within 6 mm of them when both neutral heads are aligned. Along the outline Multi-PIE's jaw is a different curve, so
FaceMesh's oval is paired with the nearest vertices of the head, after a warp that makes the inner pairs coincide.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from train.heads.contour import FACE_OVAL, face_height
from train.heads.landmarks import Points
from train.heads.model import HeadModel
from train.labels.teachers.base import Unusable

F64 = npt.NDArray[np.float64]

# FaceMesh's vertex for each Multi-PIE landmark from 17 to 67; -1 for the wings of the nose, where FaceMesh has none.
_MESH_OF_MULTI_PIE = (
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, -1, 97, 2, 326, -1, 33, 160, 158, 133, 153, 144,
    362, 385, 387, 263, 373, 380, 61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14,
    87,
)  # fmt: skip
_VERTEX_OF_OVAL = (
    1643, 3640, 4021, 2716, 2572, 4074, 3453, 3996, 3991, 3987, 4039, 3668, 2484, 3004, 3881, 4389, 3658, 3710,
    965, 1496, 1444, 2198, 1674, 763, 243, 1454, 1837, 1784, 1788, 1793, 1235, 1874, 331, 475, 1818, 1426,
)  # fmt: skip
_FIRST_INNER = 17  # Multi-PIE: 0..16 is the jaw

EXPRESSIONS = ("jawOpen", "jawLeft", "jawRight", "mouthSmile_L", "mouthSmile_R", "mouthPucker", "browInnerUp_L",
               "browInnerUp_R")  # fmt: skip
_IDENTITIES = 12
_IDENTITY_SIGMA, _EXPRESSION_SIGMA = 1.0, 0.5
_PRIOR = 0.005  # of the face height: error of one landmark that costs as much as one sigma of a coefficient
_NOISE = 0.02  # of the face height: a landmark with a larger error counts as an outlier
_RANSAC_ERROR = 0.06  # of the face height
_MAX_ERROR = 0.08  # of the face height, mean over the landmarks: beyond it there is no face, or the fit failed
_MIN_HEIGHT_PX = 8.0
# The camera is unknown. A portrait is taken from about 80 cm, so its focal length is 4.5 times the 18 cm of a face's
# height. If the face is small in the picture, the focal length is that of an ordinary lens: the side of the picture.
_FOCAL_PER_FACE, _FOCAL_PER_PICTURE = 4.5, 1.0


@dataclass(frozen=True, eq=False)
class Pose:
    """A head in front of the camera: x right, y down, z away from the camera; lengths in centimetres."""

    camera: F64
    """(3, 3) K: focal length and principal point, in pixels."""
    rotation: F64
    """(3, 3) R: head -> camera."""
    translation: F64
    """(3,) t."""
    identity: F64
    """(I,) first coefficients of identity, in standard deviations; empty for the mean head."""
    expression: F64
    """(len(EXPRESSIONS),) strengths of the expressions; empty for the mean head."""
    error: float
    """Mean distance of the projected vertices from their landmarks, as a share of the face height."""

    def project(self, points: npt.NDArray[np.floating]) -> F64:
        """(N, 3) in the head's coordinates -> (N, 2) in pixels: K[R|t]."""
        return _projected(points.astype(np.float64) @ self.rotation.T + self.translation, self.camera)


class HeadFit:
    """Fits the head model to landmarks.

    Args:
        head: the model.
        extra_vertices: the vertices that `vertices` returns.
        adapt: whether coefficients of identity and expression are fitted, too, with a prior towards the mean head.
    """

    def __init__(self, head: HeadModel, extra_vertices: tuple[int, ...], *, adapt: bool = True) -> None:
        pairs = correspondences(head)
        self._landmarks = pairs[:, 0]
        self._known, places = np.unique(np.concatenate([pairs[:, 1], extra_vertices]), return_inverse=True)
        self._paired, self._extra = places[: len(pairs)], places[len(pairs) :]
        self._neutral = head.neutral[self._known].astype(np.float64)
        named = [head.expression_names.index(name) for name in EXPRESSIONS]
        basis = np.concatenate([head.identity[:_IDENTITIES, self._known], head.expression[named][:, self._known]])
        self._basis = basis.astype(np.float64) if adapt else np.zeros((0, len(self._known), 3))
        sigmas = np.repeat([_IDENTITY_SIGMA, _EXPRESSION_SIGMA], [_IDENTITIES, len(EXPRESSIONS)])
        self._sigma = sigmas[: len(self._basis)]

    def pose(self, landmarks: Points, size_wh: tuple[int, int]) -> Pose:
        """Fit the pose to landmarks, a few of which may be outliers.

        Args:
            landmarks: (468 or more, 2 or 3) float32, FaceMesh vertices in pixels.
            size_wh: of the picture.

        Raises:
            Unusable: the face is too small, or no pose fits.
        """
        height = face_height(landmarks)
        if height < _MIN_HEIGHT_PX:
            raise Unusable(f"the face is {height:.0f} px high, too small to fit a head")
        camera = _camera(height, size_wh)
        seen = landmarks[self._landmarks, :2].astype(np.float64)
        start = np.concatenate([self._start(seen, camera, height), np.zeros(len(self._basis))])
        noise = _NOISE * np.sqrt(len(seen))

        def costs(values: F64) -> F64:
            off = (self._project(values, camera)[self._paired] - seen) / height / noise
            return np.concatenate([off.ravel(), _PRIOR / _NOISE * values[6:] / self._sigma])

        # soft_l1: beyond the noise of one landmark, an outlier pulls no more than a landmark nearby
        fit = least_squares(costs, start, loss="soft_l1", f_scale=1 / np.sqrt(len(seen)), x_scale="jac", max_nfev=40)
        error = np.linalg.norm(self._project(fit.x, camera)[self._paired] - seen, axis=1).mean() / height
        if not error < _MAX_ERROR:
            raise Unusable(f"no head fits the landmarks: the mean error is {error:.0%} of the face height")
        return self._pose(fit.x, camera, float(error))

    def vertices(self, pose: Pose) -> F64:
        """(len(extra_vertices), 3): the extra vertices of the fitted head, in its own coordinates."""
        return self._shape(np.concatenate([pose.identity, pose.expression]))[self._extra]

    def _start(self, seen: F64, camera: F64, height: float) -> F64:
        generic = self._neutral[self._paired]
        solved, turn, shift, _ = cv2.solvePnPRansac(
            generic, seen, camera, None, iterationsCount=100, reprojectionError=_RANSAC_ERROR * height,
            flags=cv2.SOLVEPNP_SQPNP,
        )  # fmt: skip
        if not solved:
            raise Unusable("no head fits the landmarks")
        return np.concatenate([turn.ravel(), shift.ravel()])

    def _shape(self, coefficients: F64) -> F64:
        return self._neutral + np.tensordot(coefficients, self._basis, 1)

    def _project(self, values: F64, camera: F64) -> F64:
        rotation = cv2.Rodrigues(values[:3])[0]
        return _projected(self._shape(values[6:]) @ rotation.T + values[3:6], camera)

    def _pose(self, values: F64, camera: F64, error: float) -> Pose:
        identity, expression = np.split(values[6:], [_IDENTITIES])
        return Pose(camera, cv2.Rodrigues(values[:3])[0], values[3:6], identity, expression, error)


def correspondences(head: HeadModel) -> npt.NDArray[np.int64]:
    """(N, 2): pairs of a FaceMesh vertex and the head's vertex at the same place of the face."""
    inner = zip(_MESH_OF_MULTI_PIE, head.landmark_vertices[_FIRST_INNER:].tolist(), strict=True)
    rim = zip(FACE_OVAL, _VERTEX_OF_OVAL, strict=True)
    return np.array([pair for pair in (*inner, *rim) if pair[0] >= 0], np.int64)


def _camera(height: float, size_wh: tuple[int, int]) -> F64:
    focal = max(_FOCAL_PER_FACE * height, _FOCAL_PER_PICTURE * max(size_wh))
    return np.array([[focal, 0, size_wh[0] / 2], [0, focal, size_wh[1] / 2], [0, 0, 1]], np.float64)


def _projected(points: F64, camera: F64) -> F64:
    # z is clamped, because a step of the fit may place the head behind the camera.
    return points[:, :2] / np.maximum(points[:, 2:], 1e-3) * np.diag(camera)[:2] + camera[:2, 2]
