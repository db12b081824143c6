"""Options of the commands that run networks. Imports nothing heavy: `unveil --help` answers at once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from realtime.render.registry import find_renderer, renderers


class View(StrEnum):
    """Where a live run is shown."""

    window = "window"
    none = "none"


class H264(StrEnum):
    """What encodes H.264."""

    auto = "auto"
    x264 = "x264"
    nvenc = "nvenc"


Model = Annotated[
    str,
    typer.Option(
        help="A model that ships with Unveil, an engine's folder or a checkpoint (its engine is built on first use); "
        "parts+consensus for both of them.",
        metavar="NAME",
    ),
]
Render = Annotated[
    str,
    typer.Option(
        help="What is drawn.\n\n" + "\n\n".join(f"{each.name}: {each.help}" for each in renderers().values()),
        metavar="KIND",
        parser=lambda name: find_renderer(name).name,
        autocompletion=lambda: list(renderers()),
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Depth = Annotated[
    Path | None,
    typer.Option(
        help="Measured depth, for models that see it: a folder of 16-bit PNGs, or a 16-bit gray video. "
        "\\[default: estimated from colour].",
        metavar="PATH",
    ),
]
DepthScale = Annotated[
    float | None, typer.Option(help="Metres a step of the depth \\[default: as depth.json beside it says, else 0.001].")
]
Threads = Annotated[int | None, typer.Option(help="Threads for the network \\[default: as its work is worth].", min=1)]
Encoder = Annotated[
    H264, typer.Option(help="Of H.264: x264 (CPU), nvenc (NVIDIA GPU), or the card where it works, else the CPU.")
]
