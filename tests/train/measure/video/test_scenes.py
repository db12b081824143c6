"""The scenes themselves, with drawn people and occluders: what they promise is what they show."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import DataError
from train.measure.video.evaluate import _turned_mask
from train.measure.video.scenes import clips, pictures
from train.measure.video.scenes.composer import compose
from train.measure.video.scenes.sprites import Sprite


def sprite(is_face, size=(100, 120), radii=(36, 50)):
    width, height = size
    alpha = np.zeros((height, width), np.uint8)
    cv2.ellipse(alpha, (width // 2, height // 2), radii, 0, 0, 360, 255, -1)
    rgb = cv2.merge([alpha, alpha // 2, alpha // 3])
    box = (width // 2 - radii[0], height // 2 - radii[1], width // 2 + radii[0], height // 2 + radii[1])
    return Sprite(rgb, alpha, alpha if is_face else np.zeros_like(alpha), box)


class DrawnMaterial:
    """People and occluders that are ellipses, before a grey wall."""

    clip_names = ()
    occluders = Path("occluders")

    def __init__(self, occluder=None):
        self.occluder = occluder or sprite(False)

    def person(self, rng):
        return self.people(rng, 1)[0]

    def people(self, rng, count):
        return [sprite(True)] * count

    def hand(self, rng):
        return self.occluder

    def thing(self, rng):
        return self.occluder

    def wall(self, rng, size_wh):
        return np.full((size_wh[1], size_wh[0], 3), 120, np.uint8)

    clothes = wall


def truths(build, index=0):
    scene = build(DrawnMaterial(), np.random.default_rng(index), index)
    return scene, [truth for _, truth in compose(scene)]


def shares(truth):
    return {face.face_id: face.visible_share for face in truth.faces}


@pytest.mark.parametrize("index", [1, 3])
def test_no_face_is_in_the_shot_after_a_cut_to_a_wall(index) -> None:
    scene, found = truths(clips.cut_to_wall, index)
    (cut,) = scene.cuts
    assert [bool(truth.ids.any()) for truth in found] == [frame < cut for frame in range(scene.frames)]


@pytest.mark.parametrize("index", [1, 2, 4, 5])
def test_who_leaves_is_gone_for_the_last_forty_frames(index) -> None:
    _, found = truths(clips.leaving, index)
    assert shares(found[0])[1] > 0.97
    assert not any(truth.ids.any() for truth in found[-39:])


@pytest.mark.parametrize("index", [0, 1])
def test_a_covered_face_is_covered_for_two_seconds(index) -> None:
    scene, found = truths(clips.fully_covered, index)
    first, end = scene.fully_covered
    assert end - first >= 60
    assert max(shares(truth)[1] for truth in found[first:end]) < 0.06
    assert min(shares(found[0])[1], shares(found[-1])[1]) > 0.97


def test_an_occluder_that_covers_no_face_is_refused() -> None:
    thin = sprite(False, radii=(2, 50))
    with pytest.raises(DataError, match="covers a whole face"):
        clips.fully_covered(DrawnMaterial(thin), np.random.default_rng(0), 0)


def test_people_who_cross_change_sides_and_one_hides_the_other() -> None:
    _, found = truths(clips.crossing)
    first, last = ({face.face_id: face.box_xyxy[0] for face in truth.faces} for truth in (found[0], found[-1]))
    assert first[1] < first[2]
    assert last[1] > last[2]
    assert min(shares(truth)[1] for truth in found) < 0.5


@pytest.mark.parametrize("angle", pictures.TURNED_ANGLES)
def test_a_turned_picture_is_the_upright_one_turned(angle) -> None:
    upright, turned = (
        next(iter(compose(pictures.turned(DrawnMaterial(), np.random.default_rng(3), degrees))))[1].ids > 0
        for degrees in (0, angle)
    )
    expected = _turned_mask(upright, angle)
    assert (turned & expected).sum() / (turned | expected).sum() > 0.98


@pytest.mark.parametrize("index", range(4))
def test_half_of_a_face_lies_beyond_the_edge(index) -> None:
    _, (truth,) = truths(pictures.half_outside, index)
    assert shares(truth)[1] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("build", "people"), [(pictures.crowd_of_24, 24), (pictures.crowd_of_60, 60)])
def test_everybody_in_a_crowd_can_be_seen(build, people) -> None:
    _, (truth,) = truths(build)
    assert len(truth.faces) == people
    assert min(shares(truth).values()) > 0.75
