"""Image files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from realtime.frames.types import Frame, Rgb
from realtime.video.sources.base import Source, SourceInfo, SourceKind, file_path
from realtime.video.sources.still import read_still

IMAGE_SUFFIXES = frozenset({
    ".avif", ".bmp", ".heic", ".heif", ".hif", ".jfif", ".jpe", ".jpeg", ".jpg", ".jxl", ".png", ".tif", ".tiff",
    ".webp",
})  # fmt: skip
WRITTEN_AS = dict.fromkeys((".heic", ".heif", ".hif", ".jxl"), ".jpg")
"""The suffix of an output in colour, where the format of the input can only be read."""


class ImageSource(Source):
    """The picture of an image file as an rgb frame without a pts, upright as its EXIF orientation says.

    An animation or a file of several pages gives one frame for each picture.
    """

    def __init__(self, path: Path) -> None:
        self._still = read_still(path)
        pictures = self._still.pictures
        height, width = pictures[0].shape[:2]
        super().__init__(
            SourceInfo(
                name=path.name,
                kind="image",
                size_wh=(width, height),
                frames=len(pictures),
                path=path,
                image_tags=self._still.tags,
            )
        )
        for note in self._still.notes:
            self.remarks.note(f"{path.name}: {note}")

    def __iter__(self) -> Iterator[Frame]:
        for index, rgb in enumerate(self._still.pictures):
            yield Frame((rgb,), "rgb", index, captured_at=time.perf_counter())

    def close(self) -> None:
        """Nothing is held open."""


def is_image(path: Path) -> bool:
    """True for a still image, by its suffix."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def read_rgb(path: Path) -> Rgb:
    """(H, W, 3) uint8 of an image file, or of its first picture: upright, 8 bits, without transparency.

    Raises:
        SourceError: missing, empty, cut off or damaged, or not an image.
    """
    return read_still(path).pictures[0]


IMAGE = SourceKind(
    lambda address: is_image(file_path(address)), lambda address: ImageSource(file_path(address)), IMAGE_SUFFIXES
)
