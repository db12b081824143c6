"""Cameras as sources."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import SourceError, UsageError
from realtime.video.sources.live import camera as source_camera
from realtime.video.sources.live.camera import CameraMode
from realtime.video.sources.open import open_source

asked: dict[int, float] = {}


class FakeCapture:
    """Stands in for cv2.VideoCapture: three frames, then the plug is pulled."""

    opened = True

    def __init__(self, index: int, backend: int) -> None:
        self.left, self.asked = 3, asked

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def get(self, prop: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 64.0, cv2.CAP_PROP_FRAME_HEIGHT: 48.0, cv2.CAP_PROP_FPS: 30.0}[prop]

    def set(self, prop: int, value: float) -> bool:
        self.asked[prop] = value
        return False

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return (False, None) if self.left < 0 else (True, np.full((48, 64, 3), (1, 2, 3), np.uint8))

    def release(self) -> None:
        pass


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_camera, "cameras", lambda: {2: "Fake Camera"})
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("spec", [2, "2", "/dev/video2", Path("/dev/video2")])
def test_camera_gives_rgb_frames_with_capture_times(spec: int | str | Path) -> None:
    frames = []
    with open_source(spec) as source, pytest.raises(SourceError, match="camera 2 stopped giving frames after 3"):
        for frame in source:
            frames.append(frame)
    assert (source.info.kind, source.info.live, source.info.size_wh) == ("camera", True, (64, 48))
    assert frames[0].planes[0][0, 0].tolist() == [3, 2, 1]
    times = [(frame.index, frame.pts, frame.captured_at) for frame in frames]
    assert times == sorted(times)
    assert len({frame.pts for frame in frames}) == 3


@pytest.mark.usefixtures("camera")
def test_camera_that_is_not_there_or_busy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(SourceError, match=r"no camera 7: .*found: 2 \(Fake Camera\)"):
        open_source(7)
    monkeypatch.setattr(FakeCapture, "opened", False)
    with pytest.raises(SourceError, match="camera 2 cannot be opened"):
        open_source(2)


@pytest.mark.usefixtures("camera")
def test_a_camera_is_asked_for_mjpg_size_and_rate_and_what_it_gives_instead_is_said() -> None:
    asked.clear()
    with open_source("2", camera_mode=CameraMode((1280, 720), 60)) as source:
        assert source.remarks.notes == ["camera 2: 1280x720 was asked for, and it gives 64x48"]
    fourcc = [cv2.CAP_PROP_FOURCC, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS]
    assert list(asked)[:4] == fourcc  # the pixel format first: it decides which sizes there are
    assert [asked[prop] for prop in fourcc[1:]] == [1280, 720, 60]
    with pytest.raises(UsageError, match="--size and --fps are for cameras"):
        open_source("tcp://127.0.0.1:1", camera_mode=CameraMode(fps=30))


@pytest.mark.usefixtures("camera")
def test_a_camera_is_found_by_a_part_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_source("fake cam") as source:
        assert source.info.name == "camera 2"
    monkeypatch.setattr(source_camera, "cameras", lambda: {2: "Fake Camera", 4: "Other Camera"})
    with pytest.raises(UsageError, match=r"2 \(Fake Camera\), 4 \(Other Camera\)"):
        open_source("camera")
    with pytest.raises(SourceError, match="no such file"):
        open_source("webcam")


def test_devices_for_metadata_are_no_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, index in ((0, 0), (1, 1)):
        device = tmp_path / f"video{number}"
        device.mkdir()
        (device / "index").write_text(f"{index}\n")
        (device / "name").write_text("Fake Camera: Fake\n")
    monkeypatch.setattr(source_camera, "_DEVICES", tmp_path)
    assert source_camera.cameras() == {0: "Fake Camera: Fake"}
