"""A window on the screen, through OpenCV."""

from __future__ import annotations

import os
import sys
from functools import lru_cache

import cv2
import numpy as np

from engines.errors import SinkError
from engines.spec import BACKGROUND, FACE, OCCLUSION
from realtime.av_frame import rgb_from_frame
from realtime.draw import FACE_RGB, OCCLUSION_RGB
from realtime.sink_base import Sink
from realtime.types import U8, Frame

_ESCAPE = 27
_CELL_PX = 16  # of the checkerboard
_CELL_GREYS = (102, 153)
_HUES = (127, 15)  # step and start, of 180: keeps ids 3..12 as far apart as it can, and away from teal and orange


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
        cv2.imshow(self._title, cv2.cvtColor(rgb_to_show(frame), cv2.COLOR_RGB2BGR))
        self._shown = True
        if cv2.waitKey(1) & 0xFF in (ord("q"), _ESCAPE):
            self.wants_more = False

    def close(self) -> None:
        if self._shown:
            cv2.destroyAllWindows()

    def abort(self) -> None:
        self.close()


def rgb_to_show(frame: Frame) -> U8:
    """(H, W, 3) uint8 RGB: a frame as it is shown, label ids (`gray`) in colours and transparency on a checkerboard."""
    if frame.layout == "gray":
        return cv2.applyColorMap(frame.planes[0], _palette())
    if frame.layout == "rgba":
        return _on_checkerboard(np.ascontiguousarray(frame.planes[0][:, :, :3]), frame.planes[0][:, :, 3])
    rgb = rgb_from_frame(frame)
    return rgb if frame.alpha is None else _on_checkerboard(rgb, frame.alpha)


@lru_cache(maxsize=1)
def _palette() -> U8:
    """(256, 1, 3) uint8 RGB: the colour of each label id."""
    ids = np.arange(256)
    hues = (ids * _HUES[0] + _HUES[1]) % 180
    hsv = np.dstack([hues, np.full(256, 200), np.where(ids % 2, 255, 190)]).astype(np.uint8)
    colours = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).reshape(256, 1, 3)
    colours[[BACKGROUND, FACE, OCCLUSION], 0] = (0, 0, 0), FACE_RGB, OCCLUSION_RGB
    return colours


def _on_checkerboard(rgb: U8, alpha: U8) -> U8:
    opaque = cv2.merge([alpha] * 3)
    shown = cv2.multiply(rgb, opaque, scale=1 / 255)
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
