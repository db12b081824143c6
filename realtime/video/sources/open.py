"""Opens sources of frames: video files, image files, cameras and streams."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engines.errors import SourceError, UsageError
from realtime.frames.types import Frame
from realtime.video.sources.base import Source, SourceInfo, SourceKind, file_path
from realtime.video.sources.depth import WithDepth
from realtime.video.sources.depth_files import DepthInput
from realtime.video.sources.image import IMAGE
from realtime.video.sources.live.camera import CAMERA, CameraMode, camera_source
from realtime.video.sources.live.mjpeg import MJPEG
from realtime.video.sources.live.reconnecting import Reconnecting, ReconnectingSource
from realtime.video.sources.live.screen import SCREEN
from realtime.video.sources.video import STREAM, VIDEO, VideoSource

__all__ = ["KINDS", "PacedSource", "Source", "SourceInfo", "media_suffixes", "open_source"]
KINDS: list[SourceKind] = [CAMERA, SCREEN, MJPEG, STREAM, IMAGE, VIDEO]
"""The kinds of sources. The first that recognises an address opens it; VIDEO recognises every file.

To add a kind, write its file and put its name before VIDEO."""


def open_source(
    address: str | int | Path,
    *,
    live: bool = False,
    depth: DepthInput | None = None,
    camera_mode: CameraMode | None = None,
    reconnecting: Reconnecting | None = None,
    deinterlace: bool = True,
) -> Source:
    """Open a source of frames; use it in a `with`.

    Args:
        address: a file (Path, str or "file://..."), a camera (3, "3", "/dev/video3" or a part of its
            name), a stream ("rtsp://...") or the screen ("screen", "screen:640x480+0+0").
        live: play a video file at its own pace, like a camera. A URL that states a duration counts as a file. Cameras
            and other streams are always live.
        depth: the depth of a file's frames.
        camera_mode: what is asked of a camera; None: what it gives by itself.
        reconnecting: how a camera or an endless stream is opened again where it is lost; None: never.
        deinterlace: whether the interlaced pictures of a video file become whole.

    Raises:
        SourceError: the source cannot be opened, or has no picture.
        UsageError: depth was given for a camera or stream, a mode for something else than a camera, or a name belongs
            to several cameras.
    """
    text = str(address) if isinstance(address, int) else address
    kind = next(kind for kind in KINDS if kind.recognises(text))
    if depth is not None and not kind.suffixes:
        raise UsageError(f"{address}: --depth needs a file; leave it out to have the depth estimated from colour")
    if camera_mode is not None and kind is not CAMERA:
        raise UsageError(f"{address}: --size and --fps are for cameras; leave them out")

    def open_it() -> Source:
        if kind is VIDEO and not deinterlace:
            return VideoSource(file_path(text), deinterlace=False)
        return camera_source(text, camera_mode) if camera_mode else kind.open(text)

    source = open_it()
    info = source.info
    if reconnecting and reconnecting.seconds > 0 and info.live and info.duration_seconds is None:
        return ReconnectingSource(source, open_it, reconnecting)
    if depth is not None:
        source = WithDepth(source, depth)
    paced = info.duration_seconds is not None if info.live else info.kind != "image"
    return PacedSource(source) if live and paced else source


def media_suffixes() -> frozenset[str]:
    """The file name suffixes by which folders and globs find media: lower case, with the dot."""
    return frozenset().union(*(kind.suffixes for kind in KINDS))


class PacedSource(Source):
    """Gives the frames of another source, each at the time of its pts."""

    def __init__(self, source: Source) -> None:
        super().__init__(replace(source.info, live=True))
        self._source, self.remarks = source, source.remarks

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
