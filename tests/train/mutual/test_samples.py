import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.errors import DataError  # noqa: E402
from tests.fakes.parts import HAIR, LEFT_EYE, RIGHT_EYE, SKIN, write_parts  # noqa: E402
from tests.fakes.training import write_occluders  # noqa: E402
from train.mutual.config import MutualConfig  # noqa: E402
from train.mutual.depth_noise import as_measured  # noqa: E402
from train.mutual.faces import crop_from_store, load_faces, with_depth  # noqa: E402
from train.mutual.networks import spec_of  # noqa: E402
from train.mutual.samples import PartsSupply, cut  # noqa: E402
from train.occluders.kinds import Occluders  # noqa: E402

CONFIG = MutualConfig((Path("parts"),), Path("run"), size_px=64)
SPEC = spec_of(CONFIG)
STRAIGHT = crop_from_store(SPEC, np.eye(3))
MIRRORED = crop_from_store(SPEC, np.diag([-1.0, 1.0, 1.0]))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_parts(tmp_path_factory.mktemp("data") / "parts", photographs=12, synthetic=8)


@pytest.fixture(scope="module")
def faces(data):
    return load_faces([data], "train", SPEC)


@pytest.fixture(scope="module")
def occluders(tmp_path_factory):
    return Occluders(write_occluders(tmp_path_factory.mktemp("occluders")), "train")


def middle_x(mask):
    return float(np.nonzero(mask)[1].mean())


def test_both_kinds_are_read_and_only_of_one_side(data, faces):
    assert sum(face.synthetic for face in faces) == 4
    assert sum(not face.synthetic for face in faces) == 6
    held = load_faces([data], "held out", SPEC)
    assert {face.name for face in held}.isdisjoint(face.name for face in faces)


def test_faces_with_a_word_in_their_names_are_left_out_in_any_case(data, faces):
    word = faces[0].name.upper()
    kept = load_faces([data], "train", SPEC, leave_out=[word])
    assert [face.name for face in kept] == [face.name for face in faces if word.lower() not in face.name.lower()]
    assert len(kept) < len(faces) == len(load_faces([data], "train", SPEC, leave_out=["no such word"]))


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        load_faces([tmp_path / "nowhere"], "train", SPEC)


def test_side_without_faces_is_named(tmp_path):
    folder = write_parts(tmp_path / "parts", photographs=0, synthetic=1)  # the one is held out
    with pytest.raises(DataError, match="split 'train'"):
        load_faces([folder], "train", SPEC)


def test_crop_is_centred_on_the_box_at_the_spec_s_scale(faces):
    crop = cut(faces[0], SPEC, STRAIGHT)
    eyes = (crop.parts == LEFT_EYE) | (crop.parts == RIGHT_EYE)
    assert middle_x(eyes) == pytest.approx(SPEC.size_px / 2, abs=1)
    # The drawn skin is 53 px high (and its box 52), of which the crop shows twice.
    height = np.ptp(np.nonzero(crop.parts == SKIN)[0]) + 1
    assert height == pytest.approx(SPEC.size_px / 2 * 53 / 52, abs=2)


def test_subject_s_left_eye_is_right_in_the_picture_mirrored_or_not(faces):
    for affine in (STRAIGHT, MIRRORED):
        crop = cut(faces[0], SPEC, affine)
        assert middle_x(crop.parts == LEFT_EYE) > middle_x(crop.parts == RIGHT_EYE) + 5


def test_mirrored_pixels_change_sides_with_their_labels(faces):
    """The drawn left eye is green. In the mirror image green is on the left, and there the right eye is."""
    plain, mirrored = (cut(faces[0], SPEC, affine) for affine in (STRAIGHT, MIRRORED))
    assert plain.rgb[plain.parts == LEFT_EYE].mean(axis=0).argmax() == 1
    assert mirrored.rgb[mirrored.parts == LEFT_EYE].mean(axis=0).argmax() == 2
    assert np.abs(mirrored.rgb[:, ::-1].astype(int) - plain.rgb).mean() < 1


@pytest.mark.parametrize("augment", ["flips", "all"])
def test_every_sample_has_its_left_eye_on_the_right(augment, faces):
    supply = PartsSupply(faces, None, SPEC, dataclasses.replace(CONFIG, augment=augment))
    rng = np.random.default_rng(0)
    seen = set()
    for index in rng.integers(10_000, size=40):
        sample = supply["all", int(index)]
        left, right = sample.parts == LEFT_EYE, sample.parts == RIGHT_EYE
        if left.sum() > 4 and right.sum() > 4:
            assert middle_x(left) > middle_x(right)
            seen.add(bool(sample.rgb[left][:, 1].mean() > sample.rgb[left][:, 2].mean()))
    assert seen == {True, False}, "mirrored and not"


def test_no_sample_is_mirrored_without_augmentation(faces):
    supply = PartsSupply(faces, None, SPEC, dataclasses.replace(CONFIG, augment="none"))
    greens = [
        sample.rgb[sample.parts == LEFT_EYE].mean(axis=0).argmax() for i in range(12) if (sample := supply["all", i])
    ]
    assert set(greens) == {1}


def test_depth_is_gray_that_fits_the_parts(faces):
    crop = cut(faces[0], SPEC, STRAIGHT)
    assert np.array_equal(crop.depth > 0, crop.parts > 0)
    gray = [np.median(crop.depth[crop.parts == label]) for label in (HAIR, SKIN)]
    # Drawn 11 cm apart, hair (12) nearer than skin (1); 1.25 mm a step.
    assert gray[0] - gray[1] == pytest.approx(110 / 1.25, abs=2)


def test_same_seed_and_index_give_the_same_sample_and_others_another(faces, occluders):
    def bytes_of(seed, item):
        sample = PartsSupply(faces, occluders, SPEC, dataclasses.replace(CONFIG, seed=seed))[item]
        return b"".join(part.tobytes() for part in (sample.rgb, sample.parts, sample.depth, sample.seen))

    assert bytes_of(0, ("all", 7)) == bytes_of(0, ("all", 7))
    assert (
        len({bytes_of(*key) for key in ((0, ("all", 7)), (1, ("all", 7)), (0, ("all", 8)), (0, ("measured", 7)))}) == 4
    )


def test_what_is_covered_is_background_and_not_drawn_by_the_translator(faces, occluders):
    bare, covered = (PartsSupply(faces, with_these, SPEC, CONFIG) for with_these in (None, occluders))
    hidden = 0
    for index in range(30):
        one, two = bare["all", index], covered["all", index]
        gone = (one.parts > 0) & (two.parts == 0)
        hidden += int(gone.sum())
        assert np.array_equal(one.parts[~gone], two.parts[~gone])
        assert not two.depth[gone].any()
    assert hidden > 1000


def test_smaller_depth_share_lies_within_a_larger_one(faces):
    few, many = (with_depth(faces, share) for share in (0.2, 0.6))
    assert (len(few), len(many)) == (2, 6)
    assert {face.name for face in few} < {face.name for face in many}


def test_measured_samples_come_from_the_share_alone(faces):
    config = dataclasses.replace(CONFIG, augment="none", depth_share=0.1)
    supply = PartsSupply(faces, None, SPEC, config)
    distinct = {stream: len({supply[stream, i].rgb.tobytes() for i in range(40)}) for stream in ("all", "measured")}
    assert distinct["measured"] == 2  # one photograph and one synthetic head
    assert distinct["all"] > 6


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_synthetic_share_is_kept(share, expected, faces):
    synthetic = {cut(f, SPEC, STRAIGHT).rgb.tobytes() for f in faces if f.synthetic}
    supply = PartsSupply(faces, None, SPEC, dataclasses.replace(CONFIG, augment="none", synthetic_share=share))
    found = np.mean([supply["all", i].rgb.tobytes() in synthetic for i in range(100)])
    assert found == pytest.approx(expected, abs=0.15)


def test_folder_of_one_kind_is_used_whatever_the_share(faces):
    heads = [face for face in faces if face.synthetic]
    assert PartsSupply(heads, None, SPEC, CONFIG)["all", 0].parts.any()
    with pytest.raises(DataError, match="synthetic_share is 0"):
        PartsSupply(heads, None, SPEC, dataclasses.replace(CONFIG, synthetic_share=0.0))


def test_camera_s_noise_is_small_where_nothing_covers_and_an_occluder_is_nearer_or_a_hole():
    depth = np.zeros((64, 64), np.float32)
    depth[16:48, 16:48] = 0.6
    covered = np.zeros((64, 64), bool)
    covered[30:50, 30:60] = True
    near = nearer = holes = 0
    for seed in range(60):
        seen = as_measured(depth, covered, np.random.default_rng(seed))
        there = ~covered & (depth > 0) & (seen > 0)
        near += bool(np.median(np.abs(seen - depth)[there]) < 0.003)
        on = seen[covered & (depth > 0)]
        nearer += bool(np.median(on) > 0) and float(np.median(on)) < 0.6
        holes += bool(np.median(on) == 0)
    assert near > 50
    assert nearer > 20
    assert holes > 10


def test_nothing_measured_stays_nothing():
    nothing = np.zeros((8, 8), np.float32)
    assert not as_measured(nothing, nothing > 0, np.random.default_rng(0)).any()
