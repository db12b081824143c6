"""From the finder's values to faces."""

from __future__ import annotations

import math

import numpy as np
import pytest

from realtime.faces.finding.found_faces import FoundFaces, cells, decode, merged


def found(*faces: tuple[float, float, float, float, float, float]) -> FoundFaces:
    """Faces by centre x, centre y, width, height, angle in degrees and score."""
    values = np.array(faces, np.float32)
    angles = np.radians(values[:, 4])
    return FoundFaces(values[:, :4], np.stack([np.sin(angles), -np.cos(angles)], axis=1), values[:, 5])


def test_a_picture_has_the_cells_of_three_grids() -> None:
    grid = cells(64)
    assert len(grid) == 8 * 8 + 4 * 4 + 2 * 2
    assert grid[1].tolist() == [12, 4, 8]
    assert grid[-1].tolist() == [48, 48, 32]


@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 90.0, -135.0])
def test_a_cell_says_where_a_face_is_and_how_it_is_turned(angle_deg: float) -> None:
    values = np.full((len(cells(64)), 7), -9, np.float32)
    turn = math.radians(angle_deg)
    values[9] = (2.0, 0.5, -0.25, math.log(1.5), math.log(2), math.cos(turn), math.sin(turn))
    faces = decode(values, 64, 0.5)
    assert faces.boxes == pytest.approx(np.array([[16, 10, 12, 16]]))
    assert faces.angles_deg()[0] == pytest.approx(angle_deg, abs=1e-3)
    assert faces.scores[0] == pytest.approx(1 / (1 + math.exp(-2)))
    assert len(decode(values, 64, 0.9).scores) == 0


def test_boxes_that_overlap_become_one_whose_direction_is_the_mean_across_half_a_turn() -> None:
    faces = merged(found((50, 50, 30, 40, 170, 0.8), (52, 50, 30, 40, -170, 0.8), (150, 50, 30, 40, 0, 0.6)))
    assert faces.boxes[:, 0] == pytest.approx([51, 150])
    assert abs(faces.angles_deg()[0]) == pytest.approx(180, abs=0.1)
    assert faces.scores == pytest.approx([0.8, 0.6])


def test_a_face_on_its_side_is_one_with_the_same_face_upright() -> None:
    assert len(merged(found((50, 50, 20, 40, 0, 0.9), (50, 50, 20, 40, 90, 0.8))).scores) == 1


def test_nothing_found_is_no_face() -> None:
    assert len(merged(decode(np.full((len(cells(64)), 7), -9, np.float32), 64, 0.5)).scores) == 0
