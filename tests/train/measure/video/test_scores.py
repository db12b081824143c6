"""Each score on truths and masks that are written by hand, so that the right value is known."""

from __future__ import annotations

import numpy as np
import pytest

from engines.spec import FACE, OCCLUSION
from realtime.frames.types import Frame
from train.measure.video.blurred import blur_score
from train.measure.video.edges import edge_lag, flicker
from train.measure.video.scenes.truth import FaceTruth, Observed, Truth
from train.measure.video.scores import face_stories, false_faces, ghost_frames, identity_switches, score, survives

SIDE = 100
BOX = (20, 20, 60, 60)


def truth(box=BOX, visible=1.0, face_id=1):
    ids = np.zeros((SIDE, SIDE), np.uint8)
    left, top, right, bottom = box
    ids[top:bottom, left : left + round((right - left) * visible)] = face_id
    return Truth(ids, (FaceTruth(face_id, box, visible),))


NOBODY = Truth(np.zeros((SIDE, SIDE), np.uint8), ())


def shown(box=BOX, track=1, label=FACE):
    labels, tracks = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint16)
    if box:
        left, top, right, bottom = box
        labels[top:bottom, left:right], tracks[top:bottom, left:right] = label, track
    return Observed(labels, tracks)


NOTHING = shown(None)


def test_a_mask_after_a_cut_is_a_ghost_from_the_first_frame_on() -> None:
    truths = [truth(), NOBODY, NOBODY, NOBODY]
    assert ghost_frames(truths, [shown(), shown(), shown(), NOTHING]) == [1, 2]


def test_an_occlusion_near_a_hidden_face_is_no_ghost_and_one_far_away_is() -> None:
    near, far = shown((30, 62, 50, 70), label=OCCLUSION), shown((80, 80, 99, 99), label=OCCLUSION)
    assert ghost_frames([truth(visible=0.0)] * 2, [near, far]) == [1]


def test_frames_before_the_first_mask_are_late_and_those_after_it_are_lost() -> None:
    truths = [truth(visible=0.2), truth(), truth(), truth(), truth(), truth()]
    result = score(truths, [NOTHING, NOTHING, NOTHING, shown(), NOTHING, shown()])
    assert (result.late_frames, result.faces_late, result.lost_frames) == (2, 1, 1)
    assert (result.visible_frames, result.iou_sum) == (5, pytest.approx(2.0))


def test_a_face_that_is_never_masked_is_late_in_every_frame_and_never_lost() -> None:
    result = score([truth()] * 4, [shown((60, 60, 90, 90))] * 4)
    assert (result.late_frames, result.lost_frames) == (4, 0)


def test_two_faces_that_exchange_their_tracks_count_twice() -> None:
    both = Truth(
        truth().ids + truth((70, 20, 99, 60), face_id=2).ids,
        (FaceTruth(1, BOX, 1.0), FaceTruth(2, (70, 20, 99, 60), 1.0)),
    )

    def pair(one, other):
        first, second = shown(track=one), shown((70, 20, 99, 60), track=other)
        return Observed(first.labels | second.labels, first.tracks + second.tracks)

    stories = face_stories([both] * 3, [pair(1, 2), pair(1, 2), pair(2, 1)])
    assert sum(identity_switches(story) for story in stories.values()) == 2


@pytest.mark.parametrize(("track_after", "back_after", "survived"), [(1, 2, True), (2, 2, False), (1, 8, False)])
def test_a_covered_face_survives_if_its_track_is_back_in_time(track_after, back_after, survived) -> None:
    truths = [truth()] * 3 + [truth(visible=0.0)] * 4 + [truth()] * 12
    hidden = [NOTHING] * (4 + back_after)
    observed = [shown()] * 3 + hidden + [shown(track=track_after)] * (12 - back_after)
    assert survives(face_stories(truths, observed)[1], (3, 7)) is survived


def test_every_track_without_a_face_is_a_false_face() -> None:
    two = Observed(
        shown().labels | shown((70, 70, 90, 90)).labels, shown().tracks + shown((70, 70, 90, 90), track=7).tracks
    )
    assert [false_faces(NOBODY, two), false_faces(truth(), two), false_faces(NOBODY, NOTHING)] == [2, 1, 0]


def textured(seed=0):
    return np.random.default_rng(seed).integers(60, 200, (SIDE, SIDE), dtype=np.uint8)


def test_labels_that_change_on_a_still_picture_flicker() -> None:
    frames = [Frame((textured(),), "gray")] * 3
    half = shown((20, 20, 40, 60))
    shares = flicker(frames, [truth()] * 3, [shown(), shown(), half])
    assert shares == pytest.approx([0.0, 0.5], abs=0.02)


def test_labels_that_move_with_the_picture_do_not_flicker() -> None:
    wide = np.hstack([textured(1), textured(2)])
    picture = np.ascontiguousarray(np.kron(wide[:50, :60], np.ones((2, 2), np.uint8)))  # blocks, as flow needs
    frames = [Frame((np.ascontiguousarray(picture[:, x : x + SIDE]),), "gray") for x in (2, 0)]
    boxes = [(20, 20, 60, 60), (22, 20, 62, 60)]
    (share,) = flicker(frames, [truth(box) for box in boxes], [shown(box) for box in boxes])
    assert share < 0.01


@pytest.mark.parametrize("lag", [0, 2])
def test_a_mask_that_trails_by_whole_frames_has_that_lag(lag) -> None:
    boxes = [(5 + 2 * i, 20, 45 + 2 * i, 60) for i in range(20)]
    observed = [shown(boxes[max(0, i - lag)]) for i in range(20)]
    assert edge_lag([truth(box) for box in boxes], observed) == pytest.approx(lag, abs=0.05)


def test_a_mask_halfway_between_two_frames_lags_by_half_a_frame() -> None:
    boxes = [(5 + 2 * i, 20, 45 + 2 * i, 60) for i in range(20)]
    observed = [shown((left - 1, top, right - 1, bottom)) for left, top, right, bottom in boxes]
    assert edge_lag([truth(box) for box in boxes], observed) == pytest.approx(0.5, abs=0.05)
    assert edge_lag([truth()] * 20, [shown()] * 20) is None


def test_blur_leaves_a_face_that_it_does_not_touch() -> None:
    before = Frame((textured(),), "gray")
    covered = textured()
    covered[20:60, 20:60] = 0
    result = blur_score([before] * 2, [before, Frame((covered,), "gray")], [truth()] * 2)
    assert (result.faces, result.left, result.pixels) == (2, 1, 2 * 40 * 40)
    assert result.unchanged == 40 * 40
