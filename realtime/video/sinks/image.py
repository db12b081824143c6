"""Image files: OpenCV writes a picture alone, Pillow one with tags, and several in one file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from engines.errors import SinkError, UsageError
from realtime.frames.types import U8, Frame
from realtime.video.av_frame import rgb_from_frame
from realtime.video.image_tags import ImageTags
from realtime.video.sinks.base import Sink
from realtime.video.sinks.part_file import PartFile, sink_errors
from realtime.video.sources.base import SourceInfo

_JPEG_QUALITY = 95
_JPEG: dict[str, Any] = {"format": "JPEG", "quality": _JPEG_QUALITY}
_PILLOW: dict[str, dict[str, Any]] = {
    ".jpg": _JPEG, ".jpeg": _JPEG, ".jfif": _JPEG, ".jpe": _JPEG,
    ".png": {"format": "PNG", "compress_level": 1},
    ".webp": {"format": "WEBP", "lossless": True, "quality": 20},  # without loss, this is the effort
    ".tif": {"format": "TIFF"}, ".tiff": {"format": "TIFF"},  # Pillow cannot compress one that has EXIF
    ".avif": {"format": "AVIF", "quality": 90},
}  # fmt: skip
_ONLY_PILLOW = frozenset({".avif", ".jfif", ".jpe"})
_SEVERAL = frozenset({".png", ".webp", ".tif", ".tiff", ".avif"})
"""The formats that hold an animation or several pages."""


class ImageSink(Sink):
    """Writes an image in the format of the path's suffix. `gray` (class ids) and `rgba` need .png.

    It has one frame, or as many as the input has pictures. The input's EXIF, colour profile and resolution are kept,
    but for class ids.
    """

    def __init__(self, path: Path | PartFile, info: SourceInfo | None = None) -> None:
        """Args:
        info: the input.
        """
        self._file = PartFile.of(path)
        self._tags = info.image_tags if info and info.image_tags else ImageTags()
        self._expected = info.frames or 1 if info and info.kind == "image" else 1
        self._frames: list[Frame] = []

    def write(self, frame: Frame) -> None:
        path = self._file.path
        if len(self._frames) == self._expected:
            raise UsageError(f"{path}: got a second frame; an image holds one")
        if frame.layout in ("gray", "rgba") and path.suffix.lower() != ".png":
            raise UsageError(f"{path}: a {frame.layout} frame needs a .png, to be kept exactly")
        if self._expected > 1 and path.suffix.lower() not in _SEVERAL:
            self.remarks.note(f"{path.name}: only the first of its {self._expected} pictures fits into {path.suffix}")
            self._frames = self._frames[:1] or [frame]
            return
        self._frames.append(frame)

    def close(self) -> None:
        if not self._frames:
            self._file.discard()
            return
        try:
            data = _encoded(self._frames, self._tags, self._file.path)
            with sink_errors(self._file.path):
                self._file.part.write_bytes(data)
        except BaseException:
            self.abort()
            raise
        self._file.keep()

    def abort(self) -> None:
        self._file.discard()


def _encoded(frames: list[Frame], tags: ImageTags, path: Path) -> bytes:
    suffix = path.suffix.lower()
    saved = {} if frames[0].layout == "gray" else _saved(tags)
    if suffix in _ONLY_PILLOW or len(frames) > 1 or (saved and suffix in _PILLOW):
        return _by_pillow(frames, tags, _PILLOW[suffix] | saved, path)
    return _by_opencv(frames[0], path)


def _saved(tags: ImageTags) -> dict[str, Any]:
    """The tags as arguments for Pillow."""
    saved = {"exif": tags.exif, "icc_profile": tags.icc_profile, "dpi": tags.dpi}
    return {name: value for name, value in saved.items() if value}


def _by_pillow(frames: list[Frame], tags: ImageTags, options: dict[str, Any], path: Path) -> bytes:
    first, *others = (Image.fromarray(_rgb_or_as_is(frame)) for frame in frames)
    if others:
        options = options | {"save_all": True, "append_images": others}
        if tags.durations_ms:
            durations = [round(milliseconds) for milliseconds in tags.durations_ms]
            options |= {"duration": durations, "loop": tags.loop or 0}
    data = io.BytesIO()
    try:
        first.save(data, **options)
    except (OSError, ValueError, RuntimeError) as e:
        raise SinkError(f"{path} cannot be written as {path.suffix} ({e}); choose .png") from e
    return data.getvalue()


def _by_opencv(frame: Frame, path: Path) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
    try:
        encoded, data = cv2.imencode(path.suffix, _bgr_or_as_is(frame), options)
    except cv2.error as e:
        raise SinkError(f"{path} cannot be written as {path.suffix} ({e.err}); choose .png") from e
    if not encoded:
        raise SinkError(f"{path} cannot be written as {path.suffix} at {frame.size_wh}; choose .png")
    return data.tobytes()


def _rgb_or_as_is(frame: Frame) -> U8:
    return frame.planes[0] if frame.layout in ("gray", "rgba") else rgb_from_frame(frame)


def _bgr_or_as_is(frame: Frame) -> U8:
    if frame.layout == "gray":
        return frame.planes[0]
    if frame.layout == "rgba":
        return np.asarray(cv2.cvtColor(frame.planes[0], cv2.COLOR_RGBA2BGRA), np.uint8)
    return np.asarray(cv2.cvtColor(rgb_from_frame(frame), cv2.COLOR_RGB2BGR), np.uint8)
