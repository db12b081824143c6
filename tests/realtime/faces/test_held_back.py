"""Frames that are held back: a face that is found late is followed backwards to its first frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from realtime.faces.face_parser import FaceParser
from realtime.faces.held_back import frames_to_hold
from realtime.frames.types import Detection, Frame
from tests.fakes.pipeline import FakeDetector, FakeEngine, face_box, rgb_frame, scene

Face = tuple[float, float, float]
STAYS: Face = (90.0, 120.0, 80.0)
OTHER_SHOT = (40, 90, 20)


class SeesAll(FakeDetector):
    """Finds the faces of each frame's picture, if they are at least so high."""

    def __init__(self, faces: Sequence[Sequence[Face]], least_height: float = 0) -> None:
        super().__init__()
        self._faces, self._least_height = faces, least_height

    def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
        faces = (face for face in self._faces[frame.index] if face[2] >= self._least_height)
        self.detections = [Detection(face_box(*face), 0.9) for face in faces]
        return super().detect(frame, low_confidence=low_confidence)


def clip(faces: Sequence[Sequence[Face]], change: Callable[[np.ndarray, int], None] | None = None) -> Iterator[Frame]:
    for index, of_frame in enumerate(faces):
        picture = scene(faces=of_frame)
        if change:
            change(picture, index)
        yield rgb_frame(picture, index)


def shown(
    faces: Sequence[Sequence[Face]],
    *,
    hold_frames: int = 15,
    every: int = 5,
    least_height: float = 0,
    change: Callable[[np.ndarray, int], None] | None = None,
    thread: ThreadPoolExecutor | None = None,
) -> list[list[int]]:
    """The numbers of the faces that each frame shows."""
    detector = SeesAll(faces, least_height)
    with FaceParser(
        FakeEngine(), detector, redetect_every=every, hold_frames=hold_frames, search_thread=thread
    ) as parser:
        steps = list(parser.steps(clip(faces, change)))
    assert [frame.index for frame, _ in steps] == list(range(len(faces)))
    return [[face.track_id for face in of_frame] for _, of_frame in steps]


def entering(at: int, frames: int = 30, stays: Sequence[Face] = (STAYS,)) -> list[list[Face]]:
    """A face that comes in from the right, beside others that stay."""
    return [[*stays, (340.0 - 6 * (i - at), 100.0, 60.0)] if i >= at else list(stays) for i in range(frames)]


@pytest.mark.parametrize("at", range(8, 13))
def test_a_face_that_enters_is_shown_from_its_first_frame_on(at: int) -> None:
    first = [len(ids) for ids in shown(entering(at))].index(2)
    live = [len(ids) for ids in shown(entering(at), hold_frames=0)].index(2)
    assert first <= at + 3, "a quarter of it is in the frame by then"
    assert first <= live <= at + 3 + 5


def test_it_is_shown_with_one_number_until_the_end() -> None:
    assert {tuple(ids) for ids in shown(entering(8))} == {(0,), (0, 1)}


@pytest.mark.parametrize("at", [1, 6, 10])
def test_a_face_that_appears_where_nobody_was_is_shown_at_once(at: int) -> None:
    faces = [[STAYS] if index >= at else [] for index in range(20)]
    assert [len(ids) for ids in shown(faces)] == [0] * at + [1] * (20 - at)


def test_a_face_that_grows_is_followed_back_as_far_as_frames_are_held() -> None:
    faces = [[STAYS, (240.0, 100.0, 50.0 + index)] for index in range(40)]
    counts = [len(ids) for ids in shown(faces, least_height=80)]
    assert counts == [1] * 16 + [2] * 24, "found in frame 30, known in frame 31, 15 frames are held"


def test_no_face_is_followed_back_over_a_cut() -> None:
    def cut(picture: np.ndarray, index: int) -> None:
        if index < 12:
            picture[:] = np.where((picture == 120).all(-1, keepdims=True), OTHER_SHOT, picture)
            picture[:60] = 250

    faces = [[(160.0, 140.0, 80.0)] if index >= 12 else [] for index in range(20)]
    assert [len(ids) for ids in shown(faces, change=cut)] == [0] * 12 + [1] * 8


def test_a_face_that_was_lost_is_shown_again_from_where_it_came_back_under_its_number() -> None:
    faces = [[STAYS] if not 10 <= index < 14 else [] for index in range(14)]
    faces += [[(150.0, 120.0, 80.0)] for _ in range(16)]  # it comes back elsewhere, where its last crop does not see it
    counts = [len(ids) for ids in shown(faces)]
    assert counts == [1] * 10 + [0] * 4 + [1] * 16


def test_a_live_frame_does_not_wait_and_the_faces_that_it_lacked_are_counted() -> None:
    faces = [[STAYS, *([(250.0, 100.0, 60.0)] if index >= 7 else [])] for index in range(20)]
    with FaceParser(FakeEngine(), SeesAll(faces)) as parser:
        counts = [len(of_frame) for _, of_frame in parser.parse_live(clip(faces))]
    assert counts == [1] * 11 + [2] * 9, "searched in frame 10, known in frame 11"
    assert parser.late_frames == 4


def test_the_faces_are_the_same_with_a_search_thread_and_without() -> None:
    with ThreadPoolExecutor(1) as thread:
        assert shown(entering(8), thread=thread) == shown(entering(8))


@pytest.mark.parametrize("frames", [1, 3, 16])
def test_all_frames_come_though_the_video_ends_while_they_are_held(frames: int) -> None:
    assert [len(ids) for ids in shown([[STAYS]] * frames)] == [1] * frames


def test_fewer_large_frames_are_held_but_always_those_between_two_searches() -> None:
    sizes = [(720, 1280), (1080, 1920), (2160, 3840), (4320, 7680)]
    held = [frames_to_hold(yuv(*size), 15, 5) for size in sizes]
    assert held == [15, 15, 5, 5]
    assert frames_to_hold(yuv(720, 1280), 0, 5) == 0


def yuv(height: int, width: int) -> Frame:
    half = np.zeros((height // 2, width // 2), np.uint8)
    return Frame((np.zeros((height, width), np.uint8), half, half), "yuv420p")
