"""`unveil train` and `unveil average`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UsageError
from engines.zoo import DEFAULT_MODEL
from train.commands.options import needs_training


def train(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for state, log and weights. A stopped run continues in it.")
    ],
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe that ships (consensus-lite, consensus, parts, parts-depth, ...) or a .toml file; see "
            "train/recipes."
        ),
    ] = DEFAULT_MODEL,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder that `unveil label` wrote (finder and presence: `unveil portraits`). Repeatable for parts.",
            metavar="FOLDER",
        ),
    ] = None,
    occluders: Annotated[
        Path | None, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects.", metavar="FOLDER")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Data set to train on instead of --labels; see docs/datasets.md.", metavar="KIND:FOLDER"),
    ] = None,
    without_faces: Annotated[
        Path | None,
        typer.Option(
            help="For finder and presence: pictures without a face, in things (RGBA) and scenes.", metavar="FOLDER"
        ),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Weights to start from: a checkpoint or a run's folder.", metavar="PATH")
    ] = None,
    stage: Annotated[
        list[str] | None, typer.Option(help="Run only this stage of the recipe. Repeatable.", metavar="NAME")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Crops per stage \\[default: the recipe's].", min=1, metavar="N")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change a setting of the recipe: batch_size=8, or joint.batch_size=8 for one stage. Repeatable.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda \\[default: cuda where there is a GPU].")] = None,
) -> None:
    """Train a network by a recipe. Ctrl-C saves; the same command continues.

    Several processes: torchrun --nproc-per-node 2 -m cli train ...
    """
    needs_training("training", "torch")
    from train.recipes import read

    chosen = read(recipe).only(stage or ())
    chosen = (chosen.with_samples(samples) if samples else chosen).with_settings(settings or ())
    typer.echo(f"training by recipe {chosen.name} into {output}: loading torch and the data", err=True)
    from realtime.run.progress import counted
    from train.learn.interruption import TrainingStopped
    from train.recipes.run import Inputs, run

    inputs = Inputs(output, tuple(labels or ()), occluders, data, start, without_faces)
    try:
        with counted("training", "crops") as progress:
            folders = run(chosen, inputs, typer.echo, progress, device)
    except TrainingStopped as e:
        typer.echo(f"unveil: {e}", err=True)
        raise typer.Exit(e.exit_status) from e
    for folder in folders.values():
        for weights in sorted(folder.glob("*.safetensors")):
            typer.echo(f"weights: {weights}")


def average(
    checkpoints: Annotated[
        list[str],
        typer.Argument(
            help="Checkpoints (or folders of runs) of one network, each with its share.", metavar="FILE=SHARE..."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Checkpoint to write.")],
) -> None:
    """Average the weights of runs that started from one another. The mean is often better than each of them."""
    needs_training("averaging", "torch")
    from train.learn.checkpoint import average_weights

    shares = []
    for entry in checkpoints:
        path, _, share = entry.rpartition("=")
        if not path or not share.replace(".", "", 1).isdigit():
            raise UsageError(f"{entry!r}: expected FILE=SHARE, such as runs/two/weights.safetensors=0.8")
        shares.append((Path(path), float(share)))
    average_weights(shares, output)
    typer.echo(f"weights: {output}")
