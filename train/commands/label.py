"""`unveil label`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UsageError
from train.commands.options import continues_after_interrupt, needs_training

_FILES, _LABELS, _PARTS, _HEADS = "Input and output", "Labels", "Parts and depth", "Rendered heads"


class Outline(StrEnum):
    """The source of the contour of the full face."""

    silhouette = "silhouette"
    mesh = "mesh"
    head = "head"


class Morphology(StrEnum):
    """How a residual is cleaned: without thin components, as in the paper, or not at all."""

    thin = "thin"
    paper = "paper"
    none = "none"


def label(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The folder for the labels. A run that was stopped continues in it.",
            metavar="FOLDER", rich_help_panel=_FILES,
        ),
    ],
    inputs: Annotated[
        list[Path] | None, typer.Argument(help="Photographs, videos or folders of either.", metavar="INPUT...")
    ] = None,
    every: Annotated[
        int,
        typer.Option(
            help="Label every N-th frame of a video.", min=1, metavar="N", rich_help_panel=_FILES
        ),
    ] = 10,
    workers: Annotated[
        int, typer.Option(help="Number of processes.", min=1, metavar="N", rich_help_panel=_FILES)
    ] = 2,
    teacher: Annotated[
        str,
        typer.Option(
            help="What finds the visible face: hair, masks:FOLDER, or engine:NAME[,NAME] (models or checkpoints).",
            metavar="TEACHER", rich_help_panel=_LABELS,
        ),
    ] = "hair",
    hair_model: Annotated[
        Path | None,
        typer.Option(
            help="MediaPipe's hair_segmentation.tflite, for --teacher hair and --parts.",
            metavar="FILE", rich_help_panel=_LABELS,
        ),
    ] = None,
    contour: Annotated[
        Outline,
        typer.Option(
            help="Contour of the full face: the outline of the landmarks (silhouette), their hull (mesh) or the "
            "outline of a fitted head (head).",
            metavar="KIND", rich_help_panel=_LABELS,
        ),
    ] = Outline.silhouette,
    head_model: Annotated[
        Path | None,
        typer.Option(
            help="Folder with ict_facekit.npz, for --contour head and --depth.",
            metavar="FOLDER", rich_help_panel=_LABELS,
        ),
    ] = None,
    morphology: Annotated[
        Morphology,
        typer.Option(
            help="How the residual is cleaned: thin, paper or none.", metavar="KIND", rich_help_panel=_LABELS
        ),
    ] = Morphology.thin,
    parts: Annotated[
        bool,
        typer.Option(
            "--parts", help="Also label 13 parts. Needs --depth and both models.", rich_help_panel=_PARTS
        ),
    ] = False,
    depth: Annotated[
        bool,
        typer.Option("--depth", help="Also write the depth of a fitted head. Needs --parts.", rich_help_panel=_PARTS),
    ] = False,
    parts_teacher: Annotated[
        str | None,
        typer.Option(
            help="Networks of parts that correct the labels of parts, in a second round.",
            metavar="NAME[,NAME]", rich_help_panel=_PARTS,
        ),
    ] = None,
    synthetic: Annotated[
        int | None,
        typer.Option(
            help="Instead of labelling INPUT, render this many heads with parts and depth.",
            min=1, metavar="N", rich_help_panel=_HEADS,
        ),
    ] = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(
            help="Pictures without people, as backgrounds of the heads \\[default: drawn].",
            metavar="FOLDER", rich_help_panel=_HEADS,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the random choices for the heads.", min=0, metavar="N", rich_help_panel=_HEADS)
    ] = 0,
) -> None:  # fmt: skip
    """Make pseudo-labels of the visible face, without human labels; or render heads with exact labels."""
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
        raise UsageError("got one of --parts and --depth; one fitted head makes both, so give both")
    options = LabelOptions(
        teacher, contour.value, morphology.value, hair_model, head_model, every, parts, parts_teacher
    )
    with continues_after_interrupt(output), counted("labelling", "pictures") as progress:
        done = make_labels(inputs or [], output, options, workers=workers, progress=progress)
    typer.echo(f"{done.labelled} faces labelled, {done.already_done} done before, {done.skipped} without a usable face")
    typer.echo(f"sheet of examples: {output / 'sheet.png'}")
    for name in done.unreadable:
        typer.echo(f"unveil: {name}: cannot be read as a picture", err=True)
    raise typer.Exit(int(bool(done.unreadable)))


def _render_heads(
    count: int, output: Path, head_model: Path | None, seed: int, backgrounds: Path | None, workers: int
) -> None:
    from realtime.run.progress import counted
    from train.parts.synthetic.generate import SyntheticOptions, make_heads

    options = SyntheticOptions(head_model, seed, backgrounds)
    with continues_after_interrupt(output), counted("rendering", "heads") as progress:
        done = make_heads(count, output, options, workers=workers, progress=progress)
    typer.echo(f"{done.made} heads rendered, {done.already_done} done before")
    typer.echo(f"sheet of examples: {output / 'parts_sheet.png'}")
