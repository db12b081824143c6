"""Options of `unveil live`. Imports nothing heavy."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from realtime.run.options import FILES

SOURCE = "Source"
"""The group in which the help lists the options of the source."""
_LARGEST_PX = 16384


class View(StrEnum):
    """Where a live run is shown."""

    window = "window"
    none = "none"


class Pipe(StrEnum):
    """How frames are written to standard output."""

    nut = "nut"
    raw = "raw"


def size_of(text: str) -> tuple[int, int]:
    """(width, height) of "1280x720". Raises typer.BadParameter."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None or not all(0 < int(side) <= _LARGEST_PX for side in match.groups()):
        raise typer.BadParameter(f"{text!r} is not a size; expected WIDTHxHEIGHT in pixels, such as 1280x720")
    return int(match[1]), int(match[2])


ViewOption = Annotated[
    View, typer.Option("--view", help="Where to show the run: window, or none.", metavar="WHERE", rich_help_panel=FILES)
]  # fmt: skip
Record = Annotated[
    Path | None,
    typer.Option(
        help="Also record what is shown, without sound, to a new Matroska file (.mkv), which can be played even if "
        "the run is killed.",
        metavar="FILE", rich_help_panel=FILES,
    ),
]  # fmt: skip
Mjpeg = Annotated[
    int | None,
    typer.Option(
        help="Also show the pictures at http://127.0.0.1:PORT/, for OBS and browsers on this machine. 0: any "
        "free port.",
        min=0, max=65535, metavar="PORT", rich_help_panel=FILES,
    ),
]  # fmt: skip
PipeOption = Annotated[
    Pipe | None,
    typer.Option(
        "--pipe",
        help="Also write the frames to standard output: nut (a container, for ffmpeg -i -), or raw (yuv420p pictures).",
        metavar="FORMAT", rich_help_panel=FILES,
    ),
]  # fmt: skip
VirtualCamera = Annotated[
    bool,
    typer.Option(
        "--virtual-camera", help="Also feed a virtual camera, for video calls (extra \\[virtualcam]).",
        rich_help_panel=FILES,
    ),
]  # fmt: skip
Size = Annotated[
    tuple | None,
    typer.Option(
        help="Size to ask a webcam for, such as 1280x720 \\[default: its own].", metavar="WxH", parser=size_of,
        rich_help_panel=SOURCE,
    ),
]  # fmt: skip
Fps = Annotated[
    float | None,
    typer.Option(help="Frame rate to ask a webcam for.", min=1, max=1000, metavar="N", rich_help_panel=SOURCE),
]
Reconnect = Annotated[
    float,
    typer.Option(
        help="How long to try to reopen a lost webcam or stream. 0: do not try.", min=0, metavar="SECONDS",
        rich_help_panel=SOURCE,
    ),
]  # fmt: skip
