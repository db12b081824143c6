from dataclasses import replace

import cv2
import numpy as np
import pytest

from engines.errors import DataError, UsageError
from engines.load import find_engine
from engines.manifest import read_manifest
from engines.spec import CONSENSUS_LABELS, ModelSpec
from engines.zoo import DEFAULT_MODEL
from realtime.frames.resampling import warp
from tests.train.heads.test_contour import upright_face
from train.heads.contour import contour, hull_mask, silhouette_mask
from train.labels.morphology import iou
from train.labels.teachers import engine
from train.labels.teachers.augmented_inference import FRAMINGS, Framing, average_in_picture, crop_affine
from train.labels.teachers.base import Portrait, Unusable
from train.labels.teachers.engine import EngineTeacher, Network
from train.labels.teachers.masks import MaskTeacher

SPEC = ModelSpec("fake", CONSENSUS_LABELS)
SKIN, HAND = (200, 120, 90), (0, 0, 255)  # no mixture with black, as edges have it, looks like the other


def portrait(degrees=0.0, hand=True, name="a/face"):
    """A face of one colour, a hand of another, on black."""
    landmarks = upright_face(degrees=degrees)
    full = hull_mask(landmarks, (240, 240))
    rgb = full[:, :, None] * np.array(SKIN, np.uint8)
    if hand:
        rgb[:, 110:][full[:, 110:] > 0] = HAND
    return Portrait(name, rgb, landmarks, full)


def see_colours(crops):
    """Parses by colour: what a perfect network would say of `portrait`."""
    colours = np.array([(0, 0, 0), SKIN, HAND])
    nearest = np.abs(crops[..., None, :].astype(int) - colours).sum(axis=-1).argmin(axis=-1)
    return (np.eye(3, dtype=np.uint8)[nearest] * 255).astype(np.uint8)


@pytest.fixture
def teacher(monkeypatch):
    def make(*parses):
        names = [str(i) for i in range(len(parses))]
        networks = {name: Network(name, parse, SPEC, name * 64) for name, parse in zip(names, parses, strict=True)}
        monkeypatch.setattr(engine, "open_network", lambda name, threads: networks[name])
        return EngineTeacher(",".join(names))

    return make


@pytest.mark.parametrize("degrees", [0, 25, -70])
def test_framings_see_the_face_upright_and_whole(degrees):
    face = portrait(degrees)
    for framing in FRAMINGS:
        affine = crop_affine(face.landmarks, SPEC, framing)
        outline = contour(face.landmarks, 0.16) @ affine[:, :2].T + affine[:, 2]
        assert outline.min() > 2
        assert outline.max() < 126
        up = affine[:, :2] @ (face.landmarks[10, :2] - face.landmarks[152, :2])
        assert abs(np.degrees(np.arctan2(up[0], -up[1]))) == pytest.approx(abs(framing.degrees), abs=0.1)


def test_probabilities_come_back_to_where_they_were_seen():
    face = portrait(30)
    affine = crop_affine(face.landmarks, SPEC, Framing())
    crop = warp(face.full * np.uint8(255), affine, 128).astype(np.float32) / 255
    back = average_in_picture([np.dstack([crop, crop])], [affine], (240, 240))[:, :, 0]
    assert iou((back > 0.5).astype(np.uint8), face.full) > 0.96
    shifted = affine + np.array([[0, 0, 8], [0, 0, 8]])
    off = average_in_picture([np.dstack([crop, crop])], [shifted], (240, 240))[:, :, 0]
    assert iou((off > 0.5).astype(np.uint8), face.full) < 0.9


def test_a_crop_beyond_the_picture_adds_nothing():
    far = np.array([[1.0, 0, -1000], [0, 1.0, -1000]])
    nothing = average_in_picture([np.ones((128, 128, 2), np.float32)], [far], (50, 50))
    assert nothing.shape == (50, 50, 2)
    assert not nothing.any()


def test_a_perfect_network_gives_its_own_labels(teacher):
    face = portrait()
    seen = teacher(see_colours).visible_face(face)
    assert iou(seen.mask, (face.rgb == SKIN).all(axis=2).astype(np.uint8)) > 0.95
    assert iou(seen.occlusion, (face.rgb == HAND).all(axis=2).astype(np.uint8)) > 0.95
    assert not (seen.mask & seen.occlusion).any()


def test_networks_are_averaged(teacher):
    def see_nothing(crops):
        return see_colours(np.zeros_like(crops))

    both = teacher(see_colours, see_nothing)
    face, _ = both.probabilities(portrait(hand=False).rgb, upright_face())
    assert face[120, 100] == pytest.approx(0.5, abs=0.02)
    assert both.provenance()["checkpoint_sha256"] == ["0" * 64, "1" * 64]


def test_a_lost_network_makes_the_face_unusable(teacher):
    with pytest.raises(Unusable, match=r"disagree: IoU 0\.00"):
        teacher(lambda crops: see_colours(np.zeros_like(crops))).visible_face(portrait())


def test_specks_take_the_label_around_them(teacher):
    face = portrait(hand=False)
    face.rgb[100:102, 100:102] = HAND
    seen = teacher(see_colours).visible_face(face)
    assert not seen.occlusion.any()
    face.rgb[90:120, 80:110] = HAND
    assert teacher(see_colours).visible_face(face).occlusion.any()


def test_slivers_of_occlusion_are_face(teacher):
    face = portrait(hand=False)
    face.rgb[70:150, 100:102] = HAND
    assert not teacher(see_colours).visible_face(face).occlusion.any()
    face.rgb[70:150, 95:108] = HAND
    assert teacher(see_colours).visible_face(face).occlusion.sum() > 600


def test_a_nose_beyond_the_hull_is_face_though_the_network_is_blind_to_it(teacher):
    face = portrait(hand=False)
    nose = {6: (138, 98), 197: (145, 104), 195: (152, 110), 5: (157, 115), 4: (162, 120), 1: (160, 126), 2: (138, 136)}
    face.landmarks[list(nose)] = list(nose.values())
    whole = silhouette_mask(face.landmarks, (240, 240))
    assert teacher(see_colours).visible_face(face).mask[120, 152] == 0
    assert teacher(see_colours).visible_face(replace(face, full=whole)).mask[120, 152] == 1


def test_a_shipped_engine_is_a_teacher():
    teacher = EngineTeacher(DEFAULT_MODEL)
    face, covered = teacher.probabilities(portrait().rgb, portrait().landmarks)
    assert face.shape == covered.shape == (240, 240)
    assert 0 <= face.min() <= face.max() <= 1
    assert teacher.provenance()["checkpoint_sha256"] == [read_manifest(find_engine(DEFAULT_MODEL)).checkpoint_sha256]


def write_mask(folder, mask, name="a/face"):
    path = folder / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), mask)
    return MaskTeacher(folder)


def test_masks_are_found_by_the_pictures_path(tmp_path):
    face = portrait()
    for bright in (255, 100, 1):
        seen = write_mask(tmp_path, face.full * np.uint8(bright)).visible_face(face)
        assert (seen.mask == face.full).all()
        assert seen.occlusion is None


def test_masks_of_class_ids_know_the_occlusion(tmp_path):
    face = portrait()
    ids = face.full.copy()
    ids[:, 110:] *= 2
    seen = write_mask(tmp_path, ids).visible_face(face)
    assert (seen.mask == (ids == 1)).all()
    assert (seen.occlusion == (ids == 2)).all()


def test_another_persons_mask_is_left_out(tmp_path):
    face = portrait()
    both = face.full.copy()
    both[100:140, 200:230] = 1
    assert (write_mask(tmp_path, both).visible_face(face).mask == face.full).all()
    assert (write_mask(tmp_path, both * np.uint8(255)).visible_face(face).mask == face.full).all()


def test_masks_that_do_not_fit_are_named(tmp_path):
    face = portrait()
    teacher = write_mask(tmp_path, np.zeros((10, 20), np.uint8))
    with pytest.raises(DataError, match=r"face\.png is 20x10, expected .* 240x240"):
        teacher.visible_face(face)
    (tmp_path / "a" / "face.png").write_text("no picture")
    with pytest.raises(DataError, match="unreadable"):
        teacher.visible_face(face)
    (tmp_path / "a" / "face.png").unlink()
    with pytest.raises(DataError, match=r"no mask .*face\.png"):
        teacher.visible_face(face)


def test_a_network_without_background_is_no_teacher(monkeypatch, tmp_path):
    spec = ModelSpec("odd", ("skin", "nose"))
    monkeypatch.setattr(engine, "_open_checkpoint", lambda path: Network("odd", see_colours, spec, ""))
    with pytest.raises(UsageError, match="needs background"):
        EngineTeacher(str(tmp_path / "odd.safetensors"))
