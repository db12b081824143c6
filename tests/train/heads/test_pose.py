import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from engines.errors import DataError
from train.heads.contour import FACE_OVAL, face_height
from train.heads.model import HeadModel, load_head_model
from train.heads.pose import EXPRESSIONS, HeadFit, correspondences
from train.heads.posed_contour import CONTOUR_VERTICES, HeadContour
from train.labels.morphology import iou
from train.labels.teachers.base import Unusable

HEAD = Path(__file__).parents[4] / "shared" / "data" / "head_model"
SIZE = (640, 480)


def mask_like_head(seed=0):
    """Vertices on the front of an ellipsoid of a head's size; each FaceMesh vertex lies apart from the others."""
    rng = np.random.default_rng(seed)
    across, along = rng.uniform(-1.2, 1.2, 4600), rng.uniform(-1.2, 1.2, 4600)
    neutral = np.stack([7 * np.sin(across), 9 * np.sin(along), 11 * np.cos(across) * np.cos(along)], axis=1)
    shapes = rng.normal(0, 0.3, (12, 4600, 3))
    head = HeadModel(
        neutral.astype(np.float32), shapes.astype(np.float32), rng.normal(0, 0.3, (8, 4600, 3)).astype(np.float32),
        EXPRESSIONS, np.arange(4500, 4568),
    )  # fmt: skip
    for index, place in zip((10, 152), ((0, 9, 4), (0, -9, 4)), strict=True):  # what face_height looks at
        pair = correspondences(head)
        head.neutral[pair[pair[:, 0] == index, 1]] = place
    return head


def landmarks_of(head, turn=(0.2, 0.5, 0.1), shift=(3.0, -2.0, 70.0), identity=()):
    """The head seen by an ordinary camera, y down: FaceMesh's vertices where they are paired, else 0."""
    points = head.neutral + np.tensordot(np.array(identity), head.identity[: len(identity)], 1)
    upright = cv2.Rodrigues(np.array(turn))[0] @ np.diag([1.0, -1.0, -1.0])
    seen = points @ upright.T + shift
    focal = 900.0
    pixels = seen[:, :2] / seen[:, 2:] * focal + np.array(SIZE) / 2
    landmarks = np.zeros((478, 3), np.float32)
    pairs = correspondences(head)
    landmarks[pairs[:, 0], :2] = pixels[pairs[:, 1]]
    return landmarks, pixels


def test_pose_brings_every_vertex_back_to_where_it_was_seen():
    head = mask_like_head()
    landmarks, pixels = landmarks_of(head)
    fit = HeadFit(head, tuple(range(0, 4000, 50)), adapt=False)
    pose = fit.pose(landmarks, SIZE)
    off = np.linalg.norm(pose.project(fit.vertices(pose)) - pixels[:4000:50], axis=1) / face_height(landmarks)
    assert off.max() < 0.02  # the camera's focal length is assumed, not known
    assert pose.error < 0.01
    assert np.linalg.det(pose.rotation) == pytest.approx(1)


def spoiled(landmarks, head, share=0.2):
    """Some of the inner landmarks far off to one side, as where a hand is taken for a mouth."""
    wrong = landmarks.copy()
    inner = [v for v in correspondences(head)[:, 0] if v not in FACE_OVAL]
    wrong[inner[:: round(1 / share)], 0] += 0.5 * face_height(landmarks)
    return wrong


def distance(pose, fit, pixels, height):
    return np.linalg.norm(pose.project(fit.vertices(pose)) - pixels[: 50 * 80 : 50], axis=1).mean() / height


def test_outliers_hardly_move_the_pose():
    head = mask_like_head()
    landmarks, pixels = landmarks_of(head)
    fit, wrong = HeadFit(head, tuple(range(0, 4000, 50)), adapt=False), spoiled(landmarks, head)
    assert distance(fit.pose(wrong, SIZE), fit, pixels, face_height(landmarks)) < 0.02


def test_least_squares_alone_is_moved_by_outliers():
    head = mask_like_head()
    landmarks, pixels = landmarks_of(head)
    fit, wrong = HeadFit(head, tuple(range(0, 4000, 50)), adapt=False), spoiled(landmarks, head)
    pairs, camera = correspondences(head), fit.pose(landmarks, SIZE).camera
    _, turn, shift = cv2.solvePnP(
        head.neutral[pairs[:, 1]].astype(float), wrong[pairs[:, 0], :2].astype(float), camera, None,
        flags=cv2.SOLVEPNP_SQPNP,
    )  # fmt: skip
    plain = replace(fit.pose(landmarks, SIZE), rotation=cv2.Rodrigues(turn)[0], translation=shift.ravel())
    assert distance(plain, fit, pixels, face_height(landmarks)) > 0.03


def test_identity_explains_another_head_better_than_the_generic_one():
    head = mask_like_head()
    landmarks, _ = landmarks_of(head, identity=(1.5, -1.5, 1.0))
    generic = HeadFit(head, (0,), adapt=False).pose(landmarks, SIZE)
    own = HeadFit(head, (0,)).pose(landmarks, SIZE)
    assert own.error < 0.6 * generic.error
    assert len(generic.identity) == len(generic.expression) == 0
    assert own.identity[:3] == pytest.approx((1.5, -1.5, 1.0), abs=0.5)


def test_landmarks_that_are_no_face_are_refused():
    head = mask_like_head()
    rng = np.random.default_rng(0)
    landmarks = rng.uniform(100, 400, (478, 3)).astype(np.float32)
    with pytest.raises(Unusable, match="no head fits"):
        HeadFit(head, (0,), adapt=False).pose(landmarks, SIZE)
    with pytest.raises(Unusable, match="too small"):
        HeadFit(head, (0,), adapt=False).pose(landmarks_of(head)[0] * 0.01, SIZE)


def test_missing_head_model_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none was named.*--head-model"):
        load_head_model(None)
    with pytest.raises(DataError, match="does not contain it"):
        load_head_model(tmp_path)


def test_damaged_head_model_is_named(tmp_path):
    (tmp_path / "ict_facekit.npz").write_bytes(b"no arrays")
    (tmp_path / "ict_vertex_indices.json").write_text(json.dumps({"idx_to_landmark_verts": list(range(68))}))
    with pytest.raises(DataError, match="cannot be read"):
        load_head_model(tmp_path)


@pytest.fixture(scope="module")
def ict():
    if not HEAD.is_dir():
        pytest.skip("needs the head model beside the checkout (../shared)")
    with np.load(HEAD / "ict_facekit.npz") as arrays:
        quads = arrays["faces"]
    return load_head_model(HEAD), quads


FACE, HEAD_AND_NECK = 6706, 11248  # the narrow face's vertices come first, then the rest of the head


def front_of_face(head, quads, down_degrees):
    """The connected front of the face: vertices whose normals face a viewer who looks down on it by some degrees."""
    quads = quads[(quads < HEAD_AND_NECK).all(axis=1)]
    corners = head.neutral[quads]
    normals = np.zeros_like(head.neutral)
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    for k in range(4):
        np.add.at(normals, quads[:, k], across)
    tilt = np.radians(down_degrees)
    facing = normals @ np.array([0, np.sin(tilt), np.cos(tilt)]) > 0
    facing[FACE:] = False
    edges = np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)])
    edges = edges[facing[edges].all(axis=1)]
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(len(facing),) * 2)
    _, ids = connected_components(graph, directed=False)
    return np.flatnonzero(ids == ids[head.landmark_vertices[30]])  # with the tip of the nose


def outermost(head, front):
    """In each of 64 equal sectors around the middle, seen from the front, the outermost vertex, far back rather than
    near."""
    points = head.neutral[front]
    x, y = points[:, 0], points[:, 1] - (points[:, 1].min() + points[:, 1].max()) / 2
    sector = np.round(np.arctan2(x, y) / (2 * np.pi) * 64).astype(int) % 64
    far = np.hypot(x, y) - points[:, 2]
    return [int(front[sector == k][far[sector == k].argmax()]) for k in range(64)]


@pytest.mark.data
def test_contour_vertices_follow_their_rule(ict):
    head, quads = ict
    front = front_of_face(head, quads, np.degrees(np.arctan(0.3)))
    assert outermost(head, front) == list(CONTOUR_VERTICES)


@pytest.mark.data
def test_another_view_gives_another_contour(ict):
    head, quads = ict
    throat = outermost(head, front_of_face(head, quads, -20))  # from below, the throat belongs to the front
    assert head.neutral[throat, 1].min() < head.neutral[list(CONTOUR_VERTICES), 1].min() - 1.5


@pytest.mark.data
def test_contour_runs_from_the_hairline_to_the_chin(ict):
    head, _ = ict
    ring = head.neutral[list(CONTOUR_VERTICES)]
    chin, brows = head.neutral[head.landmark_vertices[8]], head.neutral[head.landmark_vertices[17:27]]
    assert len(set(CONTOUR_VERTICES)) == 64
    assert abs(ring[32, 1] - chin[1]) < 0.5
    assert ring[:, 1].max() > brows[:, 1].max() + 2.5
    assert ring[1:32, 0] == pytest.approx(-ring[:32:-1, 0], abs=0.01)  # the left half mirrors the right one


@pytest.mark.data
def test_pairs_lie_near_each_other(ict):
    canonical = np.load(HEAD / "mediapipe_canonical_face.npz")["xyz"]
    head, _ = ict
    pairs = correspondences(head)
    first, second = canonical[pairs[:, 0]], head.neutral[pairs[:, 1]]
    scale = np.sqrt(((second - second.mean(0)) ** 2).sum() / ((first - first.mean(0)) ** 2).sum())
    off = np.linalg.norm((first - first.mean(0)) * scale - (second - second.mean(0)), axis=1)
    assert off.max() < 1.3  # centimetres
    swapped = np.linalg.norm((first - first.mean(0)) * scale - (second - second.mean(0))[::-1], axis=1)
    assert swapped.max() > 5


@pytest.mark.data
def test_head_contour_lies_where_the_head_is(ict):
    head, _ = ict
    landmarks, pixels = landmarks_of(head, turn=(0.0, 0.6, 0.0), identity=(0.8, -0.6))
    truth = np.zeros(SIZE[::-1], np.uint8)
    hull = cv2.convexHull(pixels[list(CONTOUR_VERTICES)].astype(np.float32))
    cv2.fillConvexPoly(truth, np.round(hull).astype(np.int32), 1)
    contour = HeadContour.load(HEAD)
    assert iou(contour(landmarks, SIZE), truth) > 0.97
    assert iou(contour(landmarks + np.float32(30), SIZE), truth) < 0.85
