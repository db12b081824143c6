"""Which source an address opens, the pace of a file that is played live, and addresses that are refused."""

from __future__ import annotations

import functools
import http.server
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from engines.errors import SourceError
from realtime.frames.types import Frame
from realtime.video.sources.open import PacedSource, SourceInfo, open_source
from realtime.video.sources.stream import without_password
from tests.fakes.video import Clip


def read(path: Path, **options: bool) -> tuple[SourceInfo, list[Frame]]:
    with open_source(path, **options) as source:
        return source.info, list(source)


def test_file_played_live_keeps_its_own_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    def wait(seconds: float) -> bool:
        nonlocal now
        now += seconds
        return False

    with open_source(Clip(frames=7).write(tmp_path / "clip.mp4"), live=True) as source, monkeypatch.context() as clock:
        clock.setattr(time, "perf_counter", lambda: now)
        clock.setattr(source._stopped, "wait", wait)
        captured = [frame.captured_at for frame in source]
    assert source.info.live
    assert captured == pytest.approx([100 + index / 30 for index in range(7)])


def test_file_not_played_live_does_not_wait(tmp_path: Path) -> None:
    path = Clip(frames=2, pts=[0, 60_000]).write(tmp_path / "slides.mp4")
    start = time.perf_counter()
    info, frames = read(path)
    assert not info.live
    assert len(frames) == 2
    assert time.perf_counter() - start < 5


def test_stopping_a_paced_source_ends_its_wait(tmp_path: Path) -> None:
    path = Clip(frames=2, pts=[0, 60_000]).write(tmp_path / "slides.mp4")
    with open_source(path, live=True) as source:
        threading.Timer(0.1, source.stop).start()
        start = time.perf_counter()
        assert len(list(source)) == 1
    assert time.perf_counter() - start < 5


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Content-Length" or "endless" not in self.path:
            super().send_header(keyword, value)


@pytest.fixture
def web_address(tmp_path: Path) -> Iterator[str]:
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_stream_is_read_from_its_address(tmp_path: Path, web_address: str) -> None:
    Clip().write(tmp_path / "clip.ts")
    with open_source(f"{web_address}/clip.ts") as source:
        frames = list(source)
    assert (source.info.kind, source.info.live, source.info.path) == ("stream", True, None)
    assert len(frames) == 12


@pytest.mark.parametrize("name, paced", [("clip.mp4", True), ("endless.ts", False)])
def test_only_a_web_address_that_states_its_duration_is_paced(
    tmp_path: Path, web_address: str, name: str, paced: bool
) -> None:
    Clip(frames=31, container_options={"movflags": "faststart"} if paced else {}).write(tmp_path / name)
    with open_source(f"{web_address}/{name}", live=True) as source:
        start = time.perf_counter()
        assert len(list(islice(source, 25))) == 25
    assert source.info.live
    assert isinstance(source, PacedSource) is paced
    assert not paced or time.perf_counter() - start >= 0.8


def test_stream_that_is_not_there_is_refused_without_its_password(web_address: str) -> None:
    address = web_address.replace("//", "//me:secret@") + "/none.ts"
    with pytest.raises(SourceError, match="is it there and playing") as caught:
        open_source(address)
    assert "secret" not in str(caught.value)
    assert without_password(address) == web_address + "/none.ts"
