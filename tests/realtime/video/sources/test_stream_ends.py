"""Streams that state their end: whole, or broken off with a word."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.video.sources import stream
from tests.fakes.stream import (
    Playlist,
    Servers,
    chunked,
    clip_bytes,
    http,
    pieces,
    read,
    rtsp,
    says,
    send,
)
from tests.fakes.video import Clip

TIMEOUT = 2.0
JPEG = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
PARTS = [b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(JPEG), JPEG)] * 30
CAMERA = "Content-Type: multipart/x-mixed-replace; boundary=frame"
FASTSTART = {"movflags": "faststart"}
CHUNKED = "Transfer-Encoding: chunked"


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
