"""A window on the screen, through OpenCV."""

from __future__ import annotations

import os
import sys

import cv2

from engines.errors import SinkError
from realtime.av_frame import rgb_from_frame
from realtime.sink_base import Sink
from realtime.types import Frame

_ESCAPE = 27


class WindowSink(Sink):
    """Shows each frame. q, Esc or closing the window ends it: `wants_more` turns False. For the main thread only."""

    def __init__(self, title: str = "Unveil") -> None:
        check_display()
        self._title = title
        self._shown = False

    def write(self, frame: Frame) -> None:
        if self._shown and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self.wants_more = False
            return
        cv2.imshow(self._title, cv2.cvtColor(rgb_from_frame(frame), cv2.COLOR_RGB2BGR))
        self._shown = True
        if cv2.waitKey(1) & 0xFF in (ord("q"), _ESCAPE):
            self.wants_more = False

    def close(self) -> None:
        if self._shown:
            cv2.destroyAllWindows()

    def abort(self) -> None:
        self.close()


def check_display() -> None:
    """Raise SinkError where there is no display: OpenCV itself would end the whole process."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise SinkError("no display to show a window on (DISPLAY and WAYLAND_DISPLAY are not set); use --view none")
