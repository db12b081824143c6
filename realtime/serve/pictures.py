"""Frames as JPEG pictures: those that a viewer sends, and those that a viewer gets."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from engines.errors import SourceError
from realtime.frames.types import U8, Frame, Rgb
from realtime.serve.limits import LONGEST_SIDE_PX, MOST_FRAME_BYTES
from realtime.video.av_frame import rgb_from_frame
from realtime.video.sinks.live.viewing import bgr_to_show

_QUALITY = 85  # at 640x480 45 kB; 95 doubles the size, and the masks' edges look the same


def rgb_of(jpeg: bytes) -> Rgb:
    """(H, W, 3) uint8 RGB of a JPEG picture. Its size is read, and checked, before it is decoded.

    Raises:
        SourceError: it is no JPEG picture, is damaged, or is too large.
    """
    if len(jpeg) > MOST_FRAME_BYTES:
        raise SourceError(f"a frame has {len(jpeg)} bytes; expected at most {MOST_FRAME_BYTES}")
    width, height = _size_wh(jpeg)
    if max(width, height) > LONGEST_SIDE_PX or min(width, height) < 1:
        raise SourceError(f"a frame has {width} x {height} pixels; expected at most {LONGEST_SIDE_PX} on a side")
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None:
        raise SourceError("a frame is damaged: it begins as a JPEG picture and cannot be decoded")
    return np.asarray(decoded, np.uint8)


def jpeg_of(frame: Frame, colours: Rgb) -> bytes:
    """A drawn frame as a JPEG picture.

    Args:
        frame: any layout.
        colours: (256, 3) uint8 RGB: a colour for each value of a `gray` frame. Transparency shows a checkerboard.
    """
    bgr = bgr_to_show(frame, lambda: colours)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(encoded)


def shrunk(frame: Frame) -> Frame:
    """A frame of the server's source, no larger than a viewer may get. It has no depth."""
    width, height = frame.size_wh
    scale = LONGEST_SIDE_PX / max(width, height)
    if scale >= 1:
        return frame
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    rgb: U8 = np.asarray(cv2.resize(rgb_from_frame(frame), size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    return frame.with_planes((rgb,), "rgb")


def _size_wh(jpeg: bytes) -> tuple[int, int]:
    try:
        with JpegImageFile(io.BytesIO(jpeg)) as header:  # reads the header only
            width, height = header.size
            return width, height
    except (SyntaxError, OSError, ValueError) as e:
        raise SourceError("a frame is no JPEG picture; expected one in each binary message") from e
