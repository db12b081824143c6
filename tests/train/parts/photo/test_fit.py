from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from train.heads.contour import face_height
from train.heads.landmark_vertices import VERTEX_OF_LANDMARK
from train.heads.model import load_head_model
from train.heads.pose import correspondences
from train.labels.teachers.base import Unusable
from train.parts.photo.fit import PartsFit

HEAD = Path(__file__).parents[5] / "shared" / "data" / "head_model"
SIZE, FACE, NARROW_FACE = (640, 480), 9409, 6706

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def head():
    if not HEAD.is_dir():
        pytest.skip("needs the head model beside the checkout (../shared)")
    return load_head_model(HEAD)


@pytest.fixture(scope="module")
def fit(head):
    return PartsFit(head)


def seen(head, identity=(1.2, -0.8, 0.5), smile=0.6, turn=(0.1, 0.35, 0.05)):
    """Landmarks and all vertices of a known head before an ordinary camera."""
    smiles = [head.expression_names.index(f"mouthSmile_{side}") for side in "LR"]
    points = head.neutral + np.tensordot(np.array(identity), head.identity[: len(identity)], 1)
    points = points + smile * head.expression[smiles].sum(axis=0)
    upright = cv2.Rodrigues(np.array(turn))[0] @ np.diag([1.0, -1.0, -1.0])
    before = points @ upright.T + np.array([2.0, -1.0, 75.0])
    pixels = before[:, :2] / before[:, 2:] * 900 + np.array(SIZE) / 2
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:468, :2] = pixels[list(VERTEX_OF_LANDMARK)]
    return landmarks, pixels, before[:, 2]


def test_a_known_head_is_found_again(head, fit):
    landmarks, pixels, depth = seen(head)
    found = fit.head(landmarks, SIZE)
    assert found.error < 0.006
    off = np.linalg.norm(found.points[:NARROW_FACE, :2] - pixels[:NARROW_FACE], axis=1) / face_height(landmarks)
    assert off.mean() < 0.01
    relief = found.points[:NARROW_FACE, 2] - depth[:NARROW_FACE]
    assert relief.std() < 0.6  # centimetres; the camera's distance itself is a guess
    assert found.points.shape == head.neutral.shape


def test_the_generic_head_explains_it_worse(head, fit):
    landmarks, pixels, _ = seen(head)
    generic = fit._start.pose(landmarks, SIZE)
    off = np.linalg.norm(generic.project(head.neutral[:NARROW_FACE]) - pixels[:NARROW_FACE], axis=1)
    assert off.mean() / face_height(landmarks) > 0.012


def test_what_the_model_cannot_reach_is_moved_the_rest_of_the_way(head, fit):
    landmarks, _, _ = seen(head)
    landmarks[:468, 0] += np.float32(0.012 * face_height(landmarks)) * np.sin(np.arange(468) * 2.4).astype(np.float32)
    found = fit.head(landmarks, SIZE)
    off = np.linalg.norm(found.points[list(VERTEX_OF_LANDMARK), :2] - landmarks[:468, :2], axis=1).mean()
    assert off / face_height(landmarks) < 0.6 * found.error


def test_landmarks_that_are_no_face_are_refused(head, fit):
    landmarks, _, _ = seen(head)
    noise = np.random.default_rng(0).normal(0, 0.04 * face_height(landmarks), (478, 2)).astype(np.float32)
    landmarks[:, :2] += noise
    with pytest.raises(Unusable, match=r"no head fits the landmarks: the mean error is .*% of the face height"):
        fit.head(landmarks, SIZE)


def test_landmarks_follow_their_rule_onto_the_head(head):
    canonical = np.load(HEAD / "mediapipe_canonical_face.npz")["xyz"]
    pairs = correspondences(head)
    pairs = pairs[np.unique(pairs[:, 0], return_index=True)[1]]
    warp = RBFInterpolator(canonical[pairs[:, 0]], head.neutral[pairs[:, 1]], kernel="linear", smoothing=0.05, degree=1)
    off, nearest = cKDTree(head.neutral[:NARROW_FACE]).query(warp(canonical))
    assert np.mean(nearest == np.array(VERTEX_OF_LANDMARK)) > 0.99  # rounding may choose between two
    assert off.mean() < 0.11 and off.max() < 0.4  # centimetres


def test_left_stays_left_on_the_head(head):
    right_eye, left_eye = 33, 263
    assert head.neutral[VERTEX_OF_LANDMARK[left_eye], 0] > 1
    assert head.neutral[VERTEX_OF_LANDMARK[right_eye], 0] < -1
