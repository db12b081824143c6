"""`unveil label`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UsageError
from train.commands.options import needs_training


class Outline(StrEnum):
    """What the contour of the full face is made of."""

    silhouette = "silhouette"
    mesh = "mesh"
    head = "head"


class Morphology(StrEnum):
    """How the residual is cleaned: thin components dropped, as in the paper, or not at all."""

    thin = "thin"
    paper = "paper"
    none = "none"


def label(
    output: Annotated[Path, typer.Option(help="Folder for the labels. The same command resumes an interrupted run.")],
    inputs: Annotated[
        list[Path] | None, typer.Argument(help="Photographs, videos or folders of either.", metavar="INPUT...")
    ] = None,
    teacher: Annotated[
        str,
        typer.Option(
            help="What finds the visible face: hair, masks:FOLDER or engine:NAME[,NAME] (models or checkpoints)."
        ),
    ] = "hair",
    hair_model: Annotated[
        Path | None,
        typer.Option(help="MediaPipe's hair_segmentation.tflite, for --teacher hair and --parts.", metavar="FILE"),
    ] = None,
    contour: Annotated[
        Outline,
        typer.Option(help="Contour of the full face: the landmarks' silhouette, their hull, or that of a fitted head."),
    ] = (Outline.silhouette),
    head_model: Annotated[
        Path | None,
        typer.Option(help="Folder with ict_facekit.npz, for --contour head and --depth.", metavar="FOLDER"),
    ] = None,
    morphology: Annotated[Morphology, typer.Option(help="How the residual is cleaned.")] = Morphology.thin,
    every: Annotated[int, typer.Option(help="Label every Nth frame of a video.", min=1)] = 10,
    parts: Annotated[
        bool, typer.Option("--parts", help="Also label 13 parts. Needs --depth, --hair-model and --head-model.")
    ] = False,
    depth: Annotated[
        bool, typer.Option("--depth", help="Also write the depth of a fitted head. Needs --parts.")
    ] = False,
    parts_teacher: Annotated[
        str | None,
        typer.Option(
            help="Part networks that correct the part labels, for a second round.",
            metavar="NAME[,NAME]",
        ),
    ] = None,
    synthetic: Annotated[
        int | None,
        typer.Option(help="Render this many synthetic heads with parts and depth, instead of labelling INPUT.", min=1),
    ] = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(
            help="Pictures without people as backgrounds of synthetic heads \\[default: drawn].", metavar="FOLDER"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic heads.", min=0)] = 0,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1)] = 2,
) -> None:
    """Make pseudo-labels of faces without human labels, or render synthetic heads with exact labels."""
    if (synthetic is None) == (not inputs):
        raise UsageError(f"got {'both INPUT and' if inputs else 'neither INPUT nor'} --synthetic; expected one of them")
    if synthetic is not None:
        _render_heads(synthetic, output, head_model, seed, backgrounds, workers)
        return
    from train.labels.options import LabelOptions, teacher_kind

    needs_training("labelling", "ai_edge_litert" if parts else teacher_kind(teacher).requires)
    from realtime.run.progress import counted
    from train.labels.label import label as make_labels

    if parts != depth:
        raise UsageError("got only one of --parts and --depth; the same fitted head makes both, so name both")
    options = LabelOptions(
        teacher, contour.value, morphology.value, hair_model, head_model, every, parts, parts_teacher
    )
    with counted("labelling", "pictures") as progress:
        done = make_labels(inputs or [], output, options, workers=workers, progress=progress)
    typer.echo(
        f"{done.labelled} faces labelled, {done.already_done} labelled before, {done.skipped} skipped (no usable face)"
    )
    typer.echo(f"inspect the labels: {output / 'sheet.png'}")
    for name in done.unreadable:
        typer.echo(f"unveil: {name}: cannot be read as a picture", err=True)
    raise typer.Exit(int(bool(done.unreadable)))


def _render_heads(
    count: int, output: Path, head_model: Path | None, seed: int, backgrounds: Path | None, workers: int
) -> None:
    from realtime.run.progress import counted
    from train.parts.synthetic.generate import SyntheticOptions, make_heads

    options = SyntheticOptions(head_model, seed, backgrounds)
    with counted("rendering", "heads") as progress:
        done = make_heads(count, output, options, workers=workers, progress=progress)
    typer.echo(f"{done.made} heads rendered, {done.already_done} rendered before")
    typer.echo(f"inspect the labels: {output / 'parts_sheet.png'}")
