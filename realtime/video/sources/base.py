"""The interface of all sources of frames, and their description."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Literal

from engines.closing import Closing
from realtime.frames.types import Frame
from realtime.video.fields import Field
from realtime.video.hdr import Hdr
from realtime.video.image_tags import ImageTags
from realtime.video.remarks import Remarks

VIDEO_SUFFIXES = frozenset({
    ".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264", ".h265", ".hevc",
    ".insv", ".ivf", ".lrv", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".mxf", ".nut", ".obu", ".ogm", ".ogv", ".qt", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})  # fmt: skip
Kind = Literal["video", "image", "camera", "stream"]


@dataclass(frozen=True)
class SourceInfo:
    """The properties of a source that are known before its frames are read."""

    name: str
    """The name for messages: "clip.mp4", "camera 0", a URL without its password."""
    kind: Kind
    size_wh: tuple[int, int]
    """(width, height) of the frames in pixels, upright."""
    live: bool = False
    """True if frames come at their own pace, so that a slow consumer must drop some."""
    frames: int | None = None
    """As the container states it, else estimated from duration and rate. Good for a progress bar, but not exact."""
    fps: float | None = None
    """Average rate in frames per second."""
    duration_seconds: float | None = None
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel over its height."""
    path: Path | None = None
    """The file, if there is one. A sink copies the sound from it."""
    origin_seconds: Fraction = Fraction(0)
    """The time in the file's own clock that is 0 in that of the frames. Sound is shifted by it, too."""
    part_seconds: tuple[float, float | None] | None = None
    """The times, after that shift, at which the part that is read starts and ends (None: at the end of the file). The
    start has pts 0. None: the whole file."""
    first_field: Field | None = None
    """The first field of interlaced pictures that stay so; None where each picture is whole."""
    hdr: Hdr | None = None
    """The metadata of an HDR10 video; None where it has none."""
    image_tags: ImageTags | None = None
    """What an image file states about its picture; None for other sources."""
    depth: str | None = None
    """The origin and scale of the frames' depth, as text for users; None if they have none."""


class Source(Closing):
    """An iterable of frames that can be read once, and a context manager. Iteration raises SourceError."""

    reconnects: int = 0
    """How often it was lost and came back."""

    def __init__(self, info: SourceInfo) -> None:
        self.info = info
        self._stopped = threading.Event()

    @cached_property
    def remarks(self) -> Remarks:
        """What was changed while reading. Frames that are lost raise SourceError instead."""
        return Remarks()

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames in the order in which they are shown."""

    @abstractmethod
    def close(self) -> None:
        """Release the source's resources. Call this only after the iteration has ended."""

    def stop(self) -> None:
        """Make the iteration end soon. Only this method may be called by another thread meanwhile."""
        self._stopped.set()


@dataclass(frozen=True)
class SourceKind:
    """A kind of source, and how `open_source` recognises and opens it."""

    recognises: Callable[[str | Path], bool]
    """True if an address, as the user gave it, belongs to this kind."""
    open: Callable[[str | Path], Source]
    """Open an address that was recognised. Raises SourceError."""
    suffixes: frozenset[str] = frozenset()
    """The file name suffixes by which folders and globs find its files, lower case and with the dot. Empty if it has no
    files."""


def file_path(address: str | Path) -> Path:
    """The file that an address names ("clip.mp4", "file:///clips/clip.mp4")."""
    return Path(str(address).removeprefix("file://"))
