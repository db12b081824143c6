"""Image files, through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from engines.errors import SourceError
from realtime.frames.types import U8, Frame
from realtime.video.sources.base import Source, SourceInfo


class ImageSource(Source):
    """One rgb frame without a pts: an image file, turned upright as its EXIF orientation says."""

    def __init__(self, path: Path) -> None:
        self._rgb = read_rgb(path)
        height, width = self._rgb.shape[:2]
        super().__init__(SourceInfo(name=path.name, kind="image", size_wh=(width, height), frames=1, path=path))

    def __iter__(self) -> Iterator[Frame]:
        yield Frame((self._rgb,), "rgb", captured_at=time.perf_counter())

    def close(self) -> None:
        """Nothing is held open."""


def read_rgb(path: Path) -> U8:
    """(H, W, 3) uint8 RGB of an image file: upright, 16-bit reduced to 8, transparency left out.

    Raises:
        SourceError: missing, empty or not an image.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as e:
        raise SourceError(f"{path}: cannot be read ({e.strerror})") from e
    if data.size == 0:
        raise SourceError(f"{path}: the file is empty")
    try:
        rgb = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    except cv2.error as e:
        raise SourceError(f"{path}: cannot be decoded as an image ({e.err})") from e
    if rgb is None:
        raise SourceError(f"{path}: not an image that OpenCV can decode; expected JPEG, PNG, WebP, BMP or TIFF")
    return np.asarray(rgb, np.uint8)
