"""Opens files and streams for their pictures, and says what is wrong with those that cannot be used."""

from __future__ import annotations

import math
import os
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags as CodecFlags
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engines.errors import SourceError
from realtime.frames.types import LARGE_PX
from realtime.video.container import MEDIA_ERRORS, open_media, picture_streams, reason_of
from realtime.video.sources.stream import TIMEOUT_SECONDS, open_stream, stated_seconds

_STILL_BRANDS = ("heic", "heix", "heim", "heis", "mif1", "avif")
_ENCRYPTED_TAGS = ("encv", "drmi")
_LARGE_THREADS = 4  # of a decoder; each one has frames of its own
_PREROLL_SECONDS = Fraction(1, 4)  # sound may begin so long before 0: an encoder's delay, which players skip


def open_container(address: str | Path, name: str) -> InputContainer:
    """Open a file (Path) or a stream (URL). `name` is for messages. Raises SourceError if that fails."""
    if isinstance(address, Path):
        if not address.is_file():
            raise SourceError(f"{address}: {'a folder, not a video' if address.is_dir() else 'no such file'}")
        if address.stat().st_size == 0:
            raise SourceError(f"{address}: the file is empty")
    try:
        return open_media(address) if isinstance(address, Path) else open_stream(address)
    except MEDIA_ERRORS as e:
        hint = "not a video, or cut off before its index" if isinstance(address, Path) else "is it there and playing?"
        raise SourceError(f"{name}: cannot be opened as a video ({read_reason(e)}); {hint}") from e


def read_reason(error: Exception) -> str:
    """Why opening or reading failed, in a few words."""
    if isinstance(error, av.error.ExitError):  # the timeout of `open_stream`
        return f"no data for {TIMEOUT_SECONDS:g} s"
    return reason_of(error)


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The first video stream. Raises SourceError if there is none, or none that can be decoded."""
    if container.metadata.get("major_brand") in _STILL_BRANDS:  # FFmpeg gives the tiles of a large picture one by one
        raise SourceError(f"{name}: a still picture (HEIC or AVIF), not a video; name it .heic or .avif, or convert it")
    streams = picture_streams(container)
    if not streams:
        found = ", ".join(sorted({stream.type for stream in container.streams}))
        what = f"has no video stream (found: {found})" if found else "is empty; it was cut off before its index"
        raise SourceError(f"{name}: {what}; expected a video")
    stream = streams[0]
    if stream.codec_context is None:
        raise SourceError(f"{name}: its video codec is not known to this build of FFmpeg; convert it to H.264")
    if stream.codec_context.codec_tag in _ENCRYPTED_TAGS:
        raise SourceError(f"{name}: its video is encrypted; decrypt it first")
    if container.open_timeout is None:
        stream.thread_type = "AUTO"
        if math.prod((stream.codec_context.width, stream.codec_context.height)) > LARGE_PX:
            stream.codec_context.thread_count = min(_LARGE_THREADS, os.cpu_count() or 1)
    else:
        stream.codec_context.flags |= CodecFlags.low_delay  # Each frame thread would delay the stream by one frame.
        stream.codec_context.thread_count = 1  # What further threads log would count for open files of that codec, too.
    return stream


def duration_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """The duration of the pictures as stated, else that of the whole file; None if none is stated."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return stated_seconds(container)


def first_seconds(container: InputContainer, first: VideoFrame) -> Fraction:
    """When a file's pictures and sounds begin, in its own clock: 0 of what is written.

    Args:
        first: the first picture.
    """
    starts = [
        stream.start_time * stream.time_base
        for stream in container.streams.audio
        if stream.start_time is not None and stream.time_base is not None
    ]
    picture = Fraction(0) if first.pts is None or first.time_base is None else first.pts * first.time_base
    sound = min(starts, default=picture)
    if -_PREROLL_SECONDS < sound < 0:
        sound = Fraction(0)
    return min(picture, sound)
