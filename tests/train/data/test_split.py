from train.data.split import face_split, occluder_split


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
