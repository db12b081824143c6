"""Faces that meet: each keeps its number, and its own mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from realtime.faces.face_parser import FaceParser
from realtime.faces.following.meeting import is_beside, own_part
from realtime.faces.following.motion import Motion
from realtime.faces.following.track import Track
from realtime.frames.types import ParsedFace, Region
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, rgb_frame, scene
from tests.fakes.tracking import detection

Face = tuple[float, float, float]
WIDE = (480, 240)
FRONT_HEIGHT, BACK_HEIGHT = 90.0, 80.0


def numbers(pairs: Sequence[tuple[Face, Face]], hold_frames: int) -> list[dict[int, float]]:
    """The faces of each frame: where each number is. Two faces that touch have one mask, as networks have it, too.

    Args:
        pairs: the face behind and the one in front of it, in each frame.
    """

    class SeesUncovered(FakeDetector):
        def detect(self, frame, *, low_confidence=False):  # type: ignore[no-untyped-def]
            back, front = pairs[frame.index]
            hidden = abs(back[0] - front[0]) < 40
            self.detections = [detection(face) for face in ((front,) if hidden else (front, back))]
            return super().detect(frame, low_confidence=low_confidence)

    frames = [rgb_frame(scene(WIDE, pair), index) for index, pair in enumerate(pairs)]
    with FaceParser(FakeEngine(), SeesUncovered(), redetect_every=5, hold_frames=hold_frames) as parser:
        return [{face.track_id: face.region.centre_x for face in faces} for _, faces in parser.steps(frames)]


def crossing(step: float, speed_behind: float) -> list[tuple[Face, Face]]:
    """A face that goes to the left in front of one that goes to the right, at another share of the speed, or stands."""
    off = [150 - step * frame for frame in range(int(300 / step) + 1)]
    return [((240 - speed_behind * x, 118.0, BACK_HEIGHT), (240 + x, 122.0, FRONT_HEIGHT)) for x in off]


@pytest.mark.parametrize("hold_frames", [0, 15])
@pytest.mark.parametrize("step", [3.0, 6.0, 10.0])
@pytest.mark.parametrize("speed_behind", [0.0, 0.5, 1.0])
def test_faces_that_cross_keep_their_numbers(step: float, speed_behind: float, hold_frames: int) -> None:
    pairs = crossing(step, speed_behind)
    shown = numbers(pairs, hold_frames)
    front, back = (min(shown[0], key=lambda number: abs(shown[0][number] - face[0])) for face in pairs[0][::-1])
    assert front != back
    assert shown[-1] == {
        front: pytest.approx(pairs[-1][1][0], abs=12),
        back: pytest.approx(pairs[-1][0][0], abs=12),
    }
    assert set().union(*shown) == {front, back}, "no other number in between"
    assert all(abs(faces[front] - pair[1][0]) < 30 for faces, pair in zip(shown, pairs, strict=True))


def parsed(mask_columns: slice) -> ParsedFace:
    """A crop whose mask spreads over some columns."""
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[:, :, 0] = 255
    probabilities[30:98, mask_columns] = (0, 255, 0)
    return ParsedFace(0, Region(100, 100, 120), np.zeros((128, 128, 3), np.uint8), probabilities)


def test_a_mask_that_spreads_over_a_neighbour_keeps_its_own_part_alone() -> None:
    track = Track(0, Region(100, 100, 120), 120, parsed_frames=3, motion=Motion(100, 100))
    both = parsed(slice(34, 128))
    assert not is_beside(track, [Region(240, 100, 120)])
    assert is_beside(track, [Region(170, 100, 120)])
    own = own_part(both, track, SPEC).probabilities[64, :, 1] > 127
    assert own[40:90].all()
    assert not own[110:].any()


def test_a_hidden_face_goes_on_as_it_moved_comes_to_rest_and_stays_in_the_frame() -> None:
    motion = Motion(100, 50)
    for x in range(104, 172, 4):
        motion = motion.predicted().measured(x, 50, beside_another=False)
    assert motion.dx == pytest.approx(4, abs=0.1)
    for _ in range(10):
        motion = motion.predicted().unseen((200, 100))
    assert 190 < motion.x < 200
    for _ in range(300):
        motion = motion.predicted().unseen((200, 100))
    assert motion.x == 200
    assert abs(motion.dx) < 1e-3


def test_beside_another_face_a_measurement_hardly_counts() -> None:
    motion = Motion(100, 50, 4, 0).predicted().measured(60, 50, beside_another=True)
    assert motion.x == pytest.approx(99.6)
    assert motion.dx == pytest.approx(3.78)
