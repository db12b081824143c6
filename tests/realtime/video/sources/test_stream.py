"""Network streams that break off say so; those that end as they stated, or because they were stopped, do not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.video.sources import stream
from realtime.video.sources.open import open_source
from tests.fakes.stream import (
    Answer,
    Servers,
    chunked,
    clip_bytes,
    http,
    pieces,
    read,
    reset,
    rtsp,
    says,
    send,
    silent_after,
)

FASTSTART = {"movflags": "faststart"}
TIMEOUT = 2.0
JPEG = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
PARTS = [b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(JPEG), JPEG)] * 30
CAMERA = "Content-Type: multipart/x-mixed-replace; boundary=frame"
CHUNKED = "Transfer-Encoding: chunked"


# Streams of no stated end.


def test_tcp_server_that_closes_the_connection_breaks_off(servers: Servers, ts: bytes) -> None:
    url = f"tcp://{servers.start(lambda connection: send(connection, ts))}"
    count, error = read(url)
    assert says(count, error, "the sender closed the connection")
    assert (error or "").startswith(f"{url}: ")


def test_tcp_server_that_is_killed_breaks_off(servers: Servers, ts: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        send(connection, ts)
        reset(connection)

    assert says(*read(f"tcp://{servers.start(answer)}"), "Connection reset by peer")


@pytest.mark.usefixtures("impatient")
def test_tcp_server_that_goes_silent_breaks_off(servers: Servers, ts: bytes) -> None:
    assert says(*read(f"tcp://{servers.start(silent_after(servers, ts))}"), "no data for 2 s")


@pytest.mark.usefixtures("impatient")
def test_udp_that_goes_silent_breaks_off(servers: Servers, ts: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def sender() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to:
            to.connect(("127.0.0.1", port))
            for start in range(0, len(ts), 7 * 188):
                time.sleep(0.02)
                try:
                    to.send(ts[start : start + 7 * 188])
                except ConnectionRefusedError:  # nobody listens yet
                    continue

    threading.Timer(0.3, sender).start()
    assert says(*read(f"udp://127.0.0.1:{port}"), "no data for 2 s")


def test_rtsp_server_that_goes_away_breaks_off(servers: Servers, ts: bytes) -> None:
    assert says(*read(f"rtsp://{servers.start(rtsp(ts))}/x"), "the sender closed the connection")


@pytest.mark.parametrize(
    "headers, body",
    [
        (CAMERA, lambda connection: send(connection, b"".join(PARTS))),
        (f"{CAMERA}\r\n{CHUNKED}", chunked(iter(PARTS), terminated=False)),
        (f"{CAMERA}\r\n{CHUNKED}", chunked(iter(PARTS))),
        (f"{CAMERA}\r\n{CHUNKED}", chunked(iter([*PARTS, b"--frame--\r\n"]))),
    ],
    ids=["closed", "a chunk missing", "last chunk", "last boundary"],
)
def test_mjpeg_camera_that_stops_breaks_off(servers: Servers, headers: str, body: Answer) -> None:
    count, error = read(f"http://{servers.start(http(headers, body))}/camera")
    assert count == 30
    assert "the stream broke off after 30 frames" in (error or "")


@pytest.mark.parametrize("terminated", [True, False])
def test_chunked_stream_of_no_duration_breaks_off(servers: Servers, ts: bytes, terminated: bool) -> None:
    answer = http(CHUNKED, chunked(pieces(ts), terminated))
    assert says(*read(f"http://{servers.start(answer)}/live.ts"), "the sender closed the connection")


def only_sound_after(servers: Servers, content: bytes) -> Answer:
    packets = [content[start : start + 188] for start in range(0, len(content), 188)]
    sound = b"".join(packet for packet in packets if int.from_bytes(packet[1:3], "big") & 0x1FFF == 0x101)
    assert sound

    def answer(connection: socket.socket) -> None:
        send(connection, content)
        until = time.perf_counter() + 8
        while time.perf_counter() < until and not servers.ended.wait(0.1):
            connection.sendall(sound)

    return answer


@pytest.mark.usefixtures("impatient")
def test_pictures_that_stop_while_the_sound_goes_on_break_off(servers: Servers, tmp_path: Path) -> None:
    content = clip_bytes(tmp_path / "clip.ts", audio="mp2")
    assert says(*read(f"tcp://{servers.start(only_sound_after(servers, content))}"), "no picture for 2 s")


# Streams that are stopped.


def after(seconds: float, change: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, change)
    timer.daemon = True
    timer.start()
    return timer


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("paced", [False, True])
def test_stream_that_is_stopped_while_it_is_silent_does_not_break_off(
    servers: Servers, tmp_path: Path, paced: bool
) -> None:
    content = clip_bytes(tmp_path / "clip.mkv")
    answer = http(CHUNKED, chunked_then_silent(servers, content[: len(content) * 7 // 10]))
    with open_source(f"http://{servers.start(answer)}/clip.mkv", live=paced) as source:
        stop = after(5.0, source.stop)
        for _ in source:
            stop.cancel()
            stop = after(0.4, source.stop)


def chunked_then_silent(servers: Servers, content: bytes) -> Answer:
    send_chunks = chunked(pieces(content), terminated=False)

    def body(connection: socket.socket) -> None:
        send_chunks(connection)
        servers.ended.wait(30)

    return body


def test_stop_is_noticed_while_only_sound_comes(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "TIMEOUT_SECONDS", 60.0)
    content = clip_bytes(tmp_path / "clip.ts", audio="mp2")
    with open_source(f"tcp://{servers.start(only_sound_after(servers, content))}") as source:
        after(1.0, source.stop)
        started = time.perf_counter()
        assert len(list(source)) > 10
    assert time.perf_counter() - started < 5
