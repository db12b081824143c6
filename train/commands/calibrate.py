"""`unveil calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.commands.options import OccluderFolder, needs_training


def calibrate(
    model: Annotated[str, typer.Argument(help="The network to calibrate: consensus-lite, parts, ...", metavar="MODEL")],
    data: Annotated[
        list[Path],
        typer.Option(help="A folder that `unveil label` (for finder: `unveil portraits`) wrote.", metavar="FOLDER"),
    ],
    occluders: OccluderFolder,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The sheet: .png, or .jpg, which is smaller.", metavar="FILE")
    ],
    count: Annotated[int, typer.Option(help="Number of crops, a multiple of 16.", min=16, metavar="N")] = 64,
) -> None:
    """Compose a sheet of training crops, from which `unveil compile --calibration` sets the scales of int8."""
    from engines.errors import UsageError

    if count % 16:
        raise UsageError(f"--count {count}: expected a multiple of 16, since a sheet has rows of 16 crops")
    needs_training("composing training crops", "torch")
    from train.calibration import compose, write_sheet
    from train.finder.compiling import compose_pictures
    from train.models import spec

    is_finder = model == "finder"  # its data are portraits, and it sees whole pictures
    write_sheet(
        output, compose_pictures(data, occluders, count) if is_finder else compose(data, occluders, spec(model), count)
    )
    typer.echo(f"sheet of {count} crops: {output}")
