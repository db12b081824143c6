from pathlib import Path

import numpy as np
import pytest

from engines.errors import DataError
from engines.spec import BACKGROUND, PART_LABELS
from train.heads.model import load_head_model
from train.parts import head_regions as regions
from train.parts.head_mesh import BACK, FACE, GUMS, LEFT_SCLERA, RIGHT_SCLERA, TEETH, load_head_mesh
from train.parts.raster import rasterise

HEAD = Path(__file__).parents[4] / "shared" / "data" / "head_model"
SIDE = 200


@pytest.fixture(scope="module")
def mesh():
    if not HEAD.is_dir():
        pytest.skip("needs the head model beside the checkout (../shared)")
    return load_head_mesh(HEAD)


@pytest.fixture(scope="module")
def model(mesh):
    return load_head_model(HEAD)


def shown(mesh, points, yaw=0.0):
    """Part labels of the head, 1 m away, as a picture of 26 cm."""
    turn = np.array([(np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))])
    placed = (points - np.array((0, 1.5, 0))) @ turn.T * (1, -1, -1)
    scale = 100 / (100 + placed[:, 2:]) * SIDE / 26
    points = np.hstack([placed[:, :2] * scale + SIDE / 2, placed[:, 2:] + 100])
    hits = rasterise(points, mesh.triangles, (SIDE, SIDE), back_faces=False)
    return mesh.parts(hits)


def moved(model, **strengths):
    points = model.neutral.copy()
    for name, strength in strengths.items():
        points += strength * model.expression[model.expression_names.index(name)]
    return points


@pytest.mark.data
def test_left_is_the_subjects_left(mesh, model):
    parts = shown(mesh, model.neutral)
    for name in ("ear", "eye"):
        left, right = (np.argwhere(parts == PART_LABELS.index(f"{side} {name}"))[:, 1] for side in ("left", "right"))
        assert right.max() < SIDE / 2 < left.min(), name  # seen from the front


@pytest.mark.data
def test_both_sides_of_the_face_have_the_same_size(mesh, model):
    counts = np.bincount(shown(mesh, model.neutral).ravel(), minlength=len(PART_LABELS))
    for left, right in ((regions.LEFT_EYE, regions.RIGHT_EYE), (regions.LEFT_EAR, regions.RIGHT_EAR)):
        assert counts[left] > 10
        assert counts[left] == pytest.approx(counts[right], rel=0.1)


@pytest.mark.data
def test_parts_lie_above_each_other_as_in_a_face(mesh, model):
    parts = shown(mesh, moved(model, jawOpen=0.6))
    rows = [
        np.argwhere(parts == part)[:, 0].mean()
        for part in (regions.LEFT_EYE, regions.NOSE, regions.UPPER_LIP, regions.MOUTH, regions.LOWER_LIP)
    ]
    assert rows == sorted(rows)


@pytest.mark.data
def test_an_open_mouth_shows_more_of_its_inside_than_a_closed_one(mesh, model):
    opened, closed = ((shown(mesh, moved(model, jawOpen=strength)) == regions.MOUTH).sum() for strength in (0.8, 0.0))
    assert opened > 100 > closed


@pytest.mark.data
def test_a_closed_eye_is_skin(mesh, model):
    parts = shown(mesh, moved(model, eyeBlink_L=1.0))
    assert (parts == regions.LEFT_EYE).sum() < 0.3 * (parts == regions.RIGHT_EYE).sum()


@pytest.mark.data
def test_a_turned_head_hides_the_far_ear(mesh, model):
    parts = shown(mesh, model.neutral, yaw=np.radians(50))  # towards the subject's left
    assert not (parts == regions.LEFT_EAR).any()
    assert (parts == regions.RIGHT_EAR).sum() > 200


@pytest.mark.data
def test_neck_and_shoulders_are_background(mesh, model):
    corners = model.neutral[mesh.triangles]
    below = corners[:, :, 1].max(axis=1) < -11
    assert below.sum() > 500
    assert (mesh.part[below & np.isin(mesh.material, (FACE, BACK))] == BACKGROUND).all()


@pytest.mark.data
def test_every_material_has_its_part(mesh):
    assert (mesh.part[np.isin(mesh.material, (GUMS, TEETH))] == regions.MOUTH).all()
    assert (mesh.part[mesh.material == LEFT_SCLERA] == regions.LEFT_EYE).all()
    assert (mesh.part[mesh.material == RIGHT_SCLERA] == regions.RIGHT_EYE).all()


@pytest.mark.data
def test_another_atlas_changes_the_skin_alone(mesh):
    triangles = np.arange(len(mesh.triangles))
    weights = np.full((len(triangles), 3), 1 / 3, np.float32)
    as_hair = mesh.parts_at(triangles, weights, np.full_like(mesh.atlas[0], regions.HAIR))
    on_face = mesh.material == FACE
    assert (as_hair[on_face] == regions.HAIR).all()
    assert (as_hair[~on_face] == mesh.parts_at(triangles, weights)[~on_face]).all()


def test_a_folder_without_the_model_is_refused(tmp_path):
    with pytest.raises(DataError, match="name it with --head-model"):
        load_head_mesh(tmp_path)


def test_other_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "ict_facekit.npz", neutral=np.zeros((5, 3)))
    with pytest.raises(DataError, match="cannot be read"):
        load_head_mesh(tmp_path)


def test_a_brow_and_its_mirror_share_nothing():
    atlas = np.zeros((256, 256), np.uint8)
    outline = regions.brow(thickness=1.3)
    regions.fill(atlas, outline, regions.RIGHT_BROW)
    regions.fill(atlas, regions.mirrored(outline), regions.LEFT_BROW)
    right, left = (atlas[:, :128] == regions.RIGHT_BROW).sum(), (atlas[:, 128:] == regions.LEFT_BROW).sum()
    assert right == pytest.approx(left, rel=0.1)
    assert not (atlas[:, :128] == regions.LEFT_BROW).any()


def test_a_thicker_brow_covers_more():
    thin, thick = (np.zeros((256, 256), np.uint8) for _ in range(2))
    regions.fill(thin, regions.brow(thickness=0.6), 1)
    regions.fill(thick, regions.brow(thickness=1.3), 1)
    assert thick.sum() > 1.6 * thin.sum()
