"""Options of `unveil process` that say how videos are encoded."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from realtime.run.options import VIDEO


class H264(StrEnum):
    """What encodes H.264."""

    auto = "auto"
    x264 = "x264"
    nvenc = "nvenc"


class Codec(StrEnum):
    """Codecs of videos for viewing."""

    h264 = "h264"
    hevc = "hevc"
    av1 = "av1"
    prores = "prores"
    ffv1 = "ffv1"


class Audio(StrEnum):
    """What becomes of the sound."""

    copy = "copy"
    none = "none"


class Deinterlace(StrEnum):
    """What becomes of interlaced pictures."""

    auto = "auto"
    off = "off"


class Preset(StrEnum):
    """Presets of x264, from the fastest, with the largest files, to the slowest."""

    ultrafast = "ultrafast"
    superfast = "superfast"
    veryfast = "veryfast"
    faster = "faster"
    fast = "fast"
    medium = "medium"
    slow = "slow"
    slower = "slower"
    veryslow = "veryslow"
    placebo = "placebo"


CodecOption = Annotated[
    Codec,
    typer.Option(
        "--codec",
        help="Codec of overlay, cutout and blur: h264, hevc or av1 (.mp4), prores (.mov) or ffv1 (lossless, .mkv).",
        metavar="NAME",
        rich_help_panel=VIDEO,
    ),
]
AudioOption = Annotated[
    Audio,
    typer.Option(
        "--audio", help="copy keeps the sound, none leaves it out.", metavar="NAME", rich_help_panel=VIDEO
    ),
]  # fmt: skip
DeinterlaceOption = Annotated[
    Deinterlace,
    typer.Option(
        "--deinterlace",
        help="auto makes whole pictures of interlaced ones. off keeps them interlaced; HEVC and AV1 cannot state that.",
        metavar="WHEN", rich_help_panel=VIDEO,
    ),
]  # fmt: skip
Crf = Annotated[
    int | None,
    typer.Option(
        help="Quality of H.264, HEVC and AV1, from 0 (lossless) to 51. Lower values give better quality and larger "
        "files \\[default: 18].",
        min=0, max=51, metavar="N", rich_help_panel=VIDEO,
    ),
]  # fmt: skip
PresetOption = Annotated[
    Preset | None,
    typer.Option(
        "--preset",
        help="Preset of H.264, HEVC and AV1, from ultrafast to placebo. Faster presets make larger files "
        "\\[default: veryfast].",
        metavar="NAME",
        rich_help_panel=VIDEO,
    ),
]
Encoder = Annotated[
    H264,
    typer.Option(
        help="H.264 encoder: x264 (CPU), nvenc (NVIDIA GPU) or auto. auto uses nvenc if it works, and x264 if it does "
        "not or if --crf or --preset is given.",
        metavar="NAME",
        rich_help_panel=VIDEO,
    ),
]
