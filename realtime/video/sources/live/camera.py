"""Cameras, through OpenCV."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from engines.errors import SourceError, UsageError
from realtime.frames.types import Frame
from realtime.video.sources.base import Source, SourceInfo, SourceKind

_ADDRESS = re.compile(r"(?:/dev/video)?(\d+)")
_TIME_BASE = Fraction(1, 90_000)
_DEVICES = Path("/sys/class/video4linux")
_MJPG = cv2.VideoWriter.fourcc(*"MJPG")  # raw pictures of 720p and more do not fit through USB 2 at 30 fps


@dataclass(frozen=True)
class CameraMode:
    """What is asked of a camera. It may give something else."""

    size_wh: tuple[int, int] | None = None
    """None: the size that it has by itself."""
    fps: float | None = None


class CameraSource(Source):
    """The rgb frames of a camera. Their pts is the time at which they were read."""

    def __init__(self, index: int, mode: CameraMode | None = None) -> None:
        """Args:
        index: the number of the camera: N for /dev/videoN on Linux.
        """
        _check_present(index)
        self._capture = cv2.VideoCapture(index, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(f"camera {index} cannot be opened; is another program using it, or is it not a camera?")
        self._ask_for(mode or CameraMode())
        size = (self._number(cv2.CAP_PROP_FRAME_WIDTH), self._number(cv2.CAP_PROP_FRAME_HEIGHT))
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        super().__init__(SourceInfo(f"camera {index}", "camera", size, live=True, fps=fps if fps > 0 else None))
        self._note_other_size(mode)

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

    def _ask_for(self, mode: CameraMode) -> None:
        self._capture.set(cv2.CAP_PROP_FOURCC, _MJPG)  # before the size: it decides which sizes there are
        if mode.size_wh:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, mode.size_wh[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, mode.size_wh[1])
        if mode.fps:
            self._capture.set(cv2.CAP_PROP_FPS, mode.fps)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # The driver's own queue would only delay the frames.

    def _note_other_size(self, mode: CameraMode | None) -> None:
        if mode and mode.size_wh and mode.size_wh != self.info.size_wh:
            asked, given = (f"{width}x{height}" for width, height in (mode.size_wh, self.info.size_wh))
            self.remarks.note(f"{self.info.name}: {asked} was asked for, and it gives {given}")

    def _number(self, prop: int) -> int:
        return round(self._capture.get(prop))


def cameras() -> dict[int, str]:
    """The numbers and names of this machine's cameras on Linux; empty on other systems, which have no such list.

    Cameras have further devices, for metadata, which give no pictures. They are left out.
    """
    devices = {int(device.name[5:]): device for device in _DEVICES.glob("video*") if device.name[5:].isdigit()}
    return {
        number: _text(device / "name")
        for number, device in sorted(devices.items())
        if _text(device / "index") in ("", "0")
    }


def camera_source(address: str | Path, mode: CameraMode | None = None) -> CameraSource:
    """Open a camera by its number, its device, or a part of its name. Raises SourceError or UsageError."""
    index = _index_of(address)
    return CameraSource(_index_of_name(str(address)) if index is None else index, mode)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _index_of(address: str | Path) -> int | None:
    match = _ADDRESS.fullmatch(str(address))
    if match is None or (isinstance(address, Path) and not address.is_absolute()):  # Path("3") is a file with that name
        return None
    return int(match[1])


def _index_of_name(part: str) -> int:
    hits = _named(part)
    if len(hits) > 1:
        listed = ", ".join(f"{index} ({name})" for index, name in hits.items())
        raise UsageError(f"{part!r} is part of the names of several cameras: {listed}; give the number of one of them")
    if not hits:
        raise SourceError(f"no camera has {part!r} in its name; is it plugged in?")
    return next(iter(hits))


def _named(part: str) -> dict[int, str]:
    return {index: name for index, name in cameras().items() if part.lower() in name.lower()}


def _is_camera(address: str | Path) -> bool:
    if _index_of(address) is not None:
        return True
    is_name = isinstance(address, str) and address and "://" not in address and not Path(address).exists()
    return bool(is_name and _named(str(address)))


def _check_present(index: int) -> None:
    # OpenCV's own message, on stderr, is less clear.
    if sys.platform == "linux" and not Path(f"/dev/video{index}").exists() and index not in cameras():
        listed = ", ".join(f"{number} ({name})" if name else str(number) for number, name in cameras().items())
        raise SourceError(f"no camera {index}: /dev/video{index} does not exist (cameras found: {listed or 'none'})")


CAMERA = SourceKind(_is_camera, camera_source)
