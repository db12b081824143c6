import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.heads.contour import (
    FACE_OVAL,
    contour,
    contour_mask,
    face_height,
    hull_mask,
    mesh_triangles,
    silhouette_mask,
)
from train.heads.landmarks import CHIN, FOREHEAD


def upright_face(centre=(100.0, 120.0), radii=(40.0, 60.0), degrees=0.0):
    """Landmarks whose oval is an ellipse, turned in the image plane."""
    landmarks = np.zeros((478, 2), np.float32)
    landmarks[:] = centre
    angles = np.linspace(-np.pi / 2, 1.5 * np.pi, len(FACE_OVAL), endpoint=False)
    ring = np.stack([radii[0] * np.cos(angles), radii[1] * np.sin(angles)], axis=1)
    turn = np.radians(degrees)
    ring = ring @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    landmarks[list(FACE_OVAL)] = ring + centre
    return landmarks.astype(np.float32)


def test_oval_starts_at_the_forehead_and_holds_the_chin():
    assert FACE_OVAL[0] == FOREHEAD
    assert CHIN in FACE_OVAL
    assert len(set(FACE_OVAL)) == 36


def test_extension_moves_the_top_and_leaves_the_chin():
    face = upright_face()
    plain, extended = contour(face, 0.0), contour(face, 0.25)
    assert extended[:, 1].max() == pytest.approx(plain[:, 1].max())
    assert plain[:, 1].min() - extended[:, 1].min() == pytest.approx(0.25 * face_height(face), rel=0.01)


@given(degrees=st.floats(-180, 180), extension=st.floats(0, 0.4))
def test_extended_contour_grows_in_every_pose(degrees, extension):
    face = upright_face(degrees=degrees)
    plain = contour_mask(contour(face, 0.0), (240, 240))
    extended = contour_mask(contour(face, extension), (240, 240))
    assert int((plain & ~extended & 1).sum()) <= 0.01 * plain.sum()  # rounding of the corners at most
    assert extended.sum() >= plain.sum() - 0.01 * plain.sum()


def test_mask_is_empty_where_the_face_is_outside():
    assert not contour_mask(contour(upright_face(centre=(-500, -500)), 0.2), (100, 100)).any()


def test_silhouette_adds_a_nose_that_stands_beyond_the_hull():
    face = upright_face()
    face[4] = (160, 120)  # the tip of the nose, right of the oval
    plain, whole = hull_mask(face, (240, 240)), silhouette_mask(face, (240, 240))
    assert (whole >= plain).all()
    assert whole[120, 150] == 1
    assert plain[120, 150] == 0


def test_silhouette_of_a_frontal_face_is_the_hull():
    face = upright_face()
    assert (silhouette_mask(face, (240, 240)) == hull_mask(face, (240, 240))).mean() > 0.995


def test_mesh_has_all_of_facemeshs_triangles():
    triangles = mesh_triangles()
    assert triangles.shape == (854, 3)
    assert len(np.unique(triangles)) == 468
