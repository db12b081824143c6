"""Opens sources of frames: video files, image files, cameras and streams."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engines.errors import SourceError, UsageError
from realtime.frames.types import Frame
from realtime.run.jobs import DepthInput, is_image
from realtime.video.sources.base import Source, SourceInfo
from realtime.video.sources.camera import CameraSource
from realtime.video.sources.depth import WithDepth
from realtime.video.sources.image import ImageSource
from realtime.video.sources.video import VideoSource

__all__ = ["PacedSource", "Source", "SourceInfo", "open_source"]
_CAMERA = re.compile(r"(?:/dev/video)?(\d+)")


def open_source(spec: str | int | Path, *, live: bool = False, depth: DepthInput | None = None) -> Source:
    """Open a source of frames; use it in a `with`.

    Args:
        spec: a file (Path or str), a camera (3, "3" or "/dev/video3") or the URL of a stream ("rtsp://...").
        live: play a video file at its own pace, like a camera. A URL that states a duration counts as a file. Cameras
            and other streams are always live.
        depth: the depth of a file's frames.

    Raises:
        SourceError: the source cannot be opened, or has no picture.
        UsageError: depth was given for a camera or stream.
    """
    if depth is not None:
        return _with_depth(spec, live, depth)
    camera = spec if isinstance(spec, int) else _camera_index(spec)
    if camera is not None:
        return CameraSource(camera)
    if isinstance(spec, str) and "://" in spec and not spec.startswith("file://"):
        stream = VideoSource(spec)
        return PacedSource(stream) if live and stream.info.duration_seconds is not None else stream
    path = Path(str(spec).removeprefix("file://"))
    if is_image(path):
        return ImageSource(path)
    return PacedSource(VideoSource(path)) if live else VideoSource(path)


class PacedSource(Source):
    """Gives the frames of another source, each at the time of its pts."""

    def __init__(self, source: Source) -> None:
        super().__init__(replace(source.info, live=True))
        self._source = source

    def __iter__(self) -> Iterator[Frame]:
        start: float | None = None
        for frame in self._source:
            if frame.pts_seconds is None:
                raise SourceError(
                    f"{self.info.name}: cannot be played at its own pace, because its frames have no times"
                )
            start = time.perf_counter() - frame.pts_seconds if start is None else start
            if self._stopped.wait(max(0.0, start + frame.pts_seconds - time.perf_counter())):
                return
            yield replace(frame, captured_at=time.perf_counter())

    def stop(self) -> None:
        super().stop()
        self._source.stop()

    def close(self) -> None:
        self._source.close()


def _with_depth(spec: str | int | Path, live: bool, depth: DepthInput) -> Source:
    if isinstance(spec, int) or _camera_index(spec) is not None or "://" in str(spec):
        raise UsageError(f"{spec}: depth can stand beside a file only; leave --depth out to have it estimated")
    source = WithDepth(open_source(spec), depth)
    return PacedSource(source) if live and source.info.kind != "image" else source


def _camera_index(spec: str | Path) -> int | None:
    match = _CAMERA.fullmatch(str(spec))
    if match is None or (isinstance(spec, Path) and not spec.is_absolute()):  # Path("3") is a file with that name
        return None
    return int(match[1])
