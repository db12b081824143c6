"""Opens the sink of an output file; and all sinks in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from realtime.video.sinks.base import BackgroundSink, NullSink, Sink
from realtime.video.sinks.h264 import CRF, PRESET, Encoder, VideoSink
from realtime.video.sinks.image import ImageSink
from realtime.video.sinks.part_file import PartFile
from realtime.video.sinks.video import AlphaVideoSink, LabelVideoSink, VideoFileSink
from realtime.video.sinks.window import WindowSink, check_display
from realtime.video.sources.base import SourceInfo

__all__ = [
    "AlphaVideoSink",
    "BackgroundSink",
    "Codec",
    "ImageSink",
    "LabelVideoSink",
    "NullSink",
    "Sink",
    "VideoSink",
    "WindowSink",
    "check_display",
    "open_sink",
]
Codec = Literal["h264", "ffv1", "prores"]
"""The codec of a video: h264 for viewing, ffv1 for gray pictures without loss, prores for a picture with alpha."""


def open_sink(
    path: Path | PartFile,
    info: SourceInfo,
    codec: Codec = "h264",
    *,
    preset: str = PRESET,
    crf: int = CRF,
    encoder: Encoder = "auto",
) -> Sink:
    """The sink for an output file; use it in a `with`.

    Args:
        path: the output, or its part file, which the caller puts in its place.
        info: the input. An image becomes an image in the format of the path's suffix.
        codec: how a video is written.
        preset: the x264 preset, one of PRESETS.
        crf: the x264 quality: lower is better and larger.
        encoder: what encodes H.264.

    Raises:
        SinkError: the output cannot be written.
    """
    if info.kind == "image":
        return ImageSink(path, info)
    return open_video_sink(path, info, codec, preset=preset, crf=crf, encoder=encoder)


def open_video_sink(
    path: Path | PartFile,
    info: SourceInfo,
    codec: Codec = "h264",
    *,
    preset: str = PRESET,
    crf: int = CRF,
    encoder: Encoder = "auto",
) -> VideoFileSink:
    """The sink for a video file. As `open_sink`."""
    match codec:
        case "h264":
            return VideoSink(path, info, preset, crf, encoder)
        case "ffv1":
            return LabelVideoSink(path, info)
        case "prores":
            return AlphaVideoSink(path, info)
