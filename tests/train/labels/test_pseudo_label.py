"""Section 3.1 of Structure via Consensus against a slow transcription of its sentences and equations."""

from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.spec import BACKGROUND, FACE, OCCLUSION
from train.heads.contour import FACE_OVAL, hull_mask
from train.heads.landmarks import CHIN, FOREHEAD
from train.labels.morphology import box_of, iou, without_specks
from train.labels.pseudo_label import (
    blobs_from_labels,
    clean_residual,
    label_face,
    labels_from_blobs,
    make_blobs,
    merge_blobs,
    paper_kernels,
    residual,
)
from train.labels.teachers.base import Unusable, VisibleFace

SIZE = 24
seeds = st.integers(0, 10_000)


def mask(seed, share=0.6):
    """Blobs rather than noise, so that morphology has something to keep."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((SIZE, SIZE)), (0, 0), 1.5)
    return (noise < np.quantile(noise, share)).astype(np.uint8)


def slow_residual(full, visible):
    rho = full.astype(int) - visible.astype(int)  # in -1, 0, 1
    return np.vectorize(lambda value: max(0, value))(rho)


def slow_morphology(rho, kernel, worst, outside):
    """At each pixel the worst (min: erosion, max: dilation) over the kernel's ones; `outside` beyond the border."""
    (rows, columns), (high, wide) = rho.shape, kernel.shape
    result = np.zeros_like(rho)
    for i, j in product(range(rows), range(columns)):
        under = [
            rho[i + y - high // 2, j + x - wide // 2]
            if 0 <= i + y - high // 2 < rows and 0 <= j + x - wide // 2 < columns
            else outside
            for y, x in product(range(high), range(wide))
            if kernel[y, x]
        ]
        result[i, j] = worst(under)
    return result


def slow_components(rho, steps):
    """Ids from 1 in reading order, by flooding."""
    ids, count = np.zeros(rho.shape, int), 0
    for start in zip(*np.nonzero(rho), strict=True):
        if ids[start]:
            continue
        count += 1
        stack = [start]
        while stack:
            i, j = stack.pop()
            if not (0 <= i < SIZE and 0 <= j < SIZE) or not rho[i, j] or ids[i, j]:
                continue
            ids[i, j] = count
            stack += [(i + y, j + x) for y, x in steps]
    return ids


EIGHT = [(y, x) for y, x in product((-1, 0, 1), repeat=2) if (y, x) != (0, 0)]
FOUR = [(-1, 0), (1, 0), (0, -1), (0, 1)]


def slow_merge(visible, rho, steps=EIGHT):
    """C(I): the components numbered from 2, the rest of f_occ 1, all else 0."""
    ids = slow_components(rho, steps)
    return np.where(ids > 0, ids + 1, visible)


def same_partition(first, second):
    """Whether two maps of ids agree up to the ids' names from 2 on."""
    pairs = set(zip(first.ravel().tolist(), second.ravel().tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) and all(
        a == b for a, b in pairs if min(a, b) < 2
    )


@given(seeds, seeds)
@settings(max_examples=30, deadline=None)
def test_equation_1_is_the_positive_part_of_the_difference(first, second):
    full, visible = mask(first), mask(second)
    assert (residual(full, visible) == slow_residual(full, visible)).all()


def test_a_difference_that_wraps_is_not_equation_1():
    full, visible = mask(1), mask(2)
    assert ((full - visible) != slow_residual(full, visible)).any()  # uint8: 0 - 1 = 255


BOX = (0.0, 0.0, 60.0, 60.0)  # a small face: kernels of 5 x 1 and 9 x 9


def slow_paper(rho, box, times=2):
    (erosion, dilation) = paper_kernels(box)
    eroded = rho
    for _ in range(times):
        eroded = slow_morphology(eroded, np.ones(erosion[::-1]), min, outside=1)
    return slow_morphology(eroded, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, dilation), max, outside=0)


@pytest.mark.parametrize("seed", range(3))
def test_paper_morphology_erodes_twice_and_dilates(seed):
    rho = mask(seed, 0.75)
    assert (clean_residual(rho, "paper", 50.0, BOX) == slow_paper(rho, BOX)).all()


def test_one_erosion_is_not_the_papers_morphology():
    masks = [mask(i, 0.75) for i in range(3)]
    assert any((clean_residual(rho, "paper", 50.0, BOX) != slow_paper(rho, BOX, times=1)).any() for rho in masks)


def test_kernels_are_the_papers_at_its_size_and_scale_with_the_face():
    assert paper_kernels((0, 0, 200, 1000 / 3)) == ((25, 7), (45, 45))
    assert paper_kernels((50, 50, 150, 50 + 500 / 3)) == ((13, 5), (23, 23))


@given(seeds, seeds)
@settings(max_examples=30, deadline=None)
def test_components_merge_with_the_visible_face(first, second):
    visible, rho = mask(first), mask(second, 0.3)
    assert same_partition(merge_blobs(visible, rho), slow_merge(visible, rho))


def test_four_connected_components_are_told_apart():
    corner = np.zeros((SIZE, SIZE), np.uint8)
    corner[2:4, 2:4] = corner[4:6, 4:6] = 1
    nothing = np.zeros_like(corner)
    assert same_partition(merge_blobs(nothing, corner), slow_merge(nothing, corner))
    assert not same_partition(merge_blobs(nothing, corner), slow_merge(nothing, corner, FOUR))


def test_equation_2_names_background_face_and_occlusion():
    assert labels_from_blobs(np.array([[0, 1, 2, 3, 255]], np.uint8)).tolist() == [
        [BACKGROUND, FACE, OCCLUSION, OCCLUSION, OCCLUSION]
    ]


def test_many_components_share_the_last_id():
    dots = np.zeros((64, 64), np.uint8)
    dots[::2, ::2] = 1
    assert merge_blobs(np.zeros_like(dots), dots).max() == 255


def test_thin_drops_slivers_and_keeps_the_rest_as_it_is():
    rho = np.zeros((100, 100), np.uint8)
    rho[10:90, 10:14] = 1
    rho[40:70, 40:70] = 1
    kept = clean_residual(rho, "thin", 80.0, (0, 0, 80, 100))
    assert not kept[10:90, 10:14].any()
    assert (kept[40:70, 40:70] == 1).all()
    assert (clean_residual(rho, "none", 80.0, (0, 0, 80, 100)) == rho).all()


def test_a_teacher_that_sees_occlusion_needs_no_residual():
    full = np.zeros((40, 40), np.uint8)
    full[5:35, 5:35] = 1
    visible, hand = full.copy(), np.zeros_like(full)
    visible[:, 20:] = 0  # the network sees background where the contour, wrongly, reaches
    hand[20:30, 10:20] = 1
    seen = VisibleFace(visible & (hand == 0), hand)
    assert (make_blobs(full, seen, "thin", 30.0) == 2).sum() == hand.sum()
    assert (make_blobs(full, VisibleFace(seen.mask), "thin", 30.0) >= 2).sum() > hand.sum()


def test_blobs_number_each_occlusion():
    labels = np.zeros((20, 20), np.uint8)
    labels[2:18, 2:18] = FACE
    labels[4:6, 4:6] = OCCLUSION
    labels[10:14, 10:14] = OCCLUSION
    blobs = blobs_from_labels(labels)
    assert sorted(np.unique(blobs)) == [0, 1, 2, 3]
    assert (blobs[labels == FACE] == 1).all()


def test_box_of_an_empty_mask_is_empty():
    assert box_of(np.zeros((5, 5), np.uint8)) == (0.0, 0.0, 0.0, 0.0)


def test_box_holds_every_pixel_and_no_more():
    filled = np.zeros((10, 12), np.uint8)
    filled[3:6, 4:9] = 1
    assert box_of(filled) == (4.0, 3.0, 9.0, 6.0)


def test_specks_and_pinholes_go_and_the_rest_stays():
    filled = np.zeros((30, 30), np.uint8)
    filled[5:25, 5:25] = 1
    dirty = filled.copy()
    dirty[1, 1], dirty[12, 12] = 1, 0
    assert (without_specks(dirty, 4) == filled).all()
    assert (without_specks(dirty, 1) == dirty).all()


def test_iou_of_nothing_is_whole():
    assert iou(np.zeros((3, 3), np.uint8), np.zeros((3, 3), np.uint8)) == 1.0
    assert iou(np.eye(2, dtype=np.uint8), np.ones((2, 2), np.uint8)) == 0.5


class Landmarks:
    def __init__(self, found):
        self.found = found

    def landmarks(self, rgb):
        return self.found


class Half:
    """Sees the left half of the contour."""

    max_occluded_share = 0.6

    def visible_face(self, portrait):
        seen = portrait.full.copy()
        seen[:, 50:] = 0
        return VisibleFace(seen)


def oval_landmarks():
    angles = np.linspace(-np.pi / 2, 1.5 * np.pi, len(FACE_OVAL), endpoint=False)
    landmarks = np.full((478, 3), 50, np.float32)
    landmarks[list(FACE_OVAL), :2] = np.stack([50 + 30 * np.cos(angles), 50 + 40 * np.sin(angles)], axis=1)
    assert landmarks[FOREHEAD, 1] < landmarks[CHIN, 1]
    return landmarks


def test_half_a_face_is_labelled_half_occluded():
    rgb = np.zeros((100, 100, 3), np.uint8)
    found = label_face(rgb, Landmarks(oval_landmarks()), Half(), hull_mask, "thin")
    assert (found.labels == FACE).sum() == pytest.approx((found.labels == OCCLUSION).sum(), rel=0.05)
    assert found.box_xyxy == pytest.approx((20, 10, 80, 90), abs=1.5)
    assert (labels_from_blobs(found.blobs) == found.labels).all()


def test_faces_that_cannot_be_labelled_say_why():
    rgb, half = np.zeros((100, 100, 3), np.uint8), Half()
    with pytest.raises(Unusable, match="no face found"):
        label_face(rgb, Landmarks(None), half, hull_mask, "thin")
    with pytest.raises(Unusable, match="outside the picture"):
        label_face(rgb, Landmarks(oval_landmarks() + 500), half, hull_mask, "thin")
    half.max_occluded_share = 0.3
    with pytest.raises(Unusable, match=r"\d+% of the face is covered"):
        label_face(rgb, Landmarks(oval_landmarks()), half, hull_mask, "thin")
