"""A live source that is lost and comes back goes on; one that stays away is damage. All on the loopback or on fakes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
import pytest

from engines.errors import SourceError
from realtime.frames.types import Frame
from realtime.video.sources.base import Source, SourceInfo
from realtime.video.sources.live import camera, mjpeg, reconnecting
from realtime.video.sources.live.reconnecting import Reconnecting, ReconnectingSource
from realtime.video.sources.open import open_source
from tests.fakes.stream import Servers, http, rtsp, send, silent_after
from tests.realtime.video.sources.live.test_camera import FakeCapture


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnecting, "_FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(reconnecting, "_LONGEST_WAIT_SECONDS", 0.05)


def plain(size_wh: tuple[int, int], index: int) -> Frame:
    return Frame((np.full((size_wh[1], size_wh[0], 3), 90, np.uint8),), "rgb", index, 3 * index, Fraction(1, 90))


class Breaking(Source):
    """Gives three frames of a size and is lost."""

    def __init__(self, size_wh: tuple[int, int]) -> None:
        super().__init__(SourceInfo("fake", "stream", size_wh, live=True))

    def __iter__(self) -> Iterator[Frame]:
        yield from (plain(self.info.size_wh, index) for index in range(3))
        raise SourceError("fake: the stream broke off")

    def close(self) -> None:
        self.remarks.note(f"fake: closed at {self.info.size_wh[0]} pixels")


def opener(*sizes_wh: tuple[int, int] | None) -> Source:
    """A source that is opened again with each size in turn; None, and after the last: it is not there."""
    left = list(sizes_wh)

    def open_again() -> Source:
        size_wh = left.pop(0) if left else None
        if size_wh is None:
            raise SourceError("fake: not there")
        return Breaking(size_wh)

    said: list[str] = []
    source = ReconnectingSource(open_again(), open_again, Reconnecting(0.3, said.append))
    source.said = said  # type: ignore[attr-defined]
    return source


def test_frames_go_on_in_size_number_and_time_after_a_loss() -> None:
    source, frames = opener((64, 48), None, (32, 48)), []
    with pytest.raises(SourceError, match=r"broke off; it did not come back within 0.3 s"):
        for frame in source:
            frames.append(frame)
    assert source.reconnects == 1
    assert [frame.index for frame in frames] == list(range(6))
    assert {frame.size_wh for frame in frames} == {(64, 48)}
    times = [frame.pts_seconds for frame in frames]
    assert times == sorted(set(times))
    narrow = frames[-1].planes[0]  # in the middle, between black bars
    assert (narrow[24, 0].tolist(), narrow[24, 32].tolist()) == ([0, 0, 0], [90, 90, 90])
    words = [sentence.split(":")[0] for sentence in source.said]  # type: ignore[attr-defined]
    assert words == ["lost", "back", "lost"]
    assert source.remarks.notes == ["fake: closed at 64 pixels", "fake: closed at 32 pixels"]


def test_a_run_that_is_stopped_while_its_source_is_away_ends_without_damage() -> None:
    source = opener((64, 48))
    threading.Timer(0.05, source.stop).start()
    assert len(list(source)) == 3


def test_a_camera_that_is_plugged_in_again_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "cameras", lambda: {2: "Fake Camera"})
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    count = 0
    with open_source("2", live=True, reconnecting=Reconnecting(5, lambda text: None)) as source:
        for count, _ in enumerate(source, start=1):
            if count == 7:  # each fake capture gives three
                source.stop()
    assert (count, source.reconnects) == (7, 2)


@pytest.mark.usefixtures("impatient")
def test_a_frozen_stream_is_lost_and_a_server_that_is_restarted_is_found_again(servers: Servers, ts: bytes) -> None:
    url = f"tcp://{servers.start(silent_after(servers, ts))}"
    said: list[str] = []
    with open_source(url, live=True, reconnecting=Reconnecting(20, said.append)) as source:
        for frame in source:
            if source.reconnects and frame.index:
                source.stop()
    assert source.reconnects == 1
    assert "no data for 2 s" in said[0]
    assert said[1].startswith(f"back: {url}")


@pytest.mark.parametrize("protocol", ["tcp", "rtsp"])
def test_a_stream_that_is_cut_off_is_opened_again(servers: Servers, ts: bytes, protocol: str) -> None:
    answer = rtsp(ts) if protocol == "rtsp" else lambda connection: send(connection, ts)
    url = f"{protocol}://{servers.start(answer)}/x".removesuffix("/x" if protocol == "tcp" else "")
    with open_source(url, live=True, reconnecting=Reconnecting(20, lambda text: None)) as source:
        for _ in source:
            if source.reconnects == 2:
                source.stop()
    assert source.reconnects == 2


JPEG = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
MULTIPART = "Content-Type: multipart/x-mixed-replace; boundary=frame"


def part(jpeg: bytes) -> bytes:
    return b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n"


def test_garbage_between_pictures_is_survived(servers: Servers) -> None:
    noise = np.random.default_rng(1).integers(0, 256, 5000, np.uint8).tobytes()
    content = b"".join(
        [noise, part(JPEG), noise, part(JPEG[: len(JPEG) // 2]), part(JPEG), b"\xff\xd8\xff", part(JPEG)]
    )

    def body(connection: socket.socket) -> None:
        for start in range(0, len(content), 700):
            connection.sendall(content[start : start + 700])

    frames = []
    with open_source(f"http://{servers.start(http(MULTIPART, body))}/cam", live=True) as source:
        assert isinstance(source, mjpeg.MjpegSource)
        with pytest.raises(SourceError, match="after 3 frames"):
            for frame in source:
                frames.append(frame)
    assert [note.split(": ")[1] for note in source.remarks.notes] == ["2 damaged pictures are left out"]
    assert all(abs(int(frame.planes[0][0, 0]) - 90) < 3 for frame in frames)


def test_a_camera_that_sends_no_picture_is_lost(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjpeg, "TIMEOUT_SECONDS", 0.4)

    def body(connection: socket.socket) -> None:
        connection.sendall(part(JPEG))
        while not servers.ended.wait(0.05):
            connection.sendall(b"--frame\r\n")

    with open_source(f"http://{servers.start(http(MULTIPART, body))}/cam", live=True) as source:
        started = time.perf_counter()
        with pytest.raises(SourceError, match=r"no picture for 0.4 s"):
            list(source)
    assert time.perf_counter() - started < 10
