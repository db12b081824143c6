"""Image files, through OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from engines.errors import SinkError, UsageError
from realtime.frames.types import U8, Frame
from realtime.video.av_frame import rgb_from_frame
from realtime.video.sinks.base import Sink
from realtime.video.sinks.part_file import PartFile, sink_errors

_JPEG_QUALITY = 95


class ImageSink(Sink):
    """Writes one frame as an image in the format of the path's suffix. `gray` (class ids) and `rgba` need .png."""

    def __init__(self, path: Path | PartFile) -> None:
        self._file = PartFile.of(path)
        self._written = False

    def write(self, frame: Frame) -> None:
        path = self._file.path
        if self._written:
            raise UsageError(f"{path}: got a second frame; an image holds one")
        if frame.layout in ("gray", "rgba") and path.suffix.lower() != ".png":
            raise UsageError(f"{path}: a {frame.layout} frame needs a .png, to be kept exactly")
        data = _encoded(frame, path)
        with sink_errors(path):
            self._file.part.write_bytes(data)
        self._written = True

    def close(self) -> None:
        if self._written:
            self._file.keep()
        else:
            self._file.discard()

    def abort(self) -> None:
        self._file.discard()


def _encoded(frame: Frame, path: Path) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix.lower() in (".jpg", ".jpeg") else []
    try:
        encoded, data = cv2.imencode(path.suffix, _pixels(frame), options)
    except cv2.error as e:
        raise SinkError(f"{path} cannot be written as {path.suffix} ({e.err}); choose .png") from e
    if not encoded:
        raise SinkError(f"{path} cannot be written as {path.suffix} at {frame.size_wh}; choose .png")
    return data.tobytes()


def _pixels(frame: Frame) -> U8:
    if frame.layout == "gray":
        return frame.planes[0]
    if frame.layout == "rgba":
        return np.asarray(cv2.cvtColor(frame.planes[0], cv2.COLOR_RGBA2BGRA), np.uint8)
    return np.asarray(cv2.cvtColor(rgb_from_frame(frame), cv2.COLOR_RGB2BGR), np.uint8)
