"""The WebSocket: masked pictures come back, and whoever misbehaves is told why and leaves alone."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from typing import Any

import numpy as np
import pytest

from engines.engine import Parsed
from engines.errors import SourceError
from realtime.frames.types import U8
from realtime.serve import server
from realtime.serve.limits import MOST_IN_FLIGHT, MOST_MESSAGE_BYTES, MOST_MESSAGES_PER_SECOND
from tests.fakes.pipeline import RED, FakeEngine
from tests.fakes.serve import EndlessSource, connect, jpeg, jpeg_that_states, new_view, picture, run, serving
from tests.fakes.video import ListSource

FACE_XY, WALL_XY = (160, 120), (20, 200)


def colour_at(rgb: U8, xy: tuple[int, int]) -> U8:
    return np.asarray(rgb[xy[1], xy[0]], np.uint8)


def is_masked(rgb: U8) -> bool:
    """Whether the face is no longer red, and the wall as it was."""
    wall = np.abs(colour_at(rgb, WALL_XY).astype(int) - colour_at(picture(), WALL_XY)).max()
    return abs(int(colour_at(rgb, FACE_XY)[0]) - RED[0]) > 40 and int(wall) < 12


def test_a_frame_of_the_camera_comes_back_masked_with_its_number() -> None:
    async def test() -> None:
        async with serving() as client:
            viewer = await connect(client)
            await viewer.choose(shown="camera")
            for number in (7, 8):
                await viewer.send(number)
                came, shown = await viewer.shown()
                assert (came, is_masked(shown)) == (number, True)
            hello, *rest = viewer.told
            assert hello["hello"]["models"] == ["fake", "other"]
            (model,) = [told["model"] for told in rest if "model" in told]
            assert [label["name"] for label in model["labels"]] == ["face", "occlusion"]

    run(test())


def test_settings_act_on_the_next_frame_of_their_viewer_alone() -> None:
    async def test() -> None:
        async with serving() as client:
            one, other = await connect(client), await connect(client)
            await one.choose(shown="camera")
            await other.choose(shown="camera", render="cutout")
            for number, shows_wall in ((1, False), (2, True)):
                for viewer in (one, other):
                    await viewer.send(number)
                assert is_masked((await one.shown())[1])
                cut = (await other.shown())[1]
                assert bool(colour_at(cut, WALL_XY).max() > 60) is shows_wall
                await other.choose(shown="camera", opacity=1.0)

    run(test())


@pytest.mark.parametrize(
    ("message", "code", "says"),
    [
        (b"ab", 1003, "expected a number and a JPEG"),
        (b"abcdGIF89a", 1007, "a frame is no JPEG picture"),
        (b"abcd" + jpeg()[:300], 1007, "a frame is"),
        (b"abcd" + jpeg_that_states(30_000, 30_000), 1007, "30000 x 30000 pixels; expected at most 1280"),
        (b"abcd" + jpeg_that_states(1281, 8), 1007, "1281 x 8 pixels; expected at most 1280"),
        (b"abcd" + jpeg() + bytes(1 << 20), 1007, "bytes; expected at most 1048576"),
        (b"abcd" + bytes(MOST_MESSAGE_BYTES), 1009, ""),
        ("{", 1007, "a text message is no JSON"),
        ("[]", 1008, "neither settings nor seen"),
        ('{"seen": "1"}', 1008, "neither settings nor seen"),
        ('"' + "x" * 5000 + '"', 1009, "5002 characters; expected at most 4096"),
        ({"model": "secret"}, 1008, "model 'secret' is not served; expected one of fake, other"),
        ({"shown": "desktop"}, 1008, "shown is 'desktop'"),
        ({"shown": "server"}, 1008, "no source of its own"),
        ({"render": "overlai"}, 1008, "did you mean overlay"),
        ({"opacity": 2}, 1008, "opacity is 2"),
        ({"opacity": True}, 1008, "opacity is True; expected int or float"),
        ({"smooth": 1}, 1008, "smooth is 1; expected bool"),
        ({"shown_labels": [1]}, 1008, "expected a list of names"),
        ({"background": "/etc/hostname"}, 1008, "expected blur, a colour"),
        ({"paint": "red"}, 1008, "unknown field 'paint'"),
        ("[" * 2000 + "]" * 2000, 1007, "a text message is no JSON"),
    ],
)
def test_what_must_not_come_ends_the_connection_with_a_code_and_a_sentence(
    message: bytes | str | dict[str, Any], code: int, says: str
) -> None:
    async def test() -> None:
        async with serving() as client:
            good, bad = await connect(client), await connect(client)
            await bad.choose(shown="camera")
            if isinstance(message, bytes):
                await bad.socket.send_bytes(message)
            elif isinstance(message, str):
                await bad.socket.send_str(message)
            else:
                await bad.choose(**message)
            came, sentence = await bad.ended()
            assert came == code, sentence
            assert says in sentence
            await good.choose(shown="camera")
            await good.send(1)
            assert (await good.shown())[0] == 1

    run(test())


def test_too_many_messages_in_a_second_end_the_connection() -> None:
    async def test() -> None:
        async with serving() as client:
            viewer = await connect(client)
            for _ in range(MOST_MESSAGES_PER_SECOND * 3):
                if viewer.socket.closed:
                    break
                await viewer.socket.send_str('{"seen": 0}')
            code, sentence = await viewer.ended()
            assert (code, f"more than {MOST_MESSAGES_PER_SECOND} messages" in sentence) == (1008, True)

    run(test())


def test_an_engine_that_fails_ends_one_session_and_the_next_one_works() -> None:
    class Failing(FakeEngine):
        failures = 1

        def __call__(self, crops: U8) -> Parsed:
            if self.failures:
                self.failures -= 1
                raise ArithmeticError("the network has burst")
            return super().__call__(crops)

    async def test() -> None:
        engine = Failing()
        async with serving(open_engine=lambda name: engine) as client:
            viewer = await connect(client)
            await viewer.choose(shown="camera")
            await viewer.send(1)
            assert await viewer.ended() == (1011, "unexpected ArithmeticError: the network has burst")
            again = await connect(client)
            await again.choose(shown="camera")
            await again.send(1)
            assert is_masked((await again.shown())[1])

    run(test())


def test_an_engine_is_loaded_once_and_one_that_cannot_be_loaded_is_tried_again() -> None:
    opened: list[str] = []

    def open_engine(name: str) -> FakeEngine:
        opened.append(name)
        if opened.count("other") == 1:
            raise SourceError("no engine today")
        return FakeEngine()

    async def test() -> None:
        async with serving(open_engine=open_engine) as client:
            viewer = await connect(client)
            await viewer.choose(shown="camera", model="other")
            await viewer.send(1)
            assert await viewer.ended() == (1011, "no engine today")
            viewers = [await connect(client) for _ in range(3)]
            for each in viewers:
                await each.choose(shown="camera", model="other")
                await each.send(1)
            assert [(await each.shown())[0] for each in viewers] == [1, 1, 1]
            assert {"waits": "loading other"} in viewers[0].told
            assert opened == ["fake", "other", "other"]

    run(test())


def test_a_server_whose_own_model_cannot_be_loaded_does_not_start() -> None:
    def open_engine(name: str) -> FakeEngine:
        raise SourceError("no engine today")

    threads = threading.active_count()
    with pytest.raises(SourceError, match="no engine today"):
        server.run(lambda: new_view(open_engine=open_engine), [], lambda: pytest.fail("it started"))
    assert threading.active_count() == threads


def test_of_fifty_viewers_at_once_four_are_served_and_the_others_are_told() -> None:
    async def test() -> None:
        async with serving() as client:
            viewers = await asyncio.gather(*(connect(client) for _ in range(50)))
            served, told = [], []
            for viewer in viewers:
                message = json.loads((await viewer.socket.receive()).data)
                (served if "hello" in message else told).append((viewer, message))
            assert (len(served), len(told)) == (4, 46)
            sentence = "4 viewers are watching already, and no more are allowed"
            assert all(message == {"problem": sentence} for _, message in told)
            assert {(await viewer.ended())[0] for viewer, _ in told} == {1013}
            for viewer, _ in served:
                await viewer.choose(shown="camera")
                await viewer.send(1)
                assert (await viewer.shown())[0] == 1
            await served[0][0].socket.close()
            message = {}
            while "hello" not in message:  # as soon as the server has noticed
                viewer = await connect(client)
                message = json.loads((await viewer.socket.receive()).data)

    run(test())


def test_a_slow_reader_gets_the_newest_frame_and_holds_nobody_up() -> None:
    async def test() -> None:
        source = EndlessSource()
        async with serving(open_source=lambda: source) as client:
            slow, quick = await connect(client), await connect(client)
            for viewer in (slow, quick):
                await viewer.choose(shown="server")
            for _ in range(MOST_IN_FLIGHT):
                await slow.shown()
            for _ in range(20):  # meanwhile
                number, _ = await quick.shown()
                await quick.socket.send_json({"seen": number})
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(slow.socket.receive(), 0.2)
            given = source.given
            await slow.socket.send_json({"seen": MOST_IN_FLIGHT})
            number, shown = await slow.shown()
            assert number == MOST_IN_FLIGHT + 1
            assert colour_at(shown, (8, 8))[0] >= given % 256 - 4

    run(test())


def test_the_source_is_open_only_while_somebody_watches() -> None:
    opened: list[EndlessSource] = []

    def open_source() -> EndlessSource:
        opened.append(EndlessSource())
        return opened[-1]

    async def test() -> None:
        async with serving(open_source=open_source) as client:
            viewer = await connect(client)
            assert opened == []
            for count in (1, 2):
                await viewer.choose(shown="server")
                assert is_masked((await viewer.shown())[1])
                assert len(opened) == count
                await viewer.choose(shown="nothing")
                await until(lambda: opened[-1].closed)
            await viewer.choose(shown="server")
            await viewer.shown()
        assert opened[-1].closed

    run(test())


def test_a_source_that_is_lost_is_told_and_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.serve.shared_source._FIRST_WAIT_SECONDS", 0.05)
    sources = iter([ListSource([SourceError("camera 0 stopped giving frames")]), EndlessSource()])

    async def test() -> None:
        async with serving(open_source=lambda: next(sources)) as client:
            viewer = await connect(client)
            await viewer.choose(shown="server")
            assert is_masked((await viewer.shown())[1])
            problems = [told["problem"] for told in viewer.told if "problem" in told]
            assert problems == ["camera 0 stopped giving frames; trying again in 0.05 s"]

    run(test())


def test_the_end_of_the_server_is_told() -> None:
    async def test() -> None:
        async with serving() as client:
            viewer = await connect(client)
            await viewer.choose(shown="camera")
            await viewer.send(1)
            await viewer.shown()
            ending = asyncio.create_task(client.server.close())
            assert await viewer.ended() == (1001, "the server has ended")
            await ending

    threads = set(threading.enumerate())
    run(test())
    assert set(threading.enumerate()) == threads


def test_numbers_are_read_as_they_are_sent() -> None:
    async def test() -> None:
        async with serving() as client:
            viewer = await connect(client)
            await viewer.choose(shown="camera")
            await viewer.socket.send_bytes(struct.pack(">I", 0xFFFFFFFF) + jpeg())
            assert (await viewer.shown())[0] == 0xFFFFFFFF

    run(test())


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)
