"""The reading thread: what is kept, what is dropped, how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from engines.errors import SourceError
from realtime.buffer import Buffer, Policy
from realtime.frames.types import Frame
from tests.fakes.video import ListSource, yuv_frame


class GatedSource(ListSource):
    """Gives its last frame only once the gate opens."""

    def __init__(self, frames: list[Frame]) -> None:
        super().__init__(frames, live=True)
        self.gate, self.at_gate = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            if frame is self.frames[-1]:
                self.at_gate.set()
                self.gate.wait(10)
            yield frame


def frames(count: int) -> list[Frame]:
    return [yuv_frame(index) for index in range(count)]


def test_wait_drops_nothing() -> None:
    with Buffer(ListSource(frames(50)), Policy.WAIT) as buffer:
        seen = [frame.index for frame in buffer]
    assert seen == list(range(50))
    assert buffer.dropped == 0


def test_wait_reads_only_a_little_ahead() -> None:
    source = GatedSource(frames(50))
    with Buffer(source, Policy.WAIT, stop=source.stop) as buffer:
        assert not source.at_gate.wait(0.1)
        assert buffer.read() is not None


def test_drop_oldest_keeps_newest_frame_and_counts_the_rest() -> None:
    source = GatedSource(frames(11))
    with Buffer(source, Policy.DROP_OLDEST, stop=source.stop) as buffer:
        assert source.at_gate.wait(10)
        newest = buffer.read()
        assert newest is not None
        assert newest.index == 9
        assert buffer.dropped == 9
        source.gate.set()
        last = buffer.read()
        assert last is not None
        assert last.index == 10
        assert buffer.read() is None


def test_drop_oldest_drops_nothing_for_a_quick_consumer() -> None:
    ready = threading.Semaphore(1)

    class PatientSource(ListSource):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                ready.acquire(timeout=10)
                yield frame

    with Buffer(PatientSource(frames(10)), Policy.DROP_OLDEST) as buffer:
        for _ in buffer:
            ready.release()
    assert buffer.dropped == 0


def test_end_of_stream_is_a_value_that_stays() -> None:
    with Buffer(ListSource(frames(1))) as buffer:
        assert buffer.read() is not None
        assert buffer.read() is None
        assert buffer.read() is None


def test_error_before_any_frame_reaches_the_consumer() -> None:
    with (
        Buffer(ListSource([SourceError("it broke")])) as buffer,
        pytest.raises(SourceError, match="it broke"),
    ):
        buffer.read()


def test_source_that_breaks_off_after_frames_ends_and_says_why() -> None:
    with Buffer(ListSource([*frames(2), SourceError("it broke")])) as buffer:
        assert [frame.index for frame in buffer] == [0, 1]
        assert buffer.damage == "it broke"


def test_other_errors_reach_the_consumer_after_the_frames() -> None:
    with Buffer(ListSource([*frames(2), RuntimeError("a fault of ours")])) as buffer:
        assert [frame.index for frame in (buffer.read(), buffer.read()) if frame] == [0, 1]
        with pytest.raises(RuntimeError, match="a fault of ours"):
            buffer.read()


def test_closing_stops_a_waiting_reader_promptly() -> None:
    source = ListSource(frames(1000))
    start = time.perf_counter()
    with Buffer(source, stop=source.stop) as buffer:
        buffer.read()
    assert time.perf_counter() - start < 2
    assert buffer.read() is None
    assert not any(thread.name == "reader" for thread in threading.enumerate())


def test_closing_leaves_the_source_open_for_whoever_opened_it() -> None:
    source = ListSource(frames(3))
    with Buffer(source, stop=source.stop):
        pass
    assert not source.closed


def test_interrupt_while_the_thread_starts_leaves_nobody_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        if thread.name == "reader":
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    source = ListSource(frames(500))
    with pytest.raises(KeyboardInterrupt):
        Buffer(source, Policy.WAIT, stop=source.stop)
    readers = [thread for thread in threading.enumerate() if thread.name == "reader"]
    for thread in readers:
        thread.join(1)
    assert not any(thread.is_alive() for thread in readers)
