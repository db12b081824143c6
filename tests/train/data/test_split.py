import pytest

from engines.errors import DataError
from train.data.split import face_rules, face_split, occluder_rules, occluder_split


def test_one_person_in_both_sets_of_portraits_falls_on_one_side():
    assert face_split("us_portraits/us-house_ron-kind") == face_split("us_portraits_grey/K000188") == "held out"
    assert face_split("us_portraits/us-senate_patrick-leahy") == face_split("us_portraits_grey/L000174") == "train"


def test_views_and_tones_of_one_occluder_fall_on_one_side():
    assert occluder_split("cloth") == occluder_split("cloth_left") == occluder_split("cloth_right") == "held out"
    assert occluder_split("1f44b-1f3fb") == occluder_split("1f44b-1f3ff") == occluder_split("1f44b")
    assert len({occluder_split(f"{digit}_IMG_477{digit}") for digit in range(10)}) == 1


def test_split_is_about_one_tenth_and_has_both_sides():
    sides = [face_split(f"set/{i}") for i in range(2000)]
    assert 0.07 < sides.count("held out") / len(sides) < 0.13


def test_faces_toml_beside_the_labels_decides(tmp_path):
    (tmp_path / "faces.toml").write_text("held_out_share = 0.5\n[held_out]\nmine = 'anna_.*|ben'\n")
    assert [face_split(f"mine/{name}", tmp_path) for name in ("Anna_1", "ben", "benjamin")] == [
        "held out", "held out", "train",
    ]  # fmt: skip
    sides = [face_split(f"other/{i}", tmp_path) for i in range(200)]
    assert 0.4 < sides.count("held out") / 200 < 0.6
    assert face_rules(tmp_path).groups == {}
    assert face_split("us_portraits/us-house_ron-kind") == "held out"  # the shipped rules are unchanged


def test_occluders_toml_in_the_folder_decides(tmp_path):
    (tmp_path / "occluders.toml").write_text("held_out = ['mug']\nobjects = ['(.*)-[0-9]+']\nheld_out_share = 0\n")
    assert {occluder_split(f"mug-{i}", tmp_path) for i in range(9)} == {"held out"}
    assert {occluder_split(f"cup-{i}", tmp_path) for i in range(9)} == {"train"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("held_out_share = ", "is no TOML file"),
        ("held_share = 0.1", "has the key 'held_share'; expected held_out_share, held_out, groups"),
        ("held_out = 'x'", "held_out is 'x'; expected it as in"),
        ("[held_out]\nmine = '('", "is no regular expression"),
        ("[held_out]\nmine = 3", "got 3, expected a pattern in quotes"),
        ("[groups]\nmine = 'x'", "groups.mine is 'x'; expected a table"),
    ],
)
def test_damaged_faces_toml_is_refused(tmp_path, text, message):
    (tmp_path / "faces.toml").write_text(text)
    with pytest.raises(DataError, match=message):
        face_rules(tmp_path)


def test_object_pattern_without_a_group_is_refused(tmp_path):
    (tmp_path / "occluders.toml").write_text("objects = ['mug-.*']")
    with pytest.raises(DataError, match=r"'mug-\.\*' has no \(group\)"):
        occluder_rules(tmp_path)
