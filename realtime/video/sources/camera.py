"""Cameras, through OpenCV."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from engines.errors import SourceError
from realtime.frames.types import Frame
from realtime.video.sources.base import Source, SourceInfo, SourceKind

_ADDRESS = re.compile(r"(?:/dev/video)?(\d+)")
_TIME_BASE = Fraction(1, 90_000)


class CameraSource(Source):
    """The rgb frames of a camera. Their pts is the time at which they were read."""

    def __init__(self, index: int) -> None:
        """Args:
        index: the number of the camera: N for /dev/videoN on Linux.
        """
        _check_present(index)
        self._capture = cv2.VideoCapture(index, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(f"camera {index} cannot be opened; is it in use by another program, or no camera?")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # The driver's own queue would only delay the frames.
        size = (self._number(cv2.CAP_PROP_FRAME_WIDTH), self._number(cv2.CAP_PROP_FRAME_HEIGHT))
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        super().__init__(SourceInfo(f"camera {index}", "camera", size, live=True, fps=fps if fps > 0 else None))

    def __iter__(self) -> Iterator[Frame]:
        index, pts, started = 0, -1, time.perf_counter()
        while not self._stopped.is_set():
            read, bgr = self._capture.read()
            if not read:
                raise SourceError(f"{self.info.name} stopped giving frames after {index}; is it still plugged in?")
            now = time.perf_counter()
            pts = max(pts + 1, round((now - started) / _TIME_BASE))
            rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
            yield Frame((rgb,), "rgb", index, pts, _TIME_BASE, now)
            index += 1

    def close(self) -> None:
        self._capture.release()

    def _number(self, prop: int) -> int:
        return round(self._capture.get(prop))


def cameras() -> list[int]:
    """The numbers of this machine's video devices on Linux; an empty list on other systems, which have no such list."""
    return sorted(int(path.name[5:]) for path in Path("/dev").glob("video*") if path.name[5:].isdigit())


def _index_of(address: str | Path) -> int | None:
    match = _ADDRESS.fullmatch(str(address))
    if match is None or (isinstance(address, Path) and not address.is_absolute()):  # Path("3") is a file with that name
        return None
    return int(match[1])


def _open(address: str | Path) -> CameraSource:
    index = _index_of(address)
    assert index is not None
    return CameraSource(index)


def _check_present(index: int) -> None:
    # OpenCV's own message, on stderr, is less clear.
    if sys.platform == "linux" and index not in cameras():
        found = ", ".join(map(str, cameras())) or "none"
        raise SourceError(f"no camera {index}: /dev/video{index} does not exist (cameras found: {found})")


CAMERA = SourceKind(lambda address: _index_of(address) is not None, _open)
