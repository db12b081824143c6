"""Sinks of frames: video files, label videos, images and windows behind one door."""

from __future__ import annotations

from pathlib import Path

from realtime.frames.types import Render
from realtime.video.sinks.base import BackgroundSink, NullSink, Sink
from realtime.video.sinks.image import ImageSink
from realtime.video.sinks.video import CRF, PRESET, AlphaVideoSink, Encoder, LabelVideoSink, VideoSink
from realtime.video.sinks.window import WindowSink, check_display
from realtime.video.sources.base import SourceInfo

__all__ = [
    "AlphaVideoSink",
    "BackgroundSink",
    "ImageSink",
    "LabelVideoSink",
    "NullSink",
    "Sink",
    "VideoSink",
    "WindowSink",
    "check_display",
    "open_sink",
]


def open_sink(
    path: Path,
    info: SourceInfo,
    render: Render,
    *,
    preset: str = PRESET,
    crf: int = CRF,
    encoder: Encoder = "auto",
) -> Sink:
    """The sink for an output file; use it in a `with`.

    Args:
        path: the output, named by `files.output_name`.
        info: the input.
        preset: of x264, for a video that is written with it.
        encoder: of a video in H.264.

    Raises:
        SinkError: the output cannot be written.
    """
    if info.kind == "image":
        return ImageSink(path)
    if render == "labels":
        return LabelVideoSink(path, info)
    if render == "alpha":
        return AlphaVideoSink(path, info)
    return VideoSink(path, info, preset, crf, encoder=encoder)
