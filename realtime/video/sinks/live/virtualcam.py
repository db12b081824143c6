"""A virtual camera, which other programs list among the real ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.errors import SinkError
from realtime.frames.types import Frame
from realtime.video.sinks.base import Sink
from realtime.video.sinks.live.viewing import Colours, bgr_to_show, grays, viewed

_FPS = 30  # what the camera states; frames are sent as they come
_HELP = "on Linux load the module v4l2loopback, on Windows and macOS install OBS, which brings one"


class VirtualCameraSink(Sink):
    """Sends each frame to the virtual camera of this system (pyvirtualcam, extra [virtualcam])."""

    def __init__(self, colours: Colours = grays) -> None:
        try:
            import pyvirtualcam
        except ImportError as e:
            raise SinkError("a virtual camera needs an extra; install it with: pip install 'unveil[virtualcam]'") from e
        self._library, self._colours = pyvirtualcam, colours
        self._camera: Any = None
        self._size_wh = (0, 0)
        _check(pyvirtualcam)

    def write(self, frame: Frame) -> None:
        if self._camera is None:
            self._size_wh = frame.size_wh
            self._camera = _open(self._library, *frame.size_wh)
        self._camera.send(np.ascontiguousarray(bgr_to_show(viewed(frame, self._size_wh, self._colours))))

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def abort(self) -> None:
        self.close()


def _check(library: Any) -> None:
    """Open one for a moment, so that a system without any is told before the work."""
    _open(library, 640, 480).close()


def _open(library: Any, width: int, height: int) -> Any:
    try:
        return library.Camera(width, height, _FPS, fmt=library.PixelFormat.BGR)
    except RuntimeError as e:
        raise SinkError(f"no virtual camera can be opened here ({' '.join(str(e).split())}); {_HELP}") from e
