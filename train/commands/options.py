"""Options that several commands share, and what they need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from engines.installation import MissingExtra
from realtime.run.options import JsonFile

__all__ = ["JsonFile", "Labels", "OccluderFolder", "continues_after_interrupt", "needs_training"]

Labels = Annotated[Path, typer.Option(help="The folder that `unveil label` wrote.")]
OccluderFolder = Annotated[Path, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects.")]


@contextmanager
def continues_after_interrupt(output: Path) -> Iterator[None]:
    """Says, after Ctrl-C, how to continue a command that keeps what it has done in a folder."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"unveil: stopped; what is done is in {output}. To continue, run the same command again", err=True)
        raise


def needs_training(what: str, module: str) -> None:
    """Raises MissingExtra where a module of the extra for training is not installed."""
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingExtra(what, "train")
