from dataclasses import replace

import cv2
import numpy as np
import pytest

from engines.spec import PART_LABELS
from train.labels.morphology import ellipse, iou
from train.parts.landmark_outlines import polygon_mask
from train.parts.photo.bare_skin import bare_skin
from train.parts.photo.depth import depth_cm, hair_depth
from train.parts.photo.mesh import FRONT, LEFT_EAR, NECK, NOTHING, RIGHT_EAR, SKULL
from train.parts.photo.part_labels import ID, Sources, part_labels, skin_and_hair

SHAPE = (200, 200)
SKIN, DARK, BLUE = (200, 150, 130), (40, 30, 25), (60, 90, 200)


def landmarks():
    """Only what decides above and below: a face 100 px high; rings and brows lie far outside."""
    points = np.full((478, 3), -500, np.float32)
    points[10, :2], points[152, :2] = (100, 60), (100, 160)
    points[168, :2], points[2, :2] = (100, 95), (100, 120)
    return points


def scene(**changes):
    """A face with hair on top and an ear on its left side, before blue."""
    face, cap = ellipse(SHAPE, (100, 110), 40, 52), ellipse(SHAPE, (100, 80), 52, 58)
    ear = ellipse(SHAPE, (146, 108), 9, 16)
    hair = ((cap > 0) & (face == 0) & (np.mgrid[:200, :200][0] < 88)).astype(np.uint8)
    rgb = np.full((*SHAPE, 3), BLUE, np.uint8)
    for mask, colour in ((hair, DARK), (ear, SKIN), (face, SKIN)):
        rgb[mask > 0] = colour
    nothing = np.zeros(SHAPE, np.uint8)
    sources = Sources(rgb, landmarks(), face, hair.astype(np.float32), nothing, nothing, nothing)
    return replace(sources, **changes), ear & (1 - face) & (1 - hair)


def test_a_polygon_covers_its_own_area():
    box = np.array([(10.25, 10.25), (20.75, 10.25), (20.75, 14.75), (10.25, 14.75)], np.float32)
    mask = polygon_mask(box, (40, 40))
    assert mask[10:15, 10:21].all()
    assert mask.sum() == 5 * 11
    assert not polygon_mask(box - 100, (40, 40)).any()


def test_opencvs_own_polygon_is_too_large():
    box = np.array([(10.6, 10.6), (20.4, 10.6), (20.4, 14.4), (10.6, 14.4)], np.float32)
    filled = np.zeros((40, 40), np.uint8)
    cv2.fillPoly(filled, [np.round((box - 0.5) * 16).astype(np.int32)], 1, shift=4)
    assert polygon_mask(box, (40, 40)).sum() < filled.sum()


def test_an_ear_goes_as_far_as_the_picture_has_it():
    shifted = ellipse(SHAPE, (152, 112), 8, 14)  # the fitted ear is off
    sources, truth = scene()
    taken = ((sources.labels > 0) | (sources.hair > 0.5)).astype(np.uint8)
    found = bare_skin(sources.rgb, shifted, sources.labels, taken, 100)
    assert iou(found, truth) > 0.75 > iou(shifted & (1 - taken), truth)


def test_no_ear_where_hair_is_before_it():
    sources, _ = scene(left_ear=ellipse(SHAPE, (146, 108), 9, 16))
    hair = np.maximum(sources.hair, ellipse(SHAPE, (146, 108), 18, 26) * np.float32(1))
    rgb = np.where((hair > 0)[:, :, None] & (sources.labels == 0)[:, :, None], np.uint8(DARK), sources.rgb)
    labels = part_labels(replace(sources, hair=hair.astype(np.float32), rgb=rgb))
    assert not (labels == ID["left ear"]).any()
    assert (part_labels(sources) == ID["left ear"]).any()


def test_an_ear_takes_the_side_that_the_head_says():
    for name in ("left ear", "right ear"):
        sources, _ = scene(**{name.replace(" ", "_"): ellipse(SHAPE, (146, 108), 9, 16)})
        found = set(np.unique(part_labels(sources)))
        assert found == {0, ID["skin"], ID["hair"], ID[name]}


def test_hair_is_not_background_between_hair_and_skin():
    sources, _ = scene()
    gap = sources.hair * 1
    gap[84:88] = 0.3  # the segmenter is unsure at the hairline
    labels = part_labels(replace(sources, hair=gap.astype(np.float32)))
    assert (labels[80:100, 95:105] > 0).all()


def test_hair_that_no_head_wears_is_left_out():
    sources, _ = scene()
    elsewhere = sources.hair.copy()
    elsewhere[170:195, 150:190] = 1
    _, hair = skin_and_hair(replace(sources, hair=elsewhere))
    assert hair[:90].any() and not hair[150:].any()


def test_what_covers_the_face_is_background_and_hair_over_it_is_hair():
    sources, _ = scene()
    labels_in = sources.labels.copy()
    labels_in[120:140, 90:110] = 2
    labels_in[60:75, 85:115] = 2
    hair = sources.hair.copy()
    hair[60:75, 85:115] = 0.9
    labels = part_labels(replace(sources, labels=labels_in, hair=hair))
    assert (labels[123:137, 93:107] == 0).all()
    assert (labels[64:71, 90:110] == ID["hair"]).all()


def test_a_bald_scalp_is_skin_and_a_cap_is_not():
    head = ellipse(SHAPE, (100, 95), 44, 75)
    scalp = ((head > 0) & (np.mgrid[:200, :200][0] < 70)).astype(np.uint8)
    sources, _ = scene(hair=np.zeros(SHAPE, np.float32), head=head)
    for colour, expected in ((SKIN, True), ((20, 120, 40), False)):
        rgb = np.full((*SHAPE, 3), BLUE, np.uint8)
        rgb[scalp > 0], rgb[sources.labels > 0] = colour, SKIN
        labels = part_labels(replace(sources, rgb=rgb))
        assert bool((labels[30:50, 95:105] == ID["skin"]).mean() > 0.9) == expected


def test_labels_are_the_engines_own():
    assert [ID[name] for name in PART_LABELS] == list(range(13))


def test_hair_stands_before_the_skull_and_thins_out_at_its_rim():
    surface = np.zeros(SHAPE, np.float32)
    surface[40:160, 60:140] = 80
    hair = np.zeros(SHAPE, np.uint8)
    hair[30:90, 40:160] = 1  # beside the head, too
    depth = hair_depth(surface, hair, 10)
    assert (depth[hair == 0] == 0).all() and (depth[hair > 0] > 0).all()
    assert depth[60, 100] < depth[31, 100] < 80
    assert depth[60, 45] == pytest.approx(80, abs=2.5)


def test_hair_without_a_head_has_no_depth():
    assert not hair_depth(np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.uint8), 10).any()


def test_depth_ends_where_the_labels_do():
    region = np.full((60, 60), NOTHING, np.uint8)
    region[10:40, 20:40], region[40:58, 24:36], region[15:30, 40:44] = FRONT, NECK, LEFT_EAR
    surface = np.where(region > 0, 70 + region, 0).astype(np.float32)
    parts = np.zeros((60, 60), np.uint8)
    parts[12:40, 18:38], parts[15:30, 40:46] = ID["skin"], ID["left ear"]
    covered = np.zeros((60, 60), np.uint8)
    parts[30:36, 25:30], covered[30:36, 25:30] = 0, 1
    depth = depth_cm(surface, region, parts, covered, 5)
    assert (depth[12:30, 18:38] == 70 + FRONT).all()  # also where the label reaches beyond the surface
    assert (depth[15:30, 40:46] == 70 + LEFT_EAR).all()
    assert (depth[42:58, 24:36] == 70 + NECK).all() and (parts[42:58] == 0).all()
    assert not depth[30:36, 25:30].any()  # nobody knows how far what covers the face is
    assert not depth[10:12].any()


def test_regions_are_apart():
    assert len({NOTHING, FRONT, LEFT_EAR, RIGHT_EAR, NECK, SKULL}) == 6
