"""Network streams that break off say so; those that end as they stated, or because they were stopped, do not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from engines.errors import SourceError
from realtime.video.sources import stream
from realtime.video.sources.open import open_source
from tests.fakes.stream import (
    Answer,
    Playlist,
    Servers,
    chunked,
    clip_bytes,
    http,
    pieces,
    reset,
    rtsp,
    send,
    silent_after,
)
from tests.fakes.video import Clip

FASTSTART = {"movflags": "faststart"}
TIMEOUT = 2.0
JPEG = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
PARTS = [b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(JPEG), JPEG)] * 30
CAMERA = "Content-Type: multipart/x-mixed-replace; boundary=frame"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources that wait for data for no more than two seconds."""
    monkeypatch.setattr(stream, "TIMEOUT_SECONDS", TIMEOUT)
    monkeypatch.setattr(stream, "_PLAYLIST_TIMEOUT_SECONDS", TIMEOUT)


@pytest.fixture
def ts(tmp_path: Path) -> bytes:
    """Two seconds of MPEG-TS, which states no duration."""
    return clip_bytes(tmp_path / "clip.ts")


def read(url: str, *, live: bool = False) -> tuple[int, str | None]:
    """How many frames a source gives, and what it raises at their end."""
    count = 0
    with open_source(url, live=live) as source:
        try:
            for _ in source:
                count += 1
        except SourceError as e:
            return count, str(e)
    return count, None


def says(count: int, error: str | None, reason: str) -> bool:
    """Whether the error names the frames and the reason; some of two seconds of frames must have come."""
    assert count > 10
    assert error is not None, "it ended without a word"
    return f"the stream broke off after {count} frames" in error and f"({reason})" in error


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


# Streams that state their end.


@pytest.mark.parametrize("name", ["clip.ts", "clip.mp4", "clip.mkv"])
@pytest.mark.parametrize("share", [1.0, 0.7])
def test_file_over_http_is_whole_or_breaks_off(servers: Servers, tmp_path: Path, name: str, share: float) -> None:
    content = clip_bytes(tmp_path / name, options=FASTSTART if name.endswith("mp4") else None)
    cut = content[: round(len(content) * share)]
    answer = http(f"Content-Length: {len(content)}", lambda connection: connection.sendall(cut))
    count, error = read(f"http://{servers.start(answer)}/{name}")
    if share == 1:
        assert (count, error) == (60, None)
    else:
        assert 0 < count < 60
        assert "the stream broke off" in (error or "")
        assert "(the data ended early)" in (error or "")


def test_cut_file_that_comes_whole_over_http_ends_early_as_on_disk(servers: Servers, tmp_path: Path) -> None:
    content = clip_bytes(tmp_path / "clip.mp4", options=FASTSTART)
    cut = content[: round(len(content) * 0.7)]
    answer = http(f"Content-Length: {len(cut)}", lambda connection: connection.sendall(cut))
    assert "ends early" in (read(f"http://{servers.start(answer)}/clip.mp4")[1] or "")


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
@pytest.mark.parametrize("terminated", [True, False])
@pytest.mark.parametrize("share", [1.0, 0.7])
def test_chunked_file_that_states_its_duration_is_whole_or_breaks_off(
    servers: Servers, tmp_path: Path, name: str, terminated: bool, share: float
) -> None:
    content = clip_bytes(tmp_path / name, options=FASTSTART if name.endswith("mp4") else None)
    answer = http(CHUNKED, chunked(pieces(content[: round(len(content) * share)]), terminated))
    count, error = read(f"http://{servers.start(answer)}/{name}")
    assert (count == 60) is (share == 1)
    assert ("the stream broke off" in (error or "")) is (share < 1)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_file_without_a_stated_size_gives_its_last_frames_too(servers: Servers, tmp_path: Path, name: str) -> None:
    """An old server closes the connection at the end of a file, which FFmpeg reports as an error."""
    content = clip_bytes(tmp_path / name, options=FASTSTART if name.endswith("mp4") else None)
    answer = http("X-Nothing: stated", lambda connection: send(connection, content))
    assert read(f"http://{servers.start(answer)}/{name}") == (60, None)


def test_chunked_file_whose_sound_is_longer_is_whole(servers: Servers, tmp_path: Path) -> None:
    content = Clip(30, time_base=Fraction(1, 30), audio="aac", audio_seconds=(0.0, 4.0)).write(tmp_path / "clip.mkv")
    answer = http(CHUNKED, chunked(pieces(content.read_bytes())))
    assert read(f"http://{servers.start(answer)}/clip.mkv") == (30, None)


def test_fragmented_file_does_not_state_the_end_of_a_live_stream(servers: Servers, tmp_path: Path) -> None:
    """Its first fragment, of half a second, has a duration, but no more comes from there."""
    content = clip_bytes(tmp_path / "clip.mp4", options={"movflags": "frag_keyframe+empty_moov"})
    answer = http(CHUNKED, chunked(pieces(content)))
    assert says(*read(f"http://{servers.start(answer)}/live.mp4"), "the sender closed the connection")


@pytest.mark.parametrize("stated, broke_off", [(2.0, False), (60.0, True)])
def test_rtsp_recording_ends_as_it_states_or_breaks_off(
    servers: Servers, ts: bytes, stated: float, broke_off: bool
) -> None:
    _, error = read(f"rtsp://{servers.start(rtsp(ts, stated))}/x")
    assert ("the stream broke off" in (error or "")) is broke_off


def test_complete_playlist_ends_as_it_states(servers: Servers, tmp_path: Path) -> None:
    assert read(Playlist(servers, tmp_path, "4").url) == (120, None)


def test_complete_playlist_with_a_segment_missing_breaks_off(servers: Servers, tmp_path: Path) -> None:
    count, error = read(Playlist(servers, tmp_path, "6").url)
    assert says(count, error, "the playlist states 6.0 s, 4.0 s could be read")


def test_live_playlist_that_becomes_complete_ends_as_it_states(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its next segment takes longer than other streams have for a packet."""
    monkeypatch.setattr(stream, "TIMEOUT_SECONDS", 1.5)
    assert read(Playlist(servers, tmp_path, *[2] * 5, "4").url) == (120, None)


def test_live_playlist_whose_server_dies_breaks_off(servers: Servers, tmp_path: Path) -> None:
    assert says(*read(Playlist(servers, tmp_path, 3, 3, "dead").url), "its playlist can no longer be read")


@pytest.mark.usefixtures("impatient")
def test_live_playlist_that_no_longer_grows_breaks_off_whatever_it_is_afterwards(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = Clip().write(tmp_path / "complete.mp4")
    monkeypatch.setattr(stream, "open_stream", lambda url: av.open(str(complete)))
    assert says(*read(Playlist(servers, tmp_path, 3).url), "no data for 2 s")


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
