"""A window on the screen, through OpenCV."""

from __future__ import annotations

import os
import sys
from functools import lru_cache

import cv2
import numpy as np

from engines.errors import SinkError
from realtime.frames.types import U8, Frame, Mask, Rgb
from realtime.video.av_frame import bgr_from_frame
from realtime.video.sinks.base import Sink

_ESCAPE = 27
_CELL_PX = 16  # of the checkerboard
_CELL_GREYS = (102, 153)
_GRAYS = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


class WindowSink(Sink):
    """Shows each frame. Use it in the main thread.

    `wants_more` becomes False when the user presses q or Esc, or closes the window.
    """

    def __init__(self, colours: Rgb | None = None, title: str = "Unveil") -> None:
        """Args:
        colours: (256, 3): a colour for each value of `gray` frames, such as label ids; None: gray.
        """
        check_display()
        self._title = title
        self._colours_bgr = _GRAYS if colours is None else np.ascontiguousarray(colours[:, ::-1])
        self._shown = False

    def write(self, frame: Frame) -> None:
        if self._shown and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self.wants_more = False
            return
        cv2.imshow(self._title, bgr_to_show(frame, self._colours_bgr))
        self._shown = True
        if cv2.waitKey(1) & 0xFF in (ord("q"), _ESCAPE):
            self.wants_more = False

    def close(self) -> None:
        if self._shown:
            cv2.destroyAllWindows()

    def abort(self) -> None:
        self.close()


def bgr_to_show(frame: Frame, colours_bgr: U8) -> U8:
    """(H, W, 3) uint8 BGR, in one conversion: a frame as the window shows it.

    Args:
        colours_bgr: (256, 3): a colour for each value of a `gray` frame. Transparency shows a checkerboard.
    """
    if frame.layout == "gray":
        return cv2.applyColorMap(frame.planes[0], colours_bgr[:, None])
    if frame.layout == "rgba":
        return _on_checkerboard(cv2.cvtColor(frame.planes[0], cv2.COLOR_RGBA2BGR), frame.planes[0][:, :, 3])
    bgr = bgr_from_frame(frame)
    return bgr if frame.alpha is None else _on_checkerboard(bgr, frame.alpha)


def _on_checkerboard(bgr: U8, alpha: Mask) -> U8:
    opaque = cv2.merge([alpha] * 3)
    shown = cv2.multiply(bgr, opaque, scale=1 / 255)
    return cv2.add(shown, cv2.multiply(_checkerboard(alpha.shape), cv2.bitwise_not(opaque), scale=1 / 255))


@lru_cache(maxsize=1)
def _checkerboard(shape: tuple[int, int]) -> U8:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    cells = np.array(_CELL_GREYS, np.uint8)[(rows // _CELL_PX + columns // _CELL_PX) % 2]
    return cv2.merge([cells] * 3)


def check_display() -> None:
    """Raise SinkError where there is no display: OpenCV itself would end the whole process."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise SinkError("no display to show a window on (DISPLAY and WAYLAND_DISPLAY are not set); use --view none")
