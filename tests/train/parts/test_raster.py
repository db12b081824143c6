import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.parts.raster import rasterise

SQUARE = np.array([[2, 2, 5], [8, 2, 5], [8, 8, 5], [2, 8, 5]], np.float32)
CLOCKWISE = np.array([[0, 1, 2], [0, 2, 3]])  # as the picture shows them, y down
SIZE = (12, 10)


def sphere(radius=1.0, rows=40, columns=60):
    """Vertices around the origin, and triangles that turn clockwise from outside, y down."""
    polar, around = np.meshgrid(
        np.linspace(0.01, np.pi - 0.01, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij"
    )
    flat = np.stack([np.sin(polar) * np.cos(around), -np.cos(polar), np.sin(polar) * np.sin(around)], -1)
    row, column = np.mgrid[: rows - 1, : columns - 1]
    first = (row * columns + column).ravel()
    quads = np.stack([first, first + 1, first + columns + 1, first + columns], 1)
    return radius * flat.reshape(-1, 3), np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def seen_from(points, distance, focal, centre):
    x, y, z = (points + np.array([0, 0, distance])).T
    return np.stack([x / z * focal + centre, y / z * focal + centre, z], 1)


def slow(points, triangles, size_wh):
    """The same by a loop: the nearest triangle of each pixel and its depth."""
    which, depth = np.full(size_wh[::-1], -1), np.zeros(size_wh[::-1])
    for index, corners in enumerate(points[triangles].astype(float)):
        edges = np.stack([corners[:, 0], corners[:, 1], np.ones(3)])
        if abs(np.linalg.det(edges)) < 1e-9:
            continue
        inverse = np.linalg.inv(edges)
        for row in range(size_wh[1]):
            for column in range(size_wh[0]):
                weights = inverse @ (column + 0.5, row + 0.5, 1)
                here = 1 / (weights / corners[:, 2]).sum() if weights.min() >= 0 else 0
                if here > 0 and (which[row, column] < 0 or here < depth[row, column]):
                    which[row, column], depth[row, column] = index, here
    return which, depth


def test_a_square_covers_the_pixels_whose_centres_it_holds():
    hits = rasterise(SQUARE, CLOCKWISE, SIZE)
    expected = np.zeros((10, 12), bool)
    expected[2:8, 2:8] = True
    np.testing.assert_array_equal(hits.triangle >= 0, expected)
    np.testing.assert_allclose(hits.depth, np.where(expected, 5, 0))


def test_nothing_has_neither_triangle_nor_depth_nor_weight():
    hits = rasterise(SQUARE + np.array([100, 0, 0]), CLOCKWISE, SIZE)
    assert (hits.triangle == -1).all()
    assert not hits.depth.any()
    assert not hits.weights.any()


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_random_triangles_are_those_of_a_slow_loop(seed):
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.uniform(-5, 20, (12, 2)), rng.uniform(1, 9, (12, 1))], axis=1)
    triangles = np.unique([np.sort(rng.choice(12, 3, replace=False)) for _ in range(8)], axis=0)
    which, depth = slow(points, triangles, SIZE)
    hits = rasterise(points, triangles, SIZE)
    np.testing.assert_allclose(hits.depth, depth, atol=1e-4)
    assert (hits.triangle == which).mean() > 0.99  # where two triangles cross, either may show


def test_the_nearer_of_two_surfaces_shows():
    both = np.concatenate([SQUARE, SQUARE - np.array([1, 1, 2])])
    hits = rasterise(both, np.concatenate([CLOCKWISE, CLOCKWISE + 4]), SIZE)
    assert set(np.unique(hits.triangle[1:7, 1:7])) == {2, 3}
    assert set(np.unique(hits.triangle[7, 2:8])) <= {0, 1}


def test_surfaces_that_share_an_edge_leave_no_gap():
    points, triangles = sphere()
    hits = rasterise(seen_from(points, 4.0, 60.0, 32.0), triangles, (64, 64))
    inside = np.hypot(*(np.mgrid[:64, :64] + 0.5 - 32)) < 0.97 * 60 / np.sqrt(
        15
    )  # the outline of a sphere from 4 radii
    assert (hits.triangle[inside] >= 0).all()


def test_back_faces_show_only_where_they_are_asked_for():
    assert (rasterise(SQUARE, CLOCKWISE, SIZE, back_faces=False).triangle >= 0).sum() == 36
    assert (rasterise(SQUARE, CLOCKWISE[:, ::-1], SIZE, back_faces=False).triangle >= 0).sum() == 0
    assert (rasterise(SQUARE, CLOCKWISE[:, ::-1], SIZE).triangle >= 0).sum() == 36


def test_a_closed_surface_looks_the_same_without_its_back_faces():
    points, triangles = sphere()
    pixels = seen_from(points, 4.0, 60.0, 32.0)
    whole, front = rasterise(pixels, triangles, (64, 64)), rasterise(pixels, triangles, (64, 64), back_faces=False)
    np.testing.assert_allclose(front.depth, whole.depth, atol=1e-3)
    swapped = rasterise(pixels, triangles[:, ::-1], (64, 64), back_faces=False)
    assert swapped.depth[32, 32] > whole.depth[32, 32] + 1.9


def test_depth_and_values_are_exact_in_perspective():
    floor = np.array([[-3, 2, 4], [3, 2, 4], [3, 2, 40], [-3, 2, 40]], float)
    hits = rasterise(seen_from(floor, 0, 20.0, 16.0), CLOCKWISE, (32, 32))
    row, column = 20, 17
    distance = 2 * 20 / (row + 0.5 - 16)  # of the floor, two below the camera
    assert hits.depth[row, column] == pytest.approx(distance, rel=1e-5)
    place = hits.interpolate(floor, CLOCKWISE)[row, column]
    np.testing.assert_allclose(place, ((column + 0.5 - 16) / 20 * distance, 2, distance), rtol=1e-5)
    linear = np.interp(row + 0.5 - 16, (1, 10), (40, 4))
    assert abs(linear - distance) > 5  # without perspective it would be far off


def test_interpolated_values_are_zero_where_nothing_is():
    hits = rasterise(SQUARE, CLOCKWISE, SIZE)
    values = hits.interpolate(np.full(4, 7.0), CLOCKWISE)
    np.testing.assert_allclose(values, np.where(hits.triangle >= 0, 7, 0), rtol=1e-6)
    np.testing.assert_allclose(hits.weights.sum(2), hits.triangle >= 0, atol=1e-6)


@pytest.mark.parametrize("behind", [0.0, -3.0])
def test_a_triangle_that_reaches_behind_the_camera_is_left_out(behind):
    points = SQUARE.copy()
    points[3, 2] = behind
    assert set(np.unique(rasterise(points, CLOCKWISE, SIZE).triangle)) == {-1, 0}


def test_a_triangle_seen_edge_on_shows_nowhere():
    flat = np.array([[2, 2, 5], [5, 5, 5], [8, 8, 5]], float)
    assert (rasterise(flat, np.array([[0, 1, 2]]), SIZE).triangle == -1).all()


def test_more_triangles_than_the_depth_buffer_counts_are_refused():
    class Many(np.ndarray):
        def __len__(self):
            return 1 << 24

    with pytest.raises(ValueError, match="expected fewer than 16777216"):
        rasterise(SQUARE, CLOCKWISE.view(Many), SIZE)
