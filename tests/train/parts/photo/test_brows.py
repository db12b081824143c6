import cv2
import numpy as np
import pytest

from train.labels.morphology import iou
from train.parts.photo.brows import LEFT_BROW, RIGHT_BROW, brow_mask

SIZE = 256


def landmarks_with_brow(lift=0.0):
    """A face 160 px high; both brows lie where a drawn one does, raised as FaceMesh's are by `lift` pixels."""
    points = np.zeros((478, 3), np.float32)
    points[10, :2], points[152, :2] = (128, 40), (128, 200)
    along = np.linspace(0, 1, 5)
    bow = 6 * np.sin(along * 2.5)
    for (upper, lower), sign in ((LEFT_BROW, 1), (RIGHT_BROW, -1)):
        x = 128 + sign * (14 + 44 * along)
        points[list(upper), :2] = np.stack([x, 92 - bow - lift - 3], axis=1)
        points[list(lower), :2] = np.stack([x, 92 - bow - lift + 3], axis=1)
    for ring, sign in (((362, 398, 384, 385, 386, 387, 388, 466, 263), 1),
                       ((133, 173, 157, 158, 159, 160, 161, 246, 33), -1)):  # fmt: skip
        x = 128 + sign * np.linspace(16, 48, 9)
        points[list(ring), :2] = np.stack([x, 114 - 5 * np.sin(np.linspace(0, np.pi, 9))], axis=1)
    return points


def drawn(dark=70, thickness=9):
    """A picture with a dark left brow, and the brow's mask."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    along = np.linspace(0, 1, 40)
    line = np.stack([128 + 14 + 44 * along, 94 - 6 * np.sin(along * 2.5)], axis=1)
    cv2.polylines(mask, [np.round(line * 16).astype(np.int32)], False, 1, thickness, cv2.LINE_8, 4)
    rgb = np.full((SIZE, SIZE, 3), 190, np.uint8)
    rgb[mask > 0] = 190 - dark
    noise = np.random.default_rng(0).normal(0, 4, rgb.shape)
    return (rgb + noise).clip(0, 255).astype(np.uint8), mask


def test_a_dark_brow_is_found_where_the_picture_has_it():
    rgb, truth = drawn()
    assert iou(brow_mask(rgb, landmarks_with_brow(lift=4), left=True), truth) > 0.7


def test_the_plain_strip_of_landmarks_misses_half_of_it():
    _, truth = drawn()
    upper, lower = LEFT_BROW
    strip = np.zeros_like(truth)
    points = landmarks_with_brow(lift=4)
    outline = np.concatenate([points[list(upper), :2], points[list(lower[::-1]), :2]])
    cv2.fillPoly(strip, [np.round(outline).astype(np.int32)], 1)
    assert iou(strip, truth) < 0.6


@pytest.mark.parametrize("thickness", [5, 13])
def test_thickness_follows_the_picture(thickness):
    rgb, truth = drawn(thickness=thickness)
    found = brow_mask(rgb, landmarks_with_brow(), left=True)
    assert found.sum() == pytest.approx(truth.sum(), rel=0.45)


def test_pale_brows_lie_as_brows_do_on_average():
    rgb, truth = drawn(dark=0)
    found = brow_mask(rgb, landmarks_with_brow(), left=True)
    assert iou(found, truth) > 0.35
    assert 0.3 < found.sum() / truth.sum() < 2


def test_each_side_has_its_own():
    rgb, _ = drawn()
    columns = [np.flatnonzero(brow_mask(rgb, landmarks_with_brow(), left=left).any(axis=0)) for left in (True, False)]
    assert columns[0].min() > 128 > columns[1].max()


def test_a_brow_outside_the_picture_is_empty():
    rgb, _ = drawn()
    points = landmarks_with_brow() + np.float32([400, 0, 0])
    assert not brow_mask(rgb, points, left=True).any()
