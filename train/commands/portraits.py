"""`unveil portraits`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.commands.options import needs_training


def portraits(
    inputs: Annotated[
        list[Path], typer.Argument(help="Pictures and videos with a face each, or folders of them.", metavar="INPUT...")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the portraits.", metavar="FOLDER")],
) -> None:
    """Prepare pictures of faces for the training of a face finder (`unveil train finder`)."""
    needs_training("preparing portraits", "mediapipe")
    from realtime.run.progress import counted
    from train.finder.pictures.prepare import prepare

    with counted("preparing", "pictures") as progress:
        count = prepare(inputs, output, progress)
    typer.echo(f"portraits: {count}, in {output}")
