"""What every source of frames is: its description and its manners."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from engines.closing import Closing
from realtime.frames.types import Frame

Kind = Literal["video", "image", "camera", "stream"]


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a source before its frames are read."""

    name: str
    """For people: "clip.mp4", "camera 0", a URL without its password."""
    kind: Kind
    size_wh: tuple[int, int]
    """(width, height) of the frames in pixels, upright."""
    live: bool = False
    """True where frames come at their own pace, so that a slow consumer must drop some."""
    frames: int | None = None
    """As the container states it, else estimated from duration and rate: good for a progress bar, not for a count."""
    fps: float | None = None
    """Average rate in frames per second."""
    duration_seconds: float | None = None
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel over its height."""
    path: Path | None = None
    """The file, where there is one: a sink takes the audio from it."""
    depth: str | None = None
    """Where the depth of its frames comes from, and its scale, for people; None where they have none."""


class Source(Closing):
    """An iterable of frames, to be read once, and a context manager. Iteration raises SourceError."""

    def __init__(self, info: SourceInfo) -> None:
        self.info = info
        self._stopped = threading.Event()

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames in the order in which they are shown."""

    @abstractmethod
    def close(self) -> None:
        """Release what the source holds. Only once nobody iterates any more."""

    def stop(self) -> None:
        """Ask the iteration to end soon. The one method that another thread may call meanwhile."""
        self._stopped.set()
