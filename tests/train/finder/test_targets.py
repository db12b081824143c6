"""What the network should say, and how a composed picture and its truth stay together."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from realtime.faces.finding.found_faces import decode, merged  # noqa: E402
from train.finder.matching import Scored, calibration, recall_at, scored  # noqa: E402
from train.finder.pictures.compose import Picture, Truth, mirrored  # noqa: E402
from train.finder.pictures.upright_box import UprightBox  # noqa: E402
from train.finder.targets import loss_terms, targets  # noqa: E402

SIZE = 128


def face(x: float, y: float, side: float, angle_deg: float = 0.0, counts: bool = True) -> Truth:
    return Truth(UprightBox(x, y, 0.75 * side, side, angle_deg), (x, y), 1.0, counts)


def picture(*faces: Truth) -> Picture:
    return Picture(np.zeros((SIZE, SIZE, 3), np.uint8), (0, 0, SIZE, SIZE), faces)


def as_values(wanted):
    """What a perfect network returns for targets."""
    values = np.zeros((len(wanted), 7), np.float32)
    values[:, 0] = np.where(wanted[:, 0] > 0.99, 9, -9)
    values[:, 1:] = wanted[:, 3:]
    return values


def test_perfect_values_decode_to_the_faces_of_the_picture():
    truths = (face(20, 30, 12), face(80, 40, 36, 120.0), face(60, 100, 110, -45.0))
    found = merged(decode(as_values(targets(picture(*truths))), SIZE, 0.5))
    result = scored(truths, found)
    assert result.false_scores == ()
    assert min(result.face_scores) > 0.99
    assert min(result.overlaps) > 0.97
    assert max(result.turn_errors_deg) < 1


def test_a_face_that_does_not_count_is_neither_face_nor_background():
    wanted = targets(picture(face(64, 64, 40, counts=False)))
    assert wanted[:, 0].max() == 0
    assert 0 < (wanted[:, 1] == 0).sum() < len(wanted) / 2
    assert (
        scored(
            (face(64, 64, 40, counts=False),), merged(decode(as_values(targets(picture(face(64, 64, 40)))), SIZE, 0.5))
        ).false_scores
        == ()
    )


def test_perfect_values_have_hardly_any_loss():
    wanted = targets(picture(face(80, 40, 36, 120.0)))
    perfect = torch.from_numpy(as_values(wanted))[None]
    terms = loss_terms(perfect, torch.from_numpy(wanted)[None])
    assert terms["box"] + terms["direction"] < 1e-4
    assert loss_terms(perfect * 0, torch.from_numpy(wanted)[None])["total"] > 1


@pytest.mark.parametrize("quarters", range(4))
def test_a_mirrored_and_turned_picture_takes_its_faces_along(quarters):
    before = picture(face(30, 50, 20, 20.0))
    before.rgb[48:52, 28:32] = 255
    before.rgb[38:41, 32:36] = 128  # up, a little to the right
    after = mirrored(before, quarters)
    box = after.faces[0].box
    turn = math.radians(box.angle_deg)
    assert after.rgb[round(box.centre_y), round(box.centre_x), 0] == 255
    x, y = box.centre_x + 11.4 * math.sin(turn), box.centre_y - 11.4 * math.cos(turn)
    assert after.rgb[round(y - 0.5), round(x - 0.5), 0] == 128


def test_recall_counts_faces_above_the_threshold_that_so_few_false_ones_reach():
    truths = (face(30, 40, 30), face(90, 90, 30))
    found = merged(decode(as_values(targets(picture(truths[0], face(30, 100, 30)))), SIZE, 0.5))
    result = [scored(truths, found)] * 10
    assert len(result[0].false_scores) == 1
    assert recall_at(result, 1.0) == (0.5, 0.0)
    assert recall_at(result, 0.1)[0] == 0.0


def test_calibration_makes_a_confidence_the_share_of_faces():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.02, 0.98, 4000)
    logits = np.log(scores / (1 - scores))
    are_faces = rng.random(4000) < 1 / (1 + np.exp(-(2 * logits + 1)))
    found = [Scored((s,), ()) if is_face else Scored((), (s,)) for s, is_face in zip(scores, are_faces, strict=True)]
    assert calibration(found) == pytest.approx((2, 1), abs=0.2)
    assert calibration(found[:0]) == (1, 0)
