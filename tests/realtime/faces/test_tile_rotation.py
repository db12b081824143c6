"""Which tiles of a video are searched, and when."""

from __future__ import annotations

import numpy as np

from realtime.faces.tiles import RENEW_AFTER, TileRotation, padded_views, tiles_of_frame
from realtime.frames.types import Frame
from tests.fakes.pipeline import rgb_frame, yuv_frame

SIZE_WH = (1280, 720)
TILES = [*tiles_of_frame(SIZE_WH), *padded_views(SIZE_WH)]


def frame(grey: int, size_wh: tuple[int, int] = SIZE_WH) -> Frame:
    width, height = size_wh
    return rgb_frame(np.full((height, width, 3), grey, np.uint8))


def test_all_tiles_have_their_turn_and_the_first_frame_has_all() -> None:
    rotation = TileRotation()
    assert rotation.take(frame(0), 2) == TILES
    turns = [rotation.take(frame(10 * index), 2) for index in range(1, len(TILES) + 1)]
    assert {len(turn) for turn in turns} == {2}
    assert [tile for turn in turns for tile in turn] == TILES * 2


def test_a_rotation_asked_for_none_gives_none_and_goes_on_with_frames_of_another_size() -> None:
    rotation = TileRotation()
    rotation.take(frame(0), 0)
    rotation.take(frame(50), 14)
    assert rotation.take(frame(50), 0) == []
    assert len(rotation.take(frame(50, (640, 480)), 2)) == 2
    assert len(rotation.take(frame(50, (64, 48)), 3)) == 2
    assert rotation.take(frame(50), 2) == TILES[:2], "of the new size nothing has been seen"


def test_a_tile_in_which_nothing_moved_is_left_out_for_many_turns() -> None:
    rotation = TileRotation()
    rotation.take(frame(100), 1)
    turns = [len(rotation.take(frame(104), 99)) for _ in range(RENEW_AFTER + 2)]
    assert turns == [0] * RENEW_AFTER + [len(TILES), 0]


def test_slow_changes_are_compared_with_the_tile_as_it_was_last_searched() -> None:
    rotation = TileRotation()
    rotation.take(frame(100), 1)
    assert [len(rotation.take(frame(100 + 4 * index), 99)) for index in (1, 2, 3)] == [0, len(TILES), 0]


def test_noise_is_no_movement_and_a_small_face_is() -> None:
    rng, rotation = np.random.default_rng(0), TileRotation()

    def noisy() -> np.ndarray:
        return np.clip(rng.normal(100, 8, (720, 1280, 3)), 0, 255).astype(np.uint8)

    rotation.take(yuv_frame(noisy()), 1)
    assert rotation.take(yuv_frame(noisy()), 99) == []
    with_face = noisy()
    with_face[20:55, 20:50] = (130, 115, 105)
    shows_it = [tile for tile in TILES if tile.box_xyxy[0] < 50 and tile.box_xyxy[1] < 55]
    assert rotation.take(yuv_frame(with_face), 99) == shows_it


def test_a_small_face_that_enters_has_its_turn_before_what_moves_all_the_time() -> None:
    rotation, picture = TileRotation(), np.full((720, 1280, 3), 100, np.uint8)
    rotation.take(rgb_frame(picture.copy()), 1)
    for index in range(len(TILES)):
        picture[200:, 500:] = 80 + 20 * (index % 2)
        rotation.take(rgb_frame(picture.copy()), 1)
    picture[20:55, 20:50] = 200
    turns = [rotation.take(rgb_frame(picture.copy()), 1) for _ in range(2)]
    assert TILES[0] in [tile for turn in turns for tile in turn]


def test_forgotten_tiles_are_searched_again() -> None:
    rotation = TileRotation()
    rotation.take(frame(100), 1)
    rotation.forget()
    assert rotation.take(frame(100), 99) == TILES


def test_where_none_may_be_skipped_none_is() -> None:
    rotation = TileRotation(renew_after=0)
    assert [len(rotation.take(frame(100), 99)) for _ in range(3)] == [len(TILES)] * 3
