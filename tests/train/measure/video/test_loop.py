"""Composed scenes with a drawn face, through the real loop with a fake detector and a fake engine."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from realtime.frames.types import Detection
from realtime.render.registry import renderers
from tests.fakes.pipeline import BLUE, GREY, RED, FakeEngine
from train.measure.video.loop import observe, run_scene
from train.measure.video.scenes.composer import Layer, Scene, compose
from train.measure.video.scenes.sprites import Pose, Sprite, always, between, still, through
from train.measure.video.scores import score

SIZE = (320, 240)
WALL = np.full((240, 320, 3), GREY, np.uint8)
FACE_POSE = Pose(160, 120, 80)


def ellipse(colour, is_face):
    """A sprite of 72 x 100 px: an ellipse."""
    alpha = np.zeros((120, 100), np.uint8)
    cv2.ellipse(alpha, (50, 60), (36, 50), 0, 0, 360, 255, -1, cv2.LINE_AA)
    rgb = (alpha[..., None] / 255 * np.array(colour)).astype(np.uint8)
    return Sprite(rgb, alpha, alpha if is_face else np.zeros_like(alpha), (14, 10, 86, 110))


def face_layer(path, face_id=1):
    return Layer(always(ellipse(RED, True)), path, face_id)


class RedDetector:
    """Finds red ellipses."""

    def detect(self, frame, *, low_confidence=False):
        from realtime.video.av_frame import rgb_from_frame

        rgb = rgb_from_frame(frame).astype(int)
        red = (rgb[..., 0] - rgb[..., 2] > 60).astype(np.uint8)
        _, _, boxes, _ = cv2.connectedComponentsWithStats(red)
        return [Detection((x, y, x + w, y + h), 0.95) for x, y, w, h, area in boxes[1:].tolist() if area > 100]

    def detect_in_tiles(self, frame, tiles, *, low_confidence=False):
        return []


def test_truth_is_what_is_drawn() -> None:
    ((picture, truth),) = compose(Scene(SIZE, 1, lambda _: WALL, (face_layer(still(FACE_POSE)),), kind="image"))
    (face,) = truth.faces
    assert face.box_xyxy == pytest.approx((160 - 28.8, 80, 160 + 28.8, 160))
    assert face.visible_share == pytest.approx(1.0, abs=0.02)
    assert ((picture[..., 0] > 160) == (truth.ids == 1)).mean() > 0.995


def block(x):
    """A blue square of 100 px whose centre lies at x."""
    plane = np.full((40, 40), 255, np.uint8)
    sprite = Sprite(np.full((40, 40, 3), BLUE, np.uint8), plane, np.zeros_like(plane), (0, 0, 40, 40))
    return Layer(always(sprite), still(Pose(x, 120, 100)))


@pytest.mark.parametrize(
    ("face_x", "block_x", "share"),
    [(160, 260, 1.0), (160, 110, 0.5), (160, 160, 0.0), (0, 260, 0.5), (-40, 260, 0.0)],
)
def test_what_is_covered_or_beyond_the_edge_is_not_visible(face_x, block_x, share) -> None:
    layers = (face_layer(still(Pose(face_x, 120, 80))), block(block_x))
    ((_, truth),) = compose(Scene(SIZE, 1, lambda _: WALL, layers, kind="image"))
    assert truth.faces[0].visible_share == pytest.approx(share, abs=0.03)


def test_a_face_turned_by_a_quarter_has_a_lying_box() -> None:
    turned = Pose(160, 120, 80, 90)
    ((_, truth),) = compose(Scene(SIZE, 1, lambda _: WALL, (face_layer(still(turned)),), kind="image"))
    assert truth.faces[0].box_xyxy == pytest.approx((120, 120 - 28.8, 200, 120 + 28.8))
    assert cv2.boundingRect((truth.ids > 0).astype(np.uint8))[2:] == (
        pytest.approx(80, abs=1.5),
        pytest.approx(58, abs=1.5),
    )


def test_the_loop_masks_a_face_that_moves_and_nothing_after_a_cut() -> None:
    path = between(through((0, Pose(120, 120, 80)), (30, Pose(200, 120, 80))), 0, 30)
    source, observed = observe(Scene(SIZE, 45, lambda _: WALL, (face_layer(path),)), FakeEngine(), RedDetector())
    result = score(source.truths, observed)
    assert (result.ghost_frames, result.late_frames, result.lost_frames, result.switches) == (0, 0, 0, 0)
    assert result.visible_frames == 30
    assert result.iou_sum / 30 > 0.93
    assert "labels and tracks" not in renderers()  # known only while a scene runs


def test_a_face_that_the_engine_sees_and_the_truth_does_not_is_a_ghost() -> None:
    scene = Scene(SIZE, 8, lambda _: WALL, (face_layer(still(FACE_POSE), face_id=0),))
    source, observed = observe(scene, FakeEngine(), RedDetector())
    assert score(source.truths, observed).ghost_frames == 8


def test_a_scene_is_the_same_every_time() -> None:
    scene = Scene(SIZE, 3, lambda _: WALL, (face_layer(still(FACE_POSE)),))
    once, again = ([picture for picture, _ in compose(scene)] for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    assert not np.array_equal(once[0], once[1])  # a camera's noise


def test_a_renderer_draws_the_frames_of_a_scene() -> None:
    scene = Scene(SIZE, 4, lambda _: WALL, (face_layer(still(FACE_POSE)),))
    source, drawn = run_scene(scene, FakeEngine(), RedDetector(), "blur")
    assert len(source.frames) == len(drawn) == 4
    assert drawn[0].layout == source.frames[0].layout == "yuv420p"
