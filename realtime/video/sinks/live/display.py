"""Whether there is a screen to show a window on, and its size."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import socket
import sys
from pathlib import Path

from engines.errors import SinkError

_CONNECT_SECONDS = 3.0
_TCP_PORT = 6000


def check_display() -> None:
    """Raise SinkError where no window can be shown: OpenCV's Qt would end the whole process without a word of ours.

    OpenCV's wheels show windows through X11 only, under Wayland through its X server.
    """
    if sys.platform != "linux":
        return
    name = os.environ.get("DISPLAY", "")
    if not name:
        wayland = " (Wayland alone is not enough: it needs XWayland)" if os.environ.get("WAYLAND_DISPLAY") else ""
        raise SinkError(f"no display to show a window on: DISPLAY is not set{wayland}; use --view none")
    if not _answers(name):
        raise SinkError(f"the display {name!r}, which DISPLAY names, does not answer; is it running? use --view none")


def screen_size_wh() -> tuple[int, int] | None:
    """(width, height) of the screen in pixels; None where it cannot be told."""
    x11 = _libx11() if sys.platform == "linux" else None
    screen = x11.XOpenDisplay(None) if x11 else None
    if x11 is None or not screen:
        return None
    try:
        number = x11.XDefaultScreen(screen)
        return x11.XDisplayWidth(screen, number), x11.XDisplayHeight(screen, number)
    finally:
        x11.XCloseDisplay(screen)


def _answers(name: str) -> bool:
    """Whether an X server answers, and lets this user in."""
    if (x11 := _libx11()) is None:
        return _has_socket(name)
    screen = x11.XOpenDisplay(None)
    if screen:
        x11.XCloseDisplay(screen)
    return bool(screen)


def _libx11() -> ctypes.CDLL | None:
    try:
        x11 = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
    except OSError:
        return None
    x11.XOpenDisplay.restype, x11.XOpenDisplay.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    for function in (x11.XDefaultScreen, x11.XCloseDisplay):
        function.argtypes = [ctypes.c_void_p]
    for function in (x11.XDisplayWidth, x11.XDisplayHeight):
        function.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return x11


def _has_socket(name: str) -> bool:
    """Whether a server listens where DISPLAY points to. Without libX11 nothing more can be told."""
    host, _, rest = name.rpartition(":")
    number = rest.split(".")[0]
    if not number.isdecimal():
        return False
    try:
        if host in ("", "unix"):
            with socket.socket(socket.AF_UNIX) as to:
                to.settimeout(_CONNECT_SECONDS)
                to.connect(str(Path("/tmp/.X11-unix") / f"X{number}"))
        else:
            socket.create_connection((host, _TCP_PORT + int(number)), _CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
