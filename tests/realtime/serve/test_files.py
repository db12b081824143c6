"""Files that are dropped on the page: masked as `unveil process` does, bounded, and deleted."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from PIL import Image

from realtime.faces.finding.detectors import DETECTORS
from realtime.frames.types import U8, Detection
from realtime.pipeline import Options
from realtime.serve.files import content as content_of_files
from realtime.serve.files import routes
from realtime.serve.files.job import FileJob
from tests.fakes.pipeline import RED, FakeDetector, FakeEngine, face_box
from tests.fakes.serve import FACE, jpeg, jpeg_that_states, picture, run, serving
from tests.fakes.video import Clip

Client = TestClient[Any, Any]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty; and a detector that finds the face in the middle."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setitem(DETECTORS, "auto", lambda: FakeDetector([Detection(face_box(*FACE), 0.9)]))
    return folder


async def upload(client: Client, name: str, content: bytes, **settings: Any) -> ClientResponse:
    chosen = json.dumps({"model": "fake", **settings})
    return await client.post("/files", params={"name": name, "settings": chosen}, data=content)


async def finished(client: Client, job_id: str) -> dict[str, Any]:
    while True:
        job: dict[str, Any] = await (await client.get(f"/files/{job_id}")).json()
        if job["state"] in ("done", "failed"):
            return job
        await asyncio.sleep(0.02)


def test_a_picture_comes_back_masked_and_nothing_is_left(temporary: Path) -> None:
    async def test() -> None:
        async with serving() as client:
            posted = await upload(client, "../../me & you.png", png(), render="cutout")
            job_id = (await posted.json())["id"]
            assert posted.status == 201
            job = await finished(client, job_id)
            assert (job["error"], job["output_name"]) == (None, "me & you_cutout.png")
            answer = await client.get(f"/files/{job_id}/result")
            assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''me%20%26%20you_cutout.png"
            shown = cv2.imdecode(np.frombuffer(await answer.read(), np.uint8), cv2.IMREAD_COLOR)
            assert shown[120, 160, 2] > RED[0] - 20
            assert shown[200, 20].max() < 10
            assert [path.name for path in temporary.glob("*/*/*") if path.is_file()] == []
            assert (await client.delete(f"/files/{job_id}")).status == 204
            assert (await client.get(f"/files/{job_id}")).status == 404
            assert [path for path in temporary.rglob("*") if path.is_file()] == []
        assert list(temporary.iterdir()) == []

    run(test())


def test_a_video_tells_how_far_it_is_and_can_be_cancelled(tmp_path: Path, temporary: Path) -> None:
    clip = Clip(frames=12).write(tmp_path / "clip.mp4").read_bytes()
    may_go_on = threading.Event()

    class Waiting(FakeEngine):
        def __call__(self, crops: U8) -> Any:
            may_go_on.wait(10)
            return super().__call__(crops)

    async def test() -> None:
        async with serving(open_engine=lambda name: Waiting()) as client:
            first, second = [(await (await upload(client, "c.mp4", clip)).json())["id"] for _ in range(2)]
            while (job := await (await client.get(f"/files/{first}")).json())["state"] != "working":
                await asyncio.sleep(0.01)
            assert (job["total_frames"] or 12, job["output_name"]) == (12, None)
            assert (await client.get(f"/files/{first}/result")).status == 404
            assert (await client.delete(f"/files/{first}")).status == 204
            may_go_on.set()
            assert (await finished(client, second))["frames"] == 12
            folders = [path.name for folder in temporary.iterdir() for path in folder.iterdir()]
            assert folders == [second]

    run(test())


@pytest.mark.parametrize(
    ("name", "content", "settings", "status", "says"),
    [
        ("x.txt", b"", {}, 415, "x.txt is neither a video nor an image"),
        ("", b"", {}, 415, "a file without a name is neither"),
        ("x.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", {}, 415, "the file holds text"),
        ("x.mp4", b"#EXTM3U\n#\xff\nfile:///etc/passwd\n", {}, 415, "the file holds text"),
        ("x.mp4", b"\xef\xbb\xbfffconcat version 1.0\n# \xff\n", {}, 415, "the file holds text"),
        ("x.mp4", b"", {}, 415, "the file is empty"),
        ("x.png", b"", {"render": "no"}, 400, "render 'no' is unknown"),
        ("x.png", b"\x89" + bytes(5000), {}, 413, "x.png is too large"),
    ],
)
def test_what_is_refused_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
    temporary: Path,
    name: str,
    content: bytes,
    settings: dict[str, Any],
    status: int,
    says: str,
) -> None:
    monkeypatch.setattr(routes, "MOST_UPLOAD_BYTES", 4096)

    async def test() -> None:
        async with serving() as client:
            answer = await upload(client, name, content, **settings)
            assert answer.status == status
            assert says in (await answer.json())["error"]
            assert [path for path in temporary.rglob("*") if path.is_file()] == []

    run(test())


def test_a_body_that_does_not_state_its_size_or_is_larger_is_refused(temporary: Path) -> None:
    async def pieces() -> Any:
        yield b"\x89" * 1024

    async def test() -> None:
        async with serving() as client:
            answer = await client.post("/files", params={"name": "x.png"}, data=pieces())
            assert (answer.status, "does not state its size" in await answer.text()) == (411, True)
            packed, headers = zlib.compress(bytes(100_000)), {"Content-Encoding": "deflate"}
            answer = await client.post("/files", params={"name": "x.png"}, data=packed, headers=headers)
            assert (answer.status, "larger than it states" in await answer.text()) == (413, True)
            assert [path for path in temporary.rglob("*") if path.is_file()] == []

    run(test())


def test_an_unfinished_upload_keeps_its_room_and_ends_in_time(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    monkeypatch.setattr(routes, "_UPLOAD_SECONDS", 1.0)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=3 * 6000))
    head = "POST /files?name=x.png HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"

    async def test() -> None:
        async with serving() as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(head.encode() + b"\x89")
            while not list(temporary.rglob("input.png")):
                await asyncio.sleep(0.01)
            assert (await upload(client, "y.png", bytes(2000))).status == 507
            assert b"408" in await reader.readline()
            writer.close()
            assert (await upload(client, "y.png", b"\x89" + bytes(1999))).status == 201

    run(test())


def test_an_upload_that_breaks_off_or_pauses_leaves_nothing(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    monkeypatch.setattr(routes, "_LONGEST_PAUSE_SECONDS", 0.2)
    head = "POST /files?name=x.png HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"

    async def test() -> None:
        async with serving() as client:
            for breaks_off in (True, False):
                reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
                writer.write(head.encode() + b"\x89" * 100)
                await writer.drain()
                while not list(temporary.rglob("input.png")):
                    await asyncio.sleep(0.01)
                if not breaks_off:
                    assert b"408" in await reader.readline()
                writer.close()
                while list(temporary.rglob("input.png")):
                    await asyncio.sleep(0.01)

    run(test())


def test_a_damaged_file_fails_with_a_sentence_that_has_the_viewers_name_for_it() -> None:
    async def test() -> None:
        async with serving() as client:
            job = await finished(
                client, (await (await upload(client, "mine.jpg", b"\xff\xd8" + bytes(99))).json())["id"]
            )
            assert job["state"] == "failed"
            assert job["error"].startswith("mine.jpg: ")
            assert "/" not in job["error"]

    run(test())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("big.png", "big.png: it has 30000 x 30000 pixels; expected at most 64 million"),
        ("big.jpg", "big.jpg: it has 30000 x 30000 pixels; expected at most 64 million"),
        ("second.tif", "second.tif: it has 30000 x 30000 pixels; expected at most 64 million"),
        ("c.mp4", "c.mp4: it has 64 x 48 pixels; expected at most 0 million"),
        ("list.mp4", "list.mp4: cannot be opened as a video"),
    ],
)
def test_a_file_of_too_many_pixels_or_a_playlist_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    path = tmp_path / name
    if name == "big.png":
        content = bytearray(png())
        content[16:24] = struct.pack(">II", 30_000, 30_000)
        content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
        path.write_bytes(content)
    elif name == "big.jpg":
        path.write_bytes(jpeg_that_states(30_000, 30_000))
    elif name == "second.tif":
        pages = [Image.new("1", (side, side)) for side in (8, 30_000)]
        pages[0].save(path, save_all=True, append_images=pages[1:], compression="group4")
    elif name == "c.mp4":
        monkeypatch.setattr(content_of_files, "MOST_FILE_PIXELS", 1000)
        Clip(frames=2).write(path)
    else:
        path.write_bytes(b"ffconcat version 1.0\n# \xff\nfile /etc/passwd\n")
    job = FileJob(name, path, "overlay")
    job.work(FakeEngine(), Options())
    assert job.state == "failed"
    assert (job.error or "").startswith(says)


def test_there_is_room_for_a_few_files_and_they_are_deleted_after_a_while(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    monkeypatch.setattr(routes, "MOST_FILES", 1)
    monkeypatch.setattr(routes, "KEPT_SECONDS", 0.3)

    async def test() -> None:
        async with serving() as client:
            job_id = (await (await upload(client, "a.jpg", jpeg())).json())["id"]
            full = await upload(client, "b.jpg", jpeg())
            assert (full.status, "there are 1 files already" in await full.text()) == (503, True)
            await finished(client, job_id)
            while (await client.get(f"/files/{job_id}")).status != 404:
                await asyncio.sleep(0.05)
            assert [path for path in temporary.rglob("*") if path.is_file()] == []

    run(test())


def png() -> bytes:
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR))[1])
