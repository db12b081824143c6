"""What an uploaded file holds, before it is decoded: its format, and how large its pictures are."""

from __future__ import annotations

from pathlib import Path

import av

from engines.errors import SourceError
from realtime.serve.limits import MOST_FILE_PIXELS
from realtime.video.container import MEDIA_ERRORS, reason_of
from realtime.video.sources.image import is_image
from realtime.video.sources.still import largest_wh

_CONTAINERS = ",".join((
    "asf", "av1", "avi", "dv", "flv", "gif", "h264", "hevc", "ivf", "jpeg_pipe", "m4v", "matroska", "mjpeg", "mov",
    "mpeg", "mpegts", "mpegvideo", "mxf", "nut", "obu", "ogg", "vc1", "yuv4mpegpipe",
))  # fmt: skip
"""FFmpeg's names of what a file may be. None is a playlist: those open the files that they name."""


def check_content(path: Path) -> None:
    """Read the format and the size of a file's pictures, and nothing more.

    Raises:
        SourceError: it cannot be read, is of another format, or has too large pictures.
    """
    width, height = largest_wh(path) if is_image(path) else _video_wh(path)
    if width * height > MOST_FILE_PIXELS:
        raise SourceError(
            f"{path}: it has {width} x {height} pixels; expected at most {MOST_FILE_PIXELS / 1e6:.0f} million"
        )


def _video_wh(path: Path) -> tuple[int, int]:
    try:
        with av.open(f"file:{path}", metadata_errors="replace", options={"format_whitelist": _CONTAINERS}) as container:
            contexts = [stream.codec_context for stream in container.streams.video]
            sizes = [(each.width, each.height) for each in contexts if each is not None]
    except MEDIA_ERRORS as e:
        raise SourceError(f"{path}: cannot be opened as a video ({reason_of(e)})") from e
    return max(sizes, key=lambda wh: wh[0] * wh[1], default=(0, 0))  # what has no video is told when it is opened
