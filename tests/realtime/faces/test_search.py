"""When frames are searched for faces, and when the results arrive."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from engines.errors import EngineDamaged
from realtime.faces.search import Search, SearchResult
from realtime.faces.tiles import padded_views, tiles_of_frame
from realtime.frames.types import Detection, Frame, Region
from tests.fakes.pipeline import FakeDetector, rgb_frame

FACE = Detection((800, 200, 1000, 440), 0.9)
SMALL = Detection((300, 300, 350, 360), 0.9)
ALL_TILES = len(tiles_of_frame((1280, 720))) + len(padded_views((1280, 720)))


def frame(brighter: int = 0) -> Frame:
    """720p, so that there are tiles."""
    return rgb_frame(cv2.add(np.zeros((720, 1280, 3), np.uint8), (brighter,) * 4))


def test_an_urgent_search_is_of_this_frame() -> None:
    with Search(FakeDetector([FACE], [SMALL]), every=15) as search:
        assert search.search(frame(), urgent=True) == [SearchResult([FACE], [], [SMALL])]


def test_results_of_other_searches_always_arrive_one_frame_later() -> None:
    detector = FakeDetector([FACE], [SMALL])
    with Search(detector, every=15) as search:
        search.search(frame(), urgent=True)
        results = {
            index: arrived for index in range(1, 32) if (arrived := search.search(frame(2 * index), urgent=False))
        }
    found = [SearchResult([FACE], [], [SMALL])]
    assert results == {16: found, 31: found}
    assert detector.tiles == [ALL_TILES, 1, 1]


def test_with_an_interval_of_one_every_frame_is_searched_at_once() -> None:
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


def test_it_runs_in_the_given_thread_and_closing_waits_for_it() -> None:
    class Waiting(FakeDetector):
        def __init__(self) -> None:
            super().__init__()
            self.may_end, self.threads = threading.Event(), set[str]()

        def detect_in_tiles(
            self, frame: Frame, tiles: Sequence[Region], *, low_confidence: bool = False
        ) -> list[Detection]:
            self.threads.add(threading.current_thread().name)
            assert threading.current_thread() is threading.main_thread() or self.may_end.wait(10)
            return super().detect_in_tiles(frame, tiles, low_confidence=low_confidence)

    detector = Waiting()
    with ThreadPoolExecutor(1, "search") as thread, Search(detector, every=2, thread=thread) as search:
        search.search(frame(), urgent=True)
        search.search(frame(), urgent=False)
        search.search(frame(), urgent=False)  # returns, though the detector does not
        threading.Timer(0.05, detector.may_end.set).start()
        search.close()
        assert detector.calls == 2
        assert len(detector.tiles) == 2
    assert detector.threads == {"MainThread", "search_0"}


@pytest.mark.parametrize("threads", [0, 1])
def test_what_the_detector_raises_comes_out_with_the_next_frame(threads: int) -> None:
    class BrokenAtSecond(FakeDetector):
        def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
            if self.calls:
                raise EngineDamaged("no detector")
            return super().detect(frame, low_confidence=low_confidence)

    with ThreadPoolExecutor(1) as pool, Search(BrokenAtSecond(), every=2, thread=pool if threads else None) as search:
        search.search(frame(), urgent=True)
        search.search(frame(), urgent=False)
        assert search.search(frame(), urgent=False) == []
        with pytest.raises(EngineDamaged, match="no detector"):
            search.search(frame(), urgent=False)


def test_every_small_box_of_the_whole_frame_is_searched_for_again_close_up() -> None:
    detector = FakeDetector([Detection((100.0 * i, 100, 100.0 * i + 60, 170), 0.9) for i in range(9)])
    with Search(detector, every=15) as search:
        (found,) = search.search(frame(), urgent=True)
    assert list(found.large) == []
    assert detector.tiles == [ALL_TILES + 9]
