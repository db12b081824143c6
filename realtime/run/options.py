"""Options of the commands that run networks. Imports nothing heavy: `unveil --help` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UsageError
from engines.zoo import WITH_CONSENSUS, names
from realtime.render.registry import find_renderer, renderers
from realtime.run.executors import EXECUTORS

FILES, MASKS, VIDEO, MACHINE = "Input and output", "Masks", "Video", "Machine"
"""The groups in which the help lists options."""


def seconds_of(text: str) -> float:
    """A time in seconds: 90, 90.5, 1:30 or 0:01:30. Raises typer.BadParameter."""
    parts = text.split(":")
    try:
        last = float(parts[-1])
    except ValueError:
        last = -1.0
    whole = len(parts) <= 3 and all(part.isdecimal() for part in parts[:-1])
    if not whole or not 0 <= last < (60 if len(parts) > 1 else float("inf")):
        raise typer.BadParameter(f"{text!r} is not a time; expected seconds or h:mm:ss, such as 90, 1:30 or 0:01:30.5")
    return sum(60**place * float(part) for place, part in enumerate(reversed(parts)))


def check_depth(depth: Path | None, depth_scale: float | None) -> None:
    """Raises UsageError for a scale of no depth."""
    if depth_scale is not None and depth is None:
        raise UsageError("--depth-scale needs --depth; add --depth with the depth that the scale belongs to")


def complete_model(incomplete: str) -> list[str]:
    """The names of models that begin so, for a shell."""
    known = [*names(), *(name + WITH_CONSENSUS for name in names() if name.startswith("parts"))]
    return [name for name in known if name.startswith(incomplete)]


JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json", help="Write a summary as JSON. Use - for standard output.", metavar="FILE", rich_help_panel=FILES
    ),
]
Data = Annotated[
    bool,
    typer.Option(
        "--data",
        help="Also write STEM.jsonl beside each output: the faces of each frame with their time, boxes, tracks and "
        "masks (docs/data.md).",
        rich_help_panel=FILES,
    ),
]
JsonLines = Annotated[
    Path | None,
    typer.Option(
        "--json-lines",
        help="Write one JSON object per line for each file, in the order of the inputs. Use - for standard output.",
        metavar="FILE", rich_help_panel=FILES,
    ),
]  # fmt: skip
Recursive = Annotated[
    bool,
    typer.Option(
        "--recursive", help="Include the folders inside a folder. The outputs keep the same folder structure.",
        rich_help_panel=FILES,
    ),
]  # fmt: skip
Name = Annotated[
    str | None,
    typer.Option(
        help="Names of the outputs, such as '{stem}_{render}{suffix}'. {source} is the suffix of the input without the "
        "dot, {folder} the name of its folder \\[default: {stem}{suffix}].",
        metavar="PATTERN", rich_help_panel=FILES,
    ),
]  # fmt: skip
Retry = Annotated[
    Path | None,
    typer.Option(
        help="Try again the files listed in a failed.jsonl, which an earlier run wrote to its output folder. It "
        "replaces INPUT.",
        metavar="FILE", rich_help_panel=FILES,
    ),
]  # fmt: skip
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Model = Annotated[
    str,
    typer.Option(
        "--model", "-m",
        help="A model that ships with Unveil, the folder of an engine, or a checkpoint, whose engine is built on first "
        "use. parts+consensus runs two models.",
        metavar="NAME", autocompletion=complete_model, rich_help_panel=MASKS,
    ),
]  # fmt: skip
Render = Annotated[
    str,
    typer.Option(
        "--render", "-r",
        help="What to draw.\n\n" + "\n\n".join(f"{each.name}: {each.help}" for each in renderers().values()),
        metavar="KIND", parser=lambda name: find_renderer(name).name, autocompletion=lambda: list(renderers()),
        rich_help_panel=MASKS,
    ),
]  # fmt: skip
MaxFaces = Annotated[
    int | None,
    typer.Option(
        help="Mask only the N largest faces of each frame. With blur, exit status 1 if a face is left out "
        "\\[default: all].",
        min=1, metavar="N", rich_help_panel=MASKS,
    ),
]  # fmt: skip
KeepOccluders = Annotated[
    bool,
    typer.Option(
        "--keep-occluders",
        help="With blur or --background: hands, masks and microphones in front of a face stay visible.",
        rich_help_panel=MASKS,
    ),
]
Label = Annotated[
    str,
    typer.Option(
        "--label",
        help="With alpha: the label that becomes the matte, such as hair or occlusion. face is the visible face.",
        metavar="NAME", rich_help_panel=MASKS,
    ),
]  # fmt: skip
Background = Annotated[
    str | None,
    typer.Option(
        help="With overlay, cutout and blur: what replaces everything but the face. A colour (white, '#00ff00'), "
        "a picture file, blur, or blur:SIGMA in pixels. --keep-occluders keeps what lies on a face.",
        metavar="WHAT", rich_help_panel=MASKS,
    ),
]  # fmt: skip
NoSmooth = Annotated[
    bool, typer.Option("--no-smooth", help="Do not smooth the masks of a video over time.", rich_help_panel=MASKS)
]
Depth = Annotated[
    Path | None,
    typer.Option(
        help="Measured depth, for models that take depth: a folder of 16-bit PNGs, or a 16-bit gray video "
        "\\[default: estimated from colour].",
        metavar="PATH", rich_help_panel=MASKS,
    ),
]  # fmt: skip
DepthScale = Annotated[
    float | None,
    typer.Option(
        help="Metres per step of the depth \\[default: what depth.json in its folder states, or 0.001].",
        metavar="METRES", rich_help_panel=MASKS,
    ),
]  # fmt: skip
Start = Annotated[
    float | None,
    typer.Option(
        help="Start of the part of each video to process, in seconds or h:mm:ss. The output begins at 0.",
        metavar="TIME", parser=seconds_of, rich_help_panel=VIDEO,
    ),
]  # fmt: skip
End = Annotated[
    float | None,
    typer.Option(
        help="End of the part to process. Like --start, it counts from the start of the input.",
        metavar="TIME",
        parser=seconds_of,
        rich_help_panel=VIDEO,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        help="CPU threads for the network \\[default: by its size].", min=1, metavar="N", rich_help_panel=MACHINE
    ),
]
WorkersOption = Annotated[
    int,
    typer.Option(
        "--workers", help="Number of files to process at a time, each in a process of its own.", min=1, metavar="N",
        rich_help_panel=MACHINE,
    ),
]  # fmt: skip
ExecutorOption = Annotated[
    str,
    typer.Option(
        "--executor", help=f"What runs the files: {', '.join(EXECUTORS)}.", metavar="NAME",
        rich_help_panel=MACHINE,
    ),
]  # fmt: skip
Address = Annotated[
    str | None,
    typer.Option(
        "--address", help="With --executor ray: the cluster's address \\[default: RAY_ADDRESS, or this machine alone].",
        metavar="HOST:PORT", rich_help_panel=MACHINE,
    ),
]  # fmt: skip
