"""A window on the screen, through OpenCV."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2

from realtime.frames.types import U8, Frame
from realtime.video.sinks.base import Sink
from realtime.video.sinks.live.display import check_display, screen_size_wh
from realtime.video.sinks.live.viewing import Colours, bgr_to_show, grays

_ESCAPE, _NO_KEY = 27, 255
_OF_SCREEN = 0.9  # the rest is for the window's own frame and the desktop's bars
_FONT, _FONT_PX = cv2.FONT_HERSHEY_SIMPLEX, 22  # its height at scale 1
_ROWS_IN_HEIGHT, _ROWS_IN_WIDTH = 30, 53  # rows of text whose heights fill the frame's; a line has about 60 letters
_LEAST_ROW_PX = 16
_TEXT_BGR, _SHADOW_BGR = (245, 245, 245), (20, 20, 20)


class WindowSink(Sink):
    """Shows each frame in a window that fits the screen, with lines of text over it. Use it in the main thread.

    `wants_more` becomes False when the user presses q or Esc, or closes the window.

    Args:
        colours: for class ids.
        on_key: gets each other key, as a character.
        lines: gives what is written over the frame, from the top.
    """

    def __init__(
        self,
        colours: Colours = grays,
        title: str = "Unveil",
        *,
        on_key: Callable[[str], None] = lambda key: None,
        lines: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        check_display()
        self._title, self._colours = title, colours
        self._on_key, self._lines = on_key, lines
        self._shown = False

    def write(self, frame: Frame) -> None:
        if self._was_closed():
            return
        if not self._shown:
            self._open(frame.size_wh)
        cv2.imshow(self._title, with_lines(bgr_to_show(frame, self._colours), self._lines()))
        self._shown = True
        self._take_key()

    def idle(self) -> None:
        if self._shown and not self._was_closed():
            self._take_key()

    def close(self) -> None:
        if self._shown:
            cv2.destroyAllWindows()

    def abort(self) -> None:
        self.close()

    def _was_closed(self) -> bool:
        if self._shown and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self.wants_more = False
        return not self.wants_more

    def _take_key(self) -> None:
        key = cv2.waitKey(1) & 0xFF
        if key in (ord("q"), _ESCAPE):
            self.wants_more = False
        elif key != _NO_KEY:
            self._on_key(chr(key))

    def _open(self, size_wh: tuple[int, int]) -> None:
        # Without the last flag Qt adds a toolbar and a status line.
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.resizeWindow(self._title, *fitted_wh(size_wh, screen_size_wh()))


def fitted_wh(size_wh: tuple[int, int], screen_wh: tuple[int, int] | None) -> tuple[int, int]:
    """The size of a window for frames of a size: theirs, or smaller in the same shape where the screen is."""
    if screen_wh is None:
        return size_wh
    scale = min(1.0, *(_OF_SCREEN * screen / size for screen, size in zip(screen_wh, size_wh, strict=True)))
    return round(size_wh[0] * scale), round(size_wh[1] * scale)


def with_lines(bgr: U8, lines: Sequence[str]) -> U8:
    """A picture with lines of text in its upper left corner. They are written on the picture itself."""
    row = max(_LEAST_ROW_PX, min(bgr.shape[0] // _ROWS_IN_HEIGHT, bgr.shape[1] // _ROWS_IN_WIDTH))
    scale, thick = row / _FONT_PX * 0.6, max(1, row // 18)
    for number, line in enumerate(lines, start=1):
        at = (row // 2, round(row * (number + 0.1)))
        cv2.putText(bgr, line, at, _FONT, scale, _SHADOW_BGR, thick + 2, cv2.LINE_AA)
        cv2.putText(bgr, line, at, _FONT, scale, _TEXT_BGR, thick, cv2.LINE_AA)
    return bgr
