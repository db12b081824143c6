"""Options that several commands share, and what they need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engines.installation import MissingExtra

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the summary as JSON.", metavar="FILE")]
Labels = Annotated[Path, typer.Option(help="The folder that `unveil label` wrote.")]
OccluderFolder = Annotated[Path, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects.")]


def needs_training(what: str, module: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingExtra(what, "train")
