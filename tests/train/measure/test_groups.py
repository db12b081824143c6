from dataclasses import replace

import numpy as np
import pytest

from engines.spec import FACE
from tests.fakes.training import write_labels, write_occluders
from train import models
from train.data.faces import load_faces
from train.data.split import face_rules
from train.measure.groups import (
    Predictions,
    altered_copies,
    change_exposure,
    evaluated_groups,
    find_groups,
    group_rows,
    ita_degrees,
    reduce_resolution,
    yaw_degrees,
)  # fmt: skip
from train.measure.held_out import HeldOutSet
from train.measure.sheets import write_groups_sheet
from train.measure.tables import held_out_text
from train.occluders.kinds import Occluders


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return write_labels(folder / "labels", count=20), write_occluders(folder / "occluders")


@pytest.fixture(scope="module")
def held(folders):
    return HeldOutSet.load(*folders, models.spec("consensus-lite"))


def named(held, *names):
    """The set with other names; those that are not given stay."""
    return replace(held, names=(*names, *held.names[len(names) :]))


def indices(held, group):
    return next((g.indices.tolist() for g in find_groups(held, face_rules()) if g.name == group), [])


def truth(held):
    return Predictions(held.clean_labels, held.pasted_labels)


def head(yaw, cheek=7.66, bridge=7.67):
    """Landmarks of a head turned to its side, of which only those of the yaw are set."""
    points, angle = np.zeros((478, 2), np.float32), np.radians(yaw)
    for index, x, z in ((234, -cheek, 0), (454, cheek, 0), (168, 0, bridge)):
        points[index] = (64 + x * np.cos(angle) + z * np.sin(angle), 64)
    return points


@pytest.mark.parametrize("yaw", [0, 15, -35, 60])
def test_yaw_is_read_from_the_nose_between_the_cheeks(yaw):
    assert yaw_degrees(head(yaw)) == pytest.approx(abs(yaw), abs=0.5)


def test_yaw_is_not_moved_by_a_turn_in_the_plane():
    turn = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)
    assert yaw_degrees(head(40) @ turn.T) == pytest.approx(40, abs=0.5)


def test_landmarks_of_one_point_have_a_yaw():
    assert 0 <= yaw_degrees(np.zeros((478, 2), np.float32)) <= 90


def test_lighter_skin_has_a_larger_ita():
    tones = [(240, 205, 185), (198, 145, 110), (90, 56, 40)]
    angles = [ita_degrees(np.full((50, 3), tone, np.uint8)) for tone in tones]
    assert angles[0] > 41 > angles[1] > 10 > angles[2]


def test_names_of_the_figures_tell_their_group(held):
    one = named(held, "sfhq_t2i/1_glasses_00_03", "sfhq_t2i/2_Age_02_01", "sfhq_t2i/2_Age_03_01")
    assert indices(one, "glasses and sunglasses") == [0]
    assert indices(one, "children") == [1]
    assert indices(one, "set sfhq_t2i") == [0, 1, 2]


def test_the_same_name_in_another_set_tells_nothing(held):
    one = named(held, "mine/1_glasses_00_03")
    assert indices(one, "glasses and sunglasses") == []
    assert indices(one, "set mine") == [0]


def test_groups_of_ones_own_pictures_come_from_faces_toml(held, tmp_path):
    (tmp_path / "faces.toml").write_text("[groups.mine]\nbearded = '.*_beard'\n")
    one = named(held, "mine/anna", "mine/ben_beard_2", "other/carl_beard")
    groups = {group.name: group.indices.tolist() for group in find_groups(one, face_rules(tmp_path))}
    assert groups["bearded"] == [1]


def test_grey_pictures_have_no_skin_tone(held):
    grey = replace(held, clean=np.repeat(held.clean[..., :1], 3, axis=3))
    assert indices(grey, "grey picture") == list(range(len(held.names)))
    assert not [group for group in find_groups(grey, face_rules()) if "skin tone" in group.name]


def test_a_face_that_is_all_covered_is_in_no_group_of_light(held):
    hidden = replace(held, clean_labels=np.zeros_like(held.clean_labels))
    assert all(group.name.startswith("yaw") for group in find_groups(hidden, face_rules()))


def test_rows_of_the_truth_are_full_marks_and_unmarked(held):
    rows = group_rows(evaluated_groups(held, truth(held), {}, face_rules()))
    assert rows[0] | {"below": []} == {
        "group": "all faces", "basis": "all", "faces": 10, "clean_face_iou": 100.0, "pasted_face_iou": 100.0,
        "occluder_taken_for_face": 0.0, "below": [],
    }  # fmt: skip
    assert not any(row["below"] for row in rows)


def test_a_group_below_the_mean_is_marked_in_its_column(held):
    worse = held.pasted_labels.copy()
    worse[:, :64] = 0
    copies = {"halved": (held, Predictions(held.clean_labels, worse))}
    rows = group_rows(evaluated_groups(held, truth(held), copies, face_rules()))
    assert rows[-1]["below"] == ["pasted"]
    text = held_out_text(_result(rows))
    assert "occluded: more than 3 below all faces" in text


def test_a_small_group_is_counted_and_not_judged(held):
    one = named(held, *["sfhq_t2i/1_hats_00_00"] * 7)
    wrong = Predictions(np.zeros_like(held.clean_labels), np.zeros_like(held.pasted_labels))
    row = next(row for row in group_rows(evaluated_groups(one, wrong, {}, face_rules())) if row["group"] == "hats")
    assert (row["faces"], row["clean_face_iou"], row["below"]) == (7, None, [])


def test_copies_keep_the_truth_and_change_the_picture(held, folders):
    copies = altered_copies(held, load_faces(folders[0], "held out"), Occluders(folders[1], "held out"))
    assert len(copies) == 5
    for name, copy in copies.items():
        assert (copy.clean != held.clean).any()
        assert copy.names == held.names
        assert (copy.clean_labels == held.clean_labels).all() == ("turned" not in name)


def test_four_stops_less_leave_a_sixteenth_of_the_light():
    dark = change_exposure(np.full((1, 1, 3), 200, np.uint8), -4)
    assert (dark[0, 0, 0] / 255) ** 2.2 == pytest.approx((200 / 255) ** 2.2 / 16, rel=0.03)
    assert change_exposure(dark * 0 + 200, 2).max() == 255


def test_a_coarse_picture_keeps_its_size_and_loses_its_detail():
    fine = np.indices((128, 128)).sum(axis=0)[..., None].repeat(3, axis=2).astype(np.uint8) % 2 * 255
    seen = reduce_resolution(fine, 60)
    assert seen.shape == fine.shape
    assert seen.std() < fine.std() / 2


def test_sheet_shows_a_group_whose_face_is_nowhere_visible(held, tmp_path):
    hidden = replace(held, pasted_labels=np.where(held.pasted_labels == FACE, 2, held.pasted_labels))
    sheet = write_groups_sheet(tmp_path / "groups.png", evaluated_groups(hidden, truth(hidden), {}, face_rules()))
    assert sheet.stat().st_size > 1000


def _result(rows):
    metrics = {"face_iou": 1.0}
    return {
        "model": "a model", "faces": 10, "clean": metrics, "pasted": metrics, "groups": rows,
        "pasted_face_iou_by_occluder": {}, "pasted_face_iou_by_set": {},
    }  # fmt: skip
