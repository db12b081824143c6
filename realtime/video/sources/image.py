"""Image files, through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from engines.errors import SourceError
from realtime.frames.types import Frame, Rgb
from realtime.video.sources.base import Source, SourceInfo, SourceKind, file_path

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


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


def is_image(path: Path) -> bool:
    """True for a still image, by its suffix."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def read_rgb(path: Path) -> Rgb:
    """(H, W, 3) uint8 of an image file: upright, 16 bits reduced to 8, without transparency.

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


IMAGE = SourceKind(
    lambda address: is_image(file_path(address)), lambda address: ImageSource(file_path(address)), IMAGE_SUFFIXES
)
