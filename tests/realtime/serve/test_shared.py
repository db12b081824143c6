"""What viewers share: the slot of their newest picture, the source, and the engines."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from engines.engine import Engine
from engines.errors import UnveilError
from realtime.frames.types import Frame
from realtime.serve.latest import Latest
from realtime.serve.models import Models
from realtime.serve.shared_source import SharedSource
from tests.fakes.pipeline import FakeEngine
from tests.fakes.serve import EndlessSource, run


def test_what_is_cleared_before_the_waiter_wakes_is_not_taken() -> None:
    async def test() -> None:
        slot: Latest[int] = Latest()
        waiting = asyncio.create_task(slot.take())
        await asyncio.sleep(0)
        slot.put(1)
        slot.clear()
        await asyncio.sleep(0)
        slot.put(2)
        assert await waiting == 2

    run(test())


def test_readers_that_were_stopped_while_they_waited_end_and_open_nothing() -> None:
    opened, may_open = [], threading.Event()
    before = set(threading.enumerate())

    def open_slowly() -> EndlessSource:
        opened.append(EndlessSource())
        may_open.wait(10)
        return opened[-1]

    class Watcher:
        def take_frame(self, frame: Frame) -> None:
            """Looks away."""

        def source_lost(self, problem: str) -> None:
            """Looks away."""

    def readers() -> int:
        return sum(each.name == "source" for each in set(threading.enumerate()) - before)

    async def test() -> None:
        source, watcher = SharedSource("slow", open_slowly), Watcher()
        for _ in range(5):
            source.join(watcher)
            await asyncio.sleep(0.01)
            source.leave(watcher)
        while readers() > 1:  # the one that is opening cannot be interrupted
            await asyncio.sleep(0.02)
        may_open.set()
        while readers():
            await asyncio.sleep(0.02)
        assert len(opened) == 1

    run(test())


def test_an_engine_that_two_viewers_ask_for_again_after_a_failure_is_loaded_once() -> None:
    opened: list[str] = []

    def open_engine(name: str) -> FakeEngine:
        opened.append(name)
        if len(opened) == 1:
            raise UnveilError("not now")
        return FakeEngine()

    async def test() -> None:
        models = Models(["fake"], open_engine, ThreadPoolExecutor(1))

        async def insist() -> Engine:
            try:
                return await models.load("fake")
            except UnveilError:
                return await models.load("fake")

        first, second = await asyncio.gather(insist(), insist())
        assert first is second
        assert len(opened) == 2
        await models.close()

    run(test())
