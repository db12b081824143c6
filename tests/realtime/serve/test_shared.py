"""What viewers share: the slot of their newest picture, the source, and the engines."""

from __future__ import annotations

import asyncio

from realtime.serve.latest import Latest
from tests.fakes.serve import run


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
