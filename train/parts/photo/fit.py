"""The head model fitted to FaceMesh's landmarks: identity, expression and pose, by robust regularised least squares.

Cross-Domain Mutual Learning, section 3.1, reconstructs a 3D head for every photograph. `train/heads/pose.py` finds its
pose with a few coefficients. This starts there and fits more coefficients to all 468 landmarks, with exact derivatives.
The errors that remain are then removed in the picture: each landmark pulls the surface around it, so that depth and
labels have the same outlines.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.spatial import cKDTree

from train.heads.contour import face_height
from train.heads.landmark_vertices import VERTEX_OF_LANDMARK
from train.heads.landmarks import Points
from train.heads.model import HeadModel
from train.heads.pose import HeadFit, Pose
from train.labels.teachers.base import Unusable

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_IDENTITIES = 50
_NOT_FITTED = ("PupilDilate", "eyeLook", "jawForward", "mouthClose")  # landmarks cannot distinguish them
_IDENTITY_SIGMA, _EXPRESSION_SIGMA = 1.0, 0.35
_PRIOR = 0.004  # of the face height: error of one landmark that costs as much as one sigma of a coefficient
_NOISE = 0.012  # of the face height: a landmark with a larger error counts as an outlier
MAX_ERROR = 0.022
"""Share of the face height. A fit whose landmarks have a larger mean error is discarded."""
_PULL_CM = 1.2  # radius within which a landmark pulls the surface
_PULLED_BY = 4  # nearest landmarks


@dataclass(frozen=True, eq=False)
class FittedHead:
    """A head fitted to one photograph."""

    points: F32
    """(V, 3): x and y in pixels of the picture, z in centimetres from the camera."""
    pose: Pose
    """With the coefficients of `PartsFit`, not of `HeadFit`."""
    error: float
    """Mean error of the landmarks before the pull, as a share of the face height."""


class PartsFit:
    """Fits the head model to landmarks.

    Args:
        head: the model with all its vertices.
    """

    def __init__(self, head: HeadModel) -> None:
        self._start = HeadFit(head, (0,), adapt=False)
        named = [i for i, name in enumerate(head.expression_names) if not name.startswith(_NOT_FITTED)]
        basis = np.concatenate([head.identity[:_IDENTITIES], head.expression[named]])
        self._neutral, self._basis = head.neutral, basis.reshape(len(basis), -1)
        self._paired = np.array(VERTEX_OF_LANDMARK)
        self._seen_neutral = head.neutral[self._paired].astype(np.float64)
        self._seen_basis = basis[:, self._paired].astype(np.float64)
        self._identities = min(_IDENTITIES, len(head.identity))
        sigmas = [_IDENTITY_SIGMA] * self._identities + [_EXPRESSION_SIGMA] * len(named)
        self._sigma = np.array(sigmas)
        self._pull = _pulls(head.neutral, self._paired)

    def head(self, landmarks: Points, size_wh: tuple[int, int]) -> FittedHead:
        """Fit the head to landmarks.

        Args:
            landmarks: (468 or more, 2 or 3) float32, FaceMesh vertices in pixels.
            size_wh: size of the picture.

        Raises:
            Unusable: no head fits; the message gives the error.
        """
        height = face_height(landmarks)
        first = self._start.pose(landmarks, size_wh)
        seen = landmarks[: len(self._paired), :2].astype(np.float64)
        values = self._solve(first, seen, height)
        off = seen - self._project(values, first.camera)
        error = float(np.linalg.norm(off, axis=1).mean() / height)
        if not error < MAX_ERROR:
            raise Unusable(f"no head fits the landmarks: the mean error is {error:.1%} of the face height")
        identity, expression = np.split(values[6:], [self._identities])
        rotation = cv2.Rodrigues(values[:3])[0]
        pose = Pose(first.camera, rotation, values[3:6], identity, expression, error)
        return FittedHead(self._points(pose, off), pose, error)

    def _solve(self, first: Pose, seen: F64, height: float) -> F64:
        start = np.concatenate(
            [cv2.Rodrigues(first.rotation)[0].ravel(), first.translation, np.zeros(len(self._sigma))]
        )
        many = np.sqrt(len(seen))
        weight = np.diag(first.camera)[:2] / height / _NOISE / many
        prior = np.hstack([np.zeros((len(self._sigma), 6)), np.diag(_PRIOR / _NOISE / self._sigma)])

        def costs(values: F64) -> F64:
            off = (self._project(values, first.camera) - seen) / height / _NOISE / many
            return np.concatenate([off.ravel(), prior[:, 6:] @ values[6:]])

        def slopes(values: F64) -> F64:
            return np.concatenate([self._slopes(values) * np.tile(weight, len(seen))[:, None], prior])

        # soft_l1: beyond the noise of one landmark, an outlier pulls no more than a landmark nearby
        fit = least_squares(costs, start, slopes, loss="soft_l1", f_scale=1 / many, x_scale="jac", max_nfev=15,
                              ftol=1e-3)  # fmt: skip
        return fit.x

    def _shape(self, coefficients: F64) -> F64:
        return self._seen_neutral + np.tensordot(coefficients, self._seen_basis, 1)

    def _project(self, values: F64, camera: F64) -> F64:
        points = self._shape(values[6:]) @ cv2.Rodrigues(values[:3])[0].T + values[3:6]
        return points[:, :2] / np.maximum(points[:, 2:], 1e-3) * np.diag(camera)[:2] + camera[:2, 2]

    def _slopes(self, values: F64) -> F64:
        """(2 N, 6 + K): derivatives of x / z and y / z of each landmark with respect to the values."""
        rotation, by_turn = cv2.Rodrigues(values[:3])
        shape = self._shape(values[6:])
        x, y, z = (shape @ rotation.T + values[3:6]).T
        moves = np.concatenate(  # of the points before the camera: (6 + K, N, 3)
            [
                np.einsum("kij,nj->kni", by_turn.reshape(3, 3, 3), shape),
                np.broadcast_to(np.eye(3)[:, None], (3, len(shape), 3)),
                self._seen_basis @ rotation.T,
            ]
        )
        z = np.maximum(z, 1e-3)
        across = moves[:, :, 0] / z - moves[:, :, 2] * x / z**2
        along = moves[:, :, 1] / z - moves[:, :, 2] * y / z**2
        return np.stack([across, along], axis=2).reshape(len(moves), -1).T

    def _points(self, pose: Pose, off: F64) -> F32:
        """(V, 3): all vertices; those near landmarks are moved in the picture by the remaining errors."""
        coefficients = np.concatenate([pose.identity, pose.expression]).astype(np.float32)
        shape = self._neutral + (coefficients @ self._basis).reshape(-1, 3)
        before = shape.astype(np.float64) @ pose.rotation.T + pose.translation
        pixels = pose.project(shape)
        near, weights = self._pull
        pixels += np.einsum("vk,vkc->vc", weights, off[near])
        return np.hstack([pixels, before[:, 2:]]).astype(np.float32)


def _pulls(neutral: F32, paired: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], F32]:
    """(V, k) each: the landmarks that pull each vertex, and their weights, at most 1 in sum."""
    distance, near = cKDTree(neutral[paired]).query(neutral, k=_PULLED_BY)
    weights = np.exp(-((distance / _PULL_CM) ** 2))
    sharper = weights / (distance + 0.05) ** 2
    total = sharper.sum(axis=1, keepdims=True)
    share = np.divide(sharper, total, out=np.zeros_like(sharper), where=total > 0)
    return np.asarray(near, np.int64), (share * weights.max(axis=1, keepdims=True)).astype(np.float32)
