"""One viewer: what comes and goes over its WebSocket.

To the server: text, a JSON object with either `settings` or `seen` (the number of the last picture that was shown); and
binary, a number and a JPEG frame of the viewer's own camera. To the viewer: text, a JSON object with `hello`, `model`,
`waits` or `problem`; and binary, a number, the time in the server in microseconds, how many pictures were dropped so
far, and the masked JPEG. The numbers are 4 bytes, big-endian. A masked picture has the number of its camera frame; it
answers the frames before it, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from engines.engine import Engine
from engines.errors import SourceError, UnveilError, UsageError
from realtime.frames.types import Frame
from realtime.render.palette import palette
from realtime.serve.latest import Latest
from realtime.serve.limits import MOST_IN_FLIGHT, MOST_MESSAGES_PER_SECOND, MOST_TEXT_CHARACTERS
from realtime.serve.masker import Masker
from realtime.serve.models import Models
from realtime.serve.settings import Choice, Shown, choice_from
from realtime.serve.shared_source import SharedSource

_NUMBER = struct.Struct(">I")
_HEADER = struct.Struct(">III")
_LARGEST = 0xFFFFFFFF
_LONGEST_REASON_BYTES = 123  # RFC 6455, 5.5
_log = logging.getLogger(__name__)


class Refused(UnveilError):
    """A viewer sent what it must not. Its connection ends with a sentence and a code."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Shared:
    """What all viewers use together."""

    models: Models
    source: SharedSource | None
    workers: Executor
    """The threads in which frames are masked, so that the event loop stays free."""
    searches: Executor
    """The thread in which new faces are looked for."""
    new_masker: Callable[[Executor], Masker] = Masker


@dataclass(frozen=True, eq=False)
class _Picture:
    """A picture that is to be masked."""

    content: bytes | Frame
    """A JPEG of the viewer's camera, or a frame of the server's source."""
    came_at: float
    """`time.perf_counter()` when it came or was read."""
    number: int | None = None
    """Its number, where the viewer gave it one."""


class Viewer:
    """Serves one WebSocket until either side ends it. An error ends this session and no other one."""

    def __init__(self, socket: web.WebSocketResponse, shared: Shared) -> None:
        self._socket, self._shared, self._choice = socket, shared, Choice()
        self._pictures: Latest[_Picture] = Latest()
        self._sent_away = asyncio.Event()
        self._changed = asyncio.Event()  # new settings, or a picture was seen
        self._sent = self._seen = 0
        self._told_model = ""
        self._saying: set[asyncio.Future[None]] = set()
        self._second, self._messages = 0.0, 0

    async def run(self) -> None:
        """Return once the connection has ended."""
        tasks = [asyncio.create_task(each) for each in (self._read_each(), self._mask_each(), self._sent_away.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._change_frames("nothing")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._end(next(filter(None, (task.exception() for task in done)), None))

    async def _end(self, problem: BaseException | None) -> None:
        """Say goodbye, and why. A viewer that is gone hears nothing."""
        match problem:
            case Refused():
                await end(self._socket, problem.code, str(problem))
            case UnveilError():
                await end(self._socket, WSCloseCode.INTERNAL_ERROR, str(problem))
            case None | ConnectionError():
                await end(self._socket, WSCloseCode.GOING_AWAY, "the server has ended")
            case _:
                _log.error("unexpected error in a viewer's session", exc_info=problem)
                text = f"unexpected {type(problem).__name__}: {problem}"
                await end(self._socket, WSCloseCode.INTERNAL_ERROR, text)

    def send_away(self) -> None:
        """End the session, because the server ends."""
        self._sent_away.set()

    async def _read_each(self) -> None:
        async for message in self._socket:
            self._count_message()
            if message.type is WSMsgType.TEXT:
                self._take_text(message.data)
            elif message.type is WSMsgType.BINARY:
                self._take_picture(message.data)

    def _count_message(self) -> None:
        now = time.monotonic()
        if now - self._second >= 1:
            self._second, self._messages = now, 0
        self._messages += 1
        if self._messages > MOST_MESSAGES_PER_SECOND:
            raise Refused(
                WSCloseCode.POLICY_VIOLATION,
                f"more than {MOST_MESSAGES_PER_SECOND} messages came in a second, which is the limit",
            )

    def _take_text(self, text: str) -> None:
        if len(text) > MOST_TEXT_CHARACTERS:
            raise Refused(
                WSCloseCode.MESSAGE_TOO_BIG,
                f"a text message has {len(text)} characters; expected at most {MOST_TEXT_CHARACTERS}",
            )
        try:
            message = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise Refused(WSCloseCode.INVALID_TEXT, f"a text message is no JSON ({e})") from e
        match message:
            case {"settings": values}:
                self._take_settings(values)
            case {"seen": int(number)}:
                if number <= self._sent:  # else it is from before the frames were changed
                    self._seen = max(self._seen, number)
                self._changed.set()
            case _:
                raise Refused(
                    WSCloseCode.POLICY_VIOLATION, "a text message has neither settings nor seen; expected one of them"
                )

    def _take_settings(self, values: object) -> None:
        try:
            choice = choice_from(values, self._shared.models.names)
        except UsageError as e:
            raise Refused(WSCloseCode.POLICY_VIOLATION, str(e)) from e
        if choice.shown == "server" and self._shared.source is None:
            raise Refused(WSCloseCode.POLICY_VIOLATION, "this server has no source of its own; use your camera")
        if choice.shown != self._choice.shown:
            self._change_frames(choice.shown)
        self._choice = choice
        self._changed.set()

    def _change_frames(self, shown: Shown) -> None:
        self._pictures.clear()
        self._sent = self._seen = 0
        if self._shared.source:
            if shown == "server":
                self._shared.source.join(self)
            else:
                self._shared.source.leave(self)

    def take_frame(self, frame: Frame) -> None:
        """The next frame of the server's source."""
        self._pictures.put(_Picture(frame, frame.captured_at))

    def source_lost(self, problem: str) -> None:
        """Says it on the page. The session goes on."""
        self._say({"problem": problem})

    def _take_picture(self, message: bytes) -> None:
        if len(message) <= _NUMBER.size:
            raise Refused(WSCloseCode.UNSUPPORTED_DATA, "a binary message is too short; expected a number and a JPEG")
        if self._choice.shown == "camera":  # else it was on its way as the settings changed
            number, jpeg = _NUMBER.unpack_from(message)[0], message[_NUMBER.size :]
            self._pictures.put(_Picture(jpeg, time.perf_counter(), number))

    async def _mask_each(self) -> None:
        loop, shared = asyncio.get_running_loop(), self._shared
        masker = shared.new_masker(shared.searches)
        try:
            await loop.run_in_executor(shared.workers, masker.prepare)
            while True:
                picture, choice = await self._next_picture(), self._choice
                engine = await self._engine(choice.settings.model)
                mask = partial(masker.mask, picture.content, engine, choice.settings)
                try:
                    jpeg = await loop.run_in_executor(shared.workers, mask)
                except SourceError as e:
                    raise Refused(WSCloseCode.INVALID_TEXT, str(e)) from e
                if choice.shown == self._choice.shown:
                    await self._send(picture, jpeg)
        finally:
            await asyncio.shield(loop.run_in_executor(shared.workers, masker.close))

    async def _next_picture(self) -> _Picture:
        """The newest picture, once the viewer has seen enough of those before."""
        # Of its own camera's frames the page itself never sends more.
        while self._choice.shown == "server" and self._sent - self._seen >= MOST_IN_FLIGHT:
            self._changed.clear()
            await self._changed.wait()
        return await self._pictures.take()

    async def _engine(self, model: str) -> Engine:
        if not self._shared.models.is_loaded(model):
            await self._socket.send_json({"waits": f"loading {model}"})
        engine = await self._shared.models.load(model)
        if self._told_model != model:
            self._told_model = model
            await self._socket.send_json({"model": model_json(model, engine)})
        return engine

    async def _send(self, picture: _Picture, jpeg: bytes) -> None:
        self._sent = self._sent + 1 if picture.number is None else picture.number
        spent_us = round((time.perf_counter() - picture.came_at) * 1e6)
        await self._socket.send_bytes(_HEADER.pack(self._sent, min(spent_us, _LARGEST), self._pictures.dropped) + jpeg)

    def _say(self, message: dict[str, Any]) -> None:
        """Send a message soon. One that can no longer be sent is dropped."""
        task = asyncio.ensure_future(self._socket.send_json(message))
        self._saying.add(task)
        task.add_done_callback(self._said)

    def _said(self, task: asyncio.Future[None]) -> None:
        self._saying.discard(task)
        if not task.cancelled():
            task.exception()  # the reading task notices as well that the viewer is gone


def model_json(name: str, engine: Engine) -> dict[str, Any]:
    """What the page shows of a loaded model: its labels with their colours (red, green, blue), but not background."""
    labels = engine.spec.labels
    colours = palette(labels)[: len(labels)].tolist()
    parts = [{"name": label, "rgb": rgb} for label, rgb in zip(labels, colours, strict=True)]
    return {"name": name, "description": engine.description, "labels": parts[1:]}


async def end(socket: web.WebSocketResponse, code: int, sentence: str) -> None:
    """End a connection with a sentence: whole in a message, and as the reason, which may be cut."""
    if socket.closed:
        return
    with contextlib.suppress(ConnectionError):  # the viewer is gone already
        await socket.send_json({"problem": sentence})
    reason = sentence.encode()[:_LONGEST_REASON_BYTES].decode(errors="ignore").encode()
    await socket.close(code=code, message=reason)
