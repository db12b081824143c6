"""Opens the sink of an output file; and all sinks in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypedDict, Unpack

from realtime.video.codecs import CRF, PRESET, Encoder, VideoCodec
from realtime.video.sinks.base import BackgroundSink, NullSink, Sink
from realtime.video.sinks.coded import SINKS, AlphaVideoSink
from realtime.video.sinks.h264 import VideoSink
from realtime.video.sinks.image import ImageSink
from realtime.video.sinks.live.display import check_display
from realtime.video.sinks.live.window import WindowSink
from realtime.video.sinks.part_file import PartFile
from realtime.video.sinks.video import LabelVideoSink, VideoFileSink
from realtime.video.sources.base import SourceInfo

__all__ = [
    "AlphaVideoSink",
    "BackgroundSink",
    "Codec",
    "Encoding",
    "ImageSink",
    "LabelVideoSink",
    "NullSink",
    "Sink",
    "VideoSink",
    "WindowSink",
    "check_display",
    "open_sink",
    "open_video_sink",
]
Codec = Literal["h264", "ffv1", "prores"]
"""The codec of a video: h264 for viewing, ffv1 for gray pictures without loss, prores for a picture with alpha."""


class Encoding(TypedDict, total=False):
    """How a video is encoded. What is left out has its default."""

    preset: str
    """The x264 preset, one of PRESETS."""
    crf: int
    """The x264 quality: lower is better and larger."""
    encoder: Encoder
    """What encodes H.264."""
    video_codec: VideoCodec
    """How a video is written where its codec is h264, a picture for viewing."""
    audio: Literal["copy", "none"]
    """Whether the sound is kept."""


def open_sink(path: Path | PartFile, info: SourceInfo, codec: Codec = "h264", **encoding: Unpack[Encoding]) -> Sink:
    """The sink for an output file; use it in a `with`.

    Args:
        path: the output, or its part file, which the caller puts in its place.
        info: the input. An image becomes an image in the format of the path's suffix.
        codec: how a video is written.

    Raises:
        SinkError: the output cannot be written.
    """
    return ImageSink(path, info) if info.kind == "image" else open_video_sink(path, info, codec, **encoding)


def open_video_sink(
    path: Path | PartFile, info: SourceInfo, codec: Codec = "h264", **encoding: Unpack[Encoding]
) -> VideoFileSink:
    """The sink for a video file. As `open_sink`."""
    preset, crf = encoding.get("preset", PRESET), encoding.get("crf", CRF)
    video_codec = encoding.get("video_codec", "h264")
    sink: VideoFileSink
    match codec:
        case "h264" if video_codec == "h264":
            sink = VideoSink(path, info, preset, crf, encoding.get("encoder", "auto"))
        case "h264":
            sink = SINKS[video_codec](path, info, preset, crf)
        case "ffv1":
            sink = LabelVideoSink(path, info)
        case "prores":
            sink = AlphaVideoSink(path, info)
    sink.with_sound = encoding.get("audio", "copy") == "copy"
    return sink
