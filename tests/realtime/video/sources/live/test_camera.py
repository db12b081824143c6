"""Cameras as sources."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import SourceError
from realtime.video.sources.live import camera as source_camera
from realtime.video.sources.open import open_source


class FakeCapture:
    """Stands in for cv2.VideoCapture: three frames, then the plug is pulled."""

    opened = True

    def __init__(self, index: int, backend: int) -> None:
        self.left = 3

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def get(self, prop: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 64.0, cv2.CAP_PROP_FRAME_HEIGHT: 48.0, cv2.CAP_PROP_FPS: 30.0}[prop]

    def set(self, prop: int, value: float) -> bool:
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
    with pytest.raises(SourceError, match=r"no camera 7: .*found: 2"):
        open_source(7)
    monkeypatch.setattr(FakeCapture, "opened", False)
    with pytest.raises(SourceError, match="camera 2 cannot be opened"):
        open_source(2)
