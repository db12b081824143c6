"""`unveil label`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UsageError
from train.commands.options import needs_training


class Outline(StrEnum):
    """Where the contour of the full face comes from."""

    silhouette = "silhouette"
    mesh = "mesh"
    head = "head"


class Morphology(StrEnum):
    """How a residual is cleaned: thin components left out, as the paper does, or not at all."""

    thin = "thin"
    paper = "paper"
    none = "none"


def label(
    output: Annotated[Path, typer.Option(help="The folder of the labels; a run that was stopped goes on in it.")],
    inputs: Annotated[
        list[Path] | None, typer.Argument(help="Photographs, videos or folders of them.", metavar="INPUT...")
    ] = None,
    teacher: Annotated[
        str,
        typer.Option(help="Who sees the face: hair, masks:FOLDER or engine:NAME[,NAME] (models or checkpoints)."),
    ] = "hair",
    hair_model: Annotated[
        Path | None,
        typer.Option(help="MediaPipe's hair_segmentation.tflite, for the teacher hair and --parts.", metavar="FILE"),
    ] = None,
    contour: Annotated[
        Outline, typer.Option(help="Of the full face: of the landmarks, their hull, or a posed head's.")
    ] = (Outline.silhouette),
    head_model: Annotated[
        Path | None,
        typer.Option(help="Folder with ict_facekit.npz, for the contour head and --depth.", metavar="FOLDER"),
    ] = None,
    morphology: Annotated[Morphology, typer.Option(help="How the residual is cleaned.")] = Morphology.thin,
    every: Annotated[int, typer.Option(help="Of a video, label each that many frames.", min=1)] = 10,
    parts: Annotated[bool, typer.Option("--parts", help="Label 13 parts, too; with --depth and both models.")] = False,
    depth: Annotated[bool, typer.Option("--depth", help="Write the depth of a fitted head; with --parts.")] = False,
    parts_teacher: Annotated[
        str | None,
        typer.Option(
            help="Networks of parts that correct those labels: a second round, as --teacher for the parts.",
            metavar="NAME[,NAME]",
        ),
    ] = None,
    synthetic: Annotated[
        int | None, typer.Option(help="In place of INPUT: render that many heads with parts and depth.", min=1)
    ] = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(help="Pictures without people to stand those before \\[default: drawn].", metavar="FOLDER"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of those.", min=0)] = 0,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 2,
) -> None:
    """Make pseudo-labels of faces: what of them is visible, without any human label. Or render heads with true ones."""
    if (synthetic is None) == (not inputs):
        raise UsageError(f"got {'both INPUT and' if inputs else 'neither INPUT nor'} --synthetic; expected one of them")
    if synthetic is not None:
        _render_heads(synthetic, output, head_model, seed, backgrounds, workers)
        return
    needs_training("labelling", "ai_edge_litert" if teacher == "hair" or parts else "torch")
    from realtime.run.progress import counted
    from train.labels.label import label as make_labels
    from train.labels.options import LabelOptions

    if parts != depth:
        raise UsageError("got one of --parts and --depth; the same fitted head makes both, so name both")
    options = LabelOptions(
        teacher, contour.value, morphology.value, hair_model, head_model, every, parts, parts_teacher
    )
    with counted("labelling", "pictures") as progress:
        done = make_labels(inputs or [], output, options, workers=workers, progress=progress)
    typer.echo(f"{done.labelled} faces labelled, {done.already_done} done before, {done.skipped} without a usable face")
    typer.echo(f"look at {output / 'sheet.png'}")
    for name in done.unreadable:
        typer.echo(f"unveil: {name}: not a picture", err=True)
    raise typer.Exit(int(bool(done.unreadable)))


def _render_heads(
    count: int, output: Path, head_model: Path | None, seed: int, backgrounds: Path | None, workers: int
) -> None:
    from realtime.run.progress import counted
    from train.parts.synthetic.generate import SyntheticOptions, make_heads

    options = SyntheticOptions(head_model, seed, backgrounds)
    with counted("rendering", "heads") as progress:
        done = make_heads(count, output, options, workers=workers, progress=progress)
    typer.echo(f"{done.made} heads rendered, {done.already_done} done before")
    typer.echo(f"look at {output / 'parts_sheet.png'}")
