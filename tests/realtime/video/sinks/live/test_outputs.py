"""What a live run is handed to: a recording that survives a kill, readers over HTTP, a pipe, a virtual camera."""

from __future__ import annotations

import http.client
import io
import os
import signal
import socket
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import av
import cv2
import numpy as np
import pytest

from engines.errors import SinkError, UsageError
from realtime.frames.types import Frame
from realtime.video.sinks.live import mjpeg
from realtime.video.sinks.live.many import ManySinks
from realtime.video.sinks.live.mjpeg import MjpegSink
from realtime.video.sinks.live.pipe import PipeSink
from realtime.video.sinks.live.record import RecordSink
from realtime.video.sinks.live.virtualcam import VirtualCameraSink
from realtime.video.sources.live.jpegs import JpegSplitter
from tests.conftest import ROOT
from tests.fakes.pipeline import FakeSink

SIZE = (65, 48)  # an odd width: 4:2:0 of other programs has none


def gray_frame(index: int, value: int = 90, size_wh: tuple[int, int] = SIZE) -> Frame:
    picture = np.full((size_wh[1], size_wh[0], 3), value, np.uint8)
    return Frame((picture,), "rgb", index, 100 + 40 * index, Fraction(1, 1000))


def times_and_sizes(file: Path | io.BytesIO) -> list[tuple[float | None, int, int]]:
    with av.open(str(file) if isinstance(file, Path) else file) as container:
        return [(picture.time, picture.width, picture.height) for picture in container.decode(video=0)]


def test_a_recording_keeps_times_and_the_size_of_the_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    with RecordSink(path) as sink:
        for index, size_wh in enumerate([SIZE, SIZE, (48, 80)]):
            sink.write(gray_frame(index, size_wh=size_wh))
    assert times_and_sizes(path) == [(0.0, 64, 48), (0.04, 64, 48), (0.08, 64, 48)]


def test_a_recording_never_replaces_a_file_and_is_matroska(tmp_path: Path) -> None:
    (tmp_path / "live.mkv").write_bytes(b"mine")
    with pytest.raises(SinkError, match="exists"):
        RecordSink(tmp_path / "live.mkv")
    with pytest.raises(UsageError, match=r"ends in \.mkv"):
        RecordSink(tmp_path / "live.mp4")
    assert (tmp_path / "live.mkv").read_bytes() == b"mine"
    with RecordSink(tmp_path / "empty.mkv"):
        pass
    assert not (tmp_path / "empty.mkv").exists()


KILLED = """
import sys, time
from pathlib import Path
from realtime.video.sinks.live.record import RecordSink
from tests.realtime.video.sinks.live.test_outputs import gray_frame
sink = RecordSink(Path(sys.argv[1]))
for index in range(100):
    sink.write(gray_frame(index, 10 + index))
print("written", flush=True)
time.sleep(60)
"""


def test_a_recording_that_is_killed_has_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert len(times_and_sizes(path)) >= 93


@pytest.fixture
def served() -> MjpegSink:
    return MjpegSink(0)


def request(sink: MjpegSink, host: str | None = None) -> http.client.HTTPResponse:
    port = int(sink.url.rsplit(":", 1)[1].strip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/", headers={"Host": host} if host else {})
    return connection.getresponse()


def until(condition: object, seconds: float = 10) -> None:
    end = time.perf_counter() + seconds
    while not condition():  # type: ignore[operator]
        assert time.perf_counter() < end
        time.sleep(0.01)


def test_readers_get_the_latest_picture_and_nobody_watches_before_and_after(served: MjpegSink) -> None:
    with served:
        assert not served.is_watched
        assert not ManySinks([served]).is_watched
        with request(served) as response:
            until(lambda: served.is_watched)
            served.write(gray_frame(0, 200))
            splitter, pictures = JpegSplitter(), []
            while not pictures:
                pictures += splitter.feed(response.read1(1 << 16))
        picture = cv2.imdecode(np.frombuffer(pictures[0], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (48, 65, 3)
        assert abs(int(picture.mean()) - 200) < 3

        def gone() -> bool:
            served.write(gray_frame(0))
            return not served.is_watched

        until(gone)


def test_a_reader_that_takes_nothing_holds_nobody_up(served: MjpegSink) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    with served, request(served):
        until(lambda: served.is_watched)
        started = time.perf_counter()
        for index in range(200):
            served.write(Frame((noise,), "rgb", index))
        assert time.perf_counter() - started < 5


def test_a_page_of_a_stranger_gets_no_picture(served: MjpegSink) -> None:
    with served:
        assert request(served, "evil.example:80").status == 403
        assert request(served, "localhost:9").status == 200


def test_only_so_many_can_watch_at_once(served: MjpegSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjpeg, "_MOST_VIEWERS", 2)
    with served:
        watching = [request(served) for _ in range(2)]
        until(lambda: served._latest.viewers == 2)
        assert request(served).status == 503
        assert [response.status for response in watching] == [200, 200]


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SinkError, match="cannot be used"):
        MjpegSink(taken.getsockname()[1])


class Unseekable(io.BytesIO):
    """What a pipe is."""

    def seekable(self) -> bool:
        return False


def test_nut_on_a_pipe_has_times_and_raw_pictures_are_planes() -> None:
    nut, raw = Unseekable(), Unseekable()
    for sink in (PipeSink(nut, "nut"), PipeSink(raw, "raw")):
        with sink:
            for index in range(3):
                sink.write(gray_frame(index))
    assert times_and_sizes(io.BytesIO(nut.getvalue())) == [(0.1, 64, 48), (0.14, 64, 48), (0.18, 64, 48)]
    assert len(raw.getvalue()) == 3 * 64 * 48 * 3 // 2


@pytest.mark.parametrize("container", ["nut", "raw"])
def test_a_reader_that_is_gone_ends_the_run_without_an_error(container: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as file:
        sink = PipeSink(file, container)  # type: ignore[arg-type]
        sink.write(gray_frame(0))
        sink.write(gray_frame(1))
        assert not sink.wants_more
        sink.close()


@pytest.mark.parametrize("container", ["nut", "raw"])
def test_a_reader_that_stops_reading_holds_nobody_up(container: str) -> None:
    code = f"""
import sys
from realtime.video.sinks.live.latest import LatestSink
from realtime.video.sinks.live.pipe import PipeSink
from tests.realtime.video.sinks.live.test_outputs import gray_frame
sink = LatestSink(PipeSink(getattr(sys.stdout.buffer, "raw", sys.stdout.buffer), "{container}"), "--pipe")
for index in range(20):
    sink.write(gray_frame(index, size_wh=(640, 480)))
sink.close()
print(sink.dropped, *sink.remarks.notes, file=sys.stderr)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.wait(60) == 0  # nobody has read
        assert process.stderr is not None
        assert "--pipe: its reader was too slow for" in process.stderr.read()


class FakeCamera:
    """A camera of pyvirtualcam."""

    sent: ClassVar[list[np.ndarray]] = []

    def __init__(self, width: int, height: int, fps: float, fmt: str) -> None:
        self.size = (width, height)

    def send(self, picture: np.ndarray) -> None:
        assert picture.shape[1::-1] == self.size
        self.sent.append(picture)

    def close(self) -> None:
        """Nothing is open."""


def test_a_virtual_camera_gets_bgr_pictures_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    library = SimpleNamespace(Camera=FakeCamera, PixelFormat=SimpleNamespace(BGR="bgr"))
    monkeypatch.setitem(sys.modules, "pyvirtualcam", library)
    with VirtualCameraSink() as sink:
        sink.write(Frame((np.full((48, 64, 3), (10, 20, 30), np.uint8),), "rgb"))
        sink.write(gray_frame(1, size_wh=(32, 48)))
    assert FakeCamera.sent[0][0, 0].tolist() == [30, 20, 10]


def test_a_virtual_camera_that_is_missing_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(SinkError, match=r"pip install 'unveil\[virtualcam\]'"):
        VirtualCameraSink()

    def none(*values: object, **more: object) -> None:
        raise RuntimeError("No /dev/videoX device found")

    library = SimpleNamespace(Camera=none, PixelFormat=SimpleNamespace(BGR="bgr"))
    monkeypatch.setitem(sys.modules, "pyvirtualcam", library)
    with pytest.raises(SinkError, match=r"No /dev/videoX.*v4l2loopback"):
        VirtualCameraSink()


def test_several_sinks_get_each_frame_and_end_together() -> None:
    one, other = FakeSink(), FakeSink()
    with ManySinks([one, other]) as both:
        both.write(gray_frame(0))
        other.wants_more = False
        assert not both.wants_more
    assert (len(one.frames), len(other.frames), one.closed, other.closed) == (1, 1, True, True)
