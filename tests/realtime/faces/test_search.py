"""When frames are searched for faces, and when what was found is told."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from engines.errors import EngineDamaged
from realtime.faces.search import Search, SearchResult
from realtime.frames.types import Detection, Frame, Region
from tests.fakes.pipeline import FakeDetector, rgb_frame

FACE = Detection((800, 200, 1000, 440), 0.9)
SMALL = Detection((300, 300, 350, 360), 0.9)


def frame(brighter: int = 0) -> Frame:
    """720p, so that there are tiles."""
    return rgb_frame(cv2.add(np.zeros((720, 1280, 3), np.uint8), (brighter,) * 4))


def test_an_urgent_search_is_of_this_frame() -> None:
    with Search(FakeDetector([FACE], [SMALL]), every=15) as search:
        assert search.search(frame(), urgent=True) == [SearchResult([FACE], [], [SMALL])]


def test_other_searches_are_told_one_frame_later_always() -> None:
    detector = FakeDetector([FACE], [SMALL])
    with Search(detector, every=15) as search:
        search.search(frame(), urgent=True)
        told = {index: found for index in range(1, 32) if (found := search.search(frame(2 * index), urgent=False))}
    whole, tile = [SearchResult([FACE], [], [SMALL])], [SearchResult([], [], [SMALL], whole_frame=False)]
    assert told == {6: tile, 11: tile, 16: whole, 21: tile, 26: tile, 31: whole}
    assert detector.tiles == [15, *[1] * 6]


def test_where_nothing_may_show_even_briefly_every_frame_is_searched_at_once() -> None:
    with Search(FakeDetector([FACE]), every=1) as search:
        assert [len(search.search(frame(), urgent=False)) for _ in range(5)] == [1] * 5


def test_an_urgent_search_comes_after_what_was_running() -> None:
    detector = FakeDetector([FACE])
    with Search(detector, every=2) as search:
        search.search(frame(), urgent=True)
        search.search(frame(), urgent=False)
        assert search.search(frame(), urgent=False) == []  # it starts here
        detector.detections = []
        assert [list(found.large) for found in search.search(frame(), urgent=True)][-1] == []


def test_it_runs_beside_its_caller_and_closing_waits_for_it() -> None:
    class Waiting(FakeDetector):
        def __init__(self) -> None:
            super().__init__()
            self.may_end, self.threads = threading.Event(), set[str]()

        def detect_in_tiles(self, frame: Frame, tiles: Sequence[Region]) -> list[Detection]:
            self.threads.add(threading.current_thread().name)
            assert threading.current_thread() is threading.main_thread() or self.may_end.wait(10)
            return super().detect_in_tiles(frame, tiles)

    detector = Waiting()
    with Search(detector, every=2) as search:
        search.search(frame(), urgent=True)
        search.search(frame(), urgent=False)
        search.search(frame(), urgent=False)  # returns, though the detector does not
        detector.may_end.set()
    assert detector.calls == 2
    assert detector.threads == {"MainThread", "search_0"}


def test_what_the_detector_raises_comes_out_with_the_next_frame() -> None:
    class Broken(FakeDetector):
        def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
            if threading.current_thread() is threading.main_thread():
                return super().detect(frame, low_confidence=low_confidence)
            raise EngineDamaged("no detector")

    with Search(Broken(), every=2) as search:
        search.search(frame(), urgent=True)
        search.search(frame(), urgent=False)
        assert search.search(frame(), urgent=False) == []
        with pytest.raises(EngineDamaged, match="no detector"):
            search.search(frame(), urgent=False)


def test_small_boxes_of_the_whole_frame_are_looked_at_closely_up_to_so_many() -> None:
    detector = FakeDetector([Detection((100.0 * i, 100, 100.0 * i + 60, 170), 0.9) for i in range(9)])
    with Search(detector, every=15, most_close_ups=4) as search:
        (found,) = search.search(frame(), urgent=True)
    assert list(found.large) == []
    assert detector.tiles == [15 + 4]
