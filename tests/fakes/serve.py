"""A browser view with a fake engine, and the viewers' side of its protocol."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from realtime.frames.types import U8, Detection, Frame
from realtime.serve.access import Access
from realtime.serve.app import BrowserView
from realtime.serve.files.routes import Files
from realtime.serve.masker import Masker
from realtime.serve.server import shared_by_viewers
from realtime.serve.shared_source import SharedSource
from realtime.video.sources.base import Source
from tests.fakes.pipeline import FakeDetector, FakeEngine, face_box, rgb_frame, scene
from tests.fakes.video import ListSource

FACE = (160.0, 120.0, 100.0)
SOON = 10.0  # seconds; nothing here takes so long


def picture() -> U8:
    """(240, 320, 3) uint8 RGB: a face in the middle."""
    return scene(faces=[FACE])


def jpeg(rgb: U8 | None = None) -> bytes:
    """A JPEG picture; None: of a face in the middle."""
    bgr = cv2.cvtColor(picture() if rgb is None else rgb, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


def jpeg_that_states(width: int, height: int) -> bytes:
    """A small JPEG picture whose header states another size."""
    content = bytearray(jpeg())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


class EndlessSource(ListSource):
    """Gives frames of a face, a hundred a second, until it is stopped; the corner's brightness counts them."""

    def __init__(self) -> None:
        super().__init__([], live=True)
        self.given = 0

    def __iter__(self) -> Iterator[Frame]:
        while not self._stopped.wait(0.01):
            rgb = picture()
            rgb[:16, :16] = self.given % 256
            yield replace(rgb_frame(rgb, self.given), captured_at=time.perf_counter())
            self.given += 1


def fake_masker(searches: Any) -> Masker:
    """Finds the face in the middle."""
    return Masker(searches, FakeDetector([Detection(face_box(*FACE), 0.9)]))


def new_view(
    *,
    open_source: Callable[[], Source] | None = None,
    access: Access | None = None,
    most_viewers: int = 4,
    open_engine: Callable[[str], Any] = lambda name: FakeEngine(),
) -> web.Application:
    """The application, with a fake engine. Call it in an event loop."""
    source = SharedSource("the source", open_source) if open_source else None
    shared = shared_by_viewers(["fake", "other"], open_engine, source, fake_masker)
    return BrowserView(shared, Files(shared.models), access or Access(), "fake", most_viewers).application()


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[TestClient[Any, Any]]:
    """A running server, and its client. Takes the options of `new_view`."""
    async with TestClient(TestServer(new_view(**options))) as client:
        yield client


class Viewing:
    """One viewer's side of a connection."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        """The text messages that came."""

    async def choose(self, **settings: Any) -> None:
        """Send settings."""
        await self.socket.send_json({"settings": {"model": "fake", **settings}})

    async def send(self, number: int, content: bytes | None = None) -> None:
        """Send a frame of the camera; None: a face in the middle."""
        await self.socket.send_bytes(struct.pack(">I", number) + (jpeg() if content is None else content))

    async def shown(self) -> tuple[int, U8]:
        """The next masked picture: its number, and (H, W, 3) uint8 RGB."""
        while True:
            message = await asyncio.wait_for(self.socket.receive(), SOON)
            if message.type is WSMsgType.BINARY:
                number, _ = struct.unpack_from(">II", message.data)
                bgr = cv2.imdecode(np.frombuffer(message.data[8:], np.uint8), cv2.IMREAD_COLOR)
                return number, np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
            assert message.type is WSMsgType.TEXT, (message, self.told)
            self.told.append(json.loads(message.data))

    async def ended(self) -> tuple[int | None, str]:
        """How the server ends the connection: the code, and the last sentence."""
        while True:
            message = await asyncio.wait_for(self.socket.receive(), SOON)
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
                problems = [told["problem"] for told in self.told if "problem" in told]
                return self.socket.close_code, problems[-1] if problems else ""
            if message.type is WSMsgType.TEXT:
                self.told.append(json.loads(message.data))


async def connect(client: TestClient[Any, Any]) -> Viewing:
    """A viewer."""
    return Viewing(await client.ws_connect("/ws"))


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run an asynchronous test, within a minute."""
    asyncio.run(asyncio.wait_for(test, 60))
