"""The screen, or a region of it, through FFmpeg's x11grab."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer

from engines.errors import SourceError, UsageError
from realtime.frames.types import Frame
from realtime.video.av_frame import FromAv
from realtime.video.container import MEDIA_ERRORS
from realtime.video.sources.base import Source, SourceInfo, SourceKind
from realtime.video.sources.clock import Clock

_ADDRESS = re.compile(r"screen(?::(\d+)x(\d+)\+(\d+)\+(\d+))?")
_FPS = 30


class ScreenSource(Source):
    """The frames of the screen.

    Args:
        address: "screen", or "screen:WIDTHxHEIGHT+LEFT+TOP" in pixels.
    """

    def __init__(self, address: str) -> None:
        display = os.environ.get("DISPLAY")
        if not display or "x11grab" not in av.formats_available:
            raise SourceError(f"{address}: the screen can be read under X11 only, and DISPLAY names no X11 screen")
        region = _ADDRESS.fullmatch(address)
        if region is None:
            raise UsageError(f"{address!r} is not a region; expected screen, or screen:WIDTHxHEIGHT+LEFT+TOP")
        try:
            self._container = _grabber(display, region)
        except MEDIA_ERRORS as e:
            raise SourceError(f"{address}: it cannot be read ({e}); is the region on the screen?") from e
        self._stream = self._container.streams.video[0]
        size_wh = (self._stream.width, self._stream.height)
        super().__init__(SourceInfo(address, "camera", size_wh, live=True, fps=_FPS))

    def __iter__(self) -> Iterator[Frame]:
        clock, convert = Clock(self._stream, _FPS), FromAv(self.info.size_wh)
        try:
            for index, picture in enumerate(self._container.decode(self._stream)):
                if self._stopped.is_set():
                    return
                planes, colour = convert(picture)
                pts = clock.pts(picture.pts)
                yield Frame(planes, "yuv420p", index, pts, clock.time_base, time.perf_counter(), colour)
        except MEDIA_ERRORS as e:
            raise SourceError(f"{self.info.name}: the screen can no longer be read ({e})") from e

    def close(self) -> None:
        self._container.close()


def _grabber(display: str, region: re.Match[str]) -> InputContainer:
    options = {"framerate": str(_FPS)}
    at = ""
    if region[1]:
        options["video_size"] = f"{region[1]}x{region[2]}"
        at = f"+{region[3]},{region[4]}"
    return av.open(f"{display}{at}", format="x11grab", options=options)


def _is_screen(address: str | Path) -> bool:
    return isinstance(address, str) and address.split(":")[0] == "screen" and not Path(address).exists()


def _open(address: str | Path) -> ScreenSource:
    return ScreenSource(str(address))


SCREEN = SourceKind(_is_screen, _open)
