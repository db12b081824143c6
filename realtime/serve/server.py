"""Runs the browser view until somebody ends it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
from aiohttp import web

from engines.engine import Engine
from realtime.serve.masker import Masker
from realtime.serve.models import Models
from realtime.serve.shared_source import SharedSource
from realtime.serve.viewer import Shared

_SHUTDOWN_SECONDS = 3.0


def shared_by_viewers(
    models: Sequence[str],
    open_engine: Callable[[str], Engine],
    source: SharedSource | None,
    new_masker: Callable[..., Masker] = Masker,
) -> Shared:
    """What all viewers use together.

    Args:
        models: the names of those that viewers may choose from.
        open_engine: loads the engine of one.
        source: the server's own source.
    """
    cores = os.cpu_count() or 1
    workers = ThreadPoolExecutor(cores, "masking")
    return Shared(
        Models(models, open_engine, ThreadPoolExecutor(1, "loading")),
        source,
        workers,
        ThreadPoolExecutor(1, "search"),
        new_masker,
    )


def run(
    application: Callable[[], web.Application], listening: Sequence[socket.socket], on_start: Callable[[], None]
) -> None:
    """Serve until the process is interrupted. Raises KeyboardInterrupt then, once everything is closed.

    Args:
        application: makes what is served, in the event loop.
        listening: closed at the end.
        on_start: called once requests are answered.
    """
    cv2.setNumThreads(1)  # OpenCV's own threads would take the cores from the networks
    asyncio.run(_serve(application, listening, on_start))


async def _serve(
    application: Callable[[], web.Application], listening: Sequence[socket.socket], on_start: Callable[[], None]
) -> None:
    runner = web.AppRunner(application(), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    try:
        await runner.setup()
        for each in listening:
            await web.SockSite(runner, each).start()
        on_start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
