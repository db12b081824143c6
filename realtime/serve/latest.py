"""One slot between two tasks of the event loop: the newest item wins."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds the newest item until it is taken. An item that a newer one replaces is counted."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._filled = asyncio.Event()
        self.dropped = 0

    def put(self, item: T) -> None:
        """Replace what is there. In the thread of the event loop only."""
        self.dropped += len(self._items)
        self._items = [item]
        self._filled.set()

    async def take(self) -> T:
        """The newest item, once there is one."""
        while not self._items:  # between a put and the waiter's turn, it may have been cleared
            self._filled.clear()
            await self._filled.wait()
        return self._items.pop()

    def clear(self) -> None:
        """Forget what is there."""
        self._items.clear()
        self._filled.clear()
