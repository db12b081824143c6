"""`unveil train` and `unveil average`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engines.errors import UsageError
from engines.zoo import DEFAULT_MODEL
from train.commands.options import needs_training


def train(
    output: Annotated[Path, typer.Option(help="The folder of state, log and weights; a stopped run goes on in it.")],
    labels: Annotated[Path | None, typer.Option(help="The folder that `unveil label` wrote.")] = None,
    occluders: Annotated[
        Path | None, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects, for composed crops.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="A data set in place of composed crops; see docs/datasets.md.", metavar="KIND:DIR"),
    ] = None,
    split: Annotated[str, typer.Option(help="Of --data: what is learned.")] = "train",
    held_split: Annotated[str, typer.Option(help="Of --data: what is looked at in between.")] = "test",
    distinct: Annotated[int | None, typer.Option(help="Only that many different crops, again and again.")] = None,
    flips: Annotated[bool, typer.Option("--flips", help="Of --data or --distinct: mirror every other crop.")] = False,
    augment: Annotated[bool, typer.Option("--augment", help="Of those: turn, zoom and light them a little.")] = False,
    model: Annotated[str, typer.Option(help="The network to train.")] = DEFAULT_MODEL,
    width: Annotated[int | None, typer.Option(help="Channels of its first layer \\[default: the model's own].")] = None,
    size_px: Annotated[int | None, typer.Option(help="Side of the crops \\[default: the model's own].")] = None,
    regularised: Annotated[bool, typer.Option("--regularised", help="Dropout in the network, and flips.")] = False,
    start: Annotated[Path | None, typer.Option(help="Weights to start from.", metavar="FILE")] = None,
    samples: Annotated[int, typer.Option(help="Crops in all.", min=1)] = 170_000,
    batch: Annotated[int, typer.Option(help="Crops at once, on all processes together.", min=1)] = 32,
    accumulate: Annotated[int, typer.Option(help="Batches that make one step.", min=1)] = 1,
    optimiser: Annotated[str, typer.Option(help="adamw-cosine, adam-plateau or adam-flat.")] = "adamw-cosine",
    learning_rate: Annotated[
        float | None, typer.Option(help="The peak or start \\[default: 2e-3, 1e-3 or 1e-5, by the optimiser].")
    ] = None,
    patience: Annotated[int, typer.Option(help="Looks without progress that adam-plateau lets pass.", min=0)] = 2,
    stop: Annotated[bool, typer.Option("--stop", help="End where adam-plateau would fall below 1e-5.")] = False,
    cross_entropy: Annotated[float, typer.Option(help="Weight of the pixel loss (equation 3).")] = 1.0,
    balanced: Annotated[float, typer.Option(help="Weight of the blob-balanced pixel loss (equation 5).")] = 0.0,
    consensus: Annotated[float, typer.Option(help="Weight of the consensus loss (equation 8).")] = 0.03,
    alpha: Annotated[float, typer.Option(help="Its first term: a blob's mean fits its label.")] = 10.0,
    beta: Annotated[float, typer.Option(help="Its second term: pixels agree with their blob.")] = 5.0,
    blobs: Annotated[str, typer.Option(help="What a blob is: class or component.")] = "class",
    average_decay: Annotated[float, typer.Option(help="Of the weights' running average; 0: the last weights.")] = 0.999,
    evaluate_every: Annotated[int, typer.Option(help="Crops between two looks at the held-aside set.")] = 17_000,
    seed: int = 0,
    workers: Annotated[int, typer.Option(help="Loader processes of each training process.", min=0)] = 1,
) -> None:
    """Train a network on composed crops or on a data set. Stopped at any moment, it goes on when run again.

    Several processes: torchrun --nproc-per-node 2 -m cli train ...
    """
    needs_training("training", "torch")
    from train.learn.config import TrainConfig
    from train.learn.loop import train as run_training

    config = TrainConfig(
        labels=labels, occluders=occluders, output=output, data=data, split=split, held_split=held_split,
        distinct=distinct, flips=flips, augment=augment, model=model, width=width, size_px=size_px,
        regularised=regularised,
        start=start, samples=samples, batch=batch, accumulate=accumulate, optimiser=optimiser,
        learning_rate=learning_rate, patience=patience, stop=stop, cross_entropy=cross_entropy, balanced=balanced,
        consensus=consensus, alpha=alpha, beta=beta, blobs=blobs, average_decay=average_decay,
        evaluate_every=evaluate_every, seed=seed, workers=workers,
    )  # fmt: skip
    if run_training(config, say=typer.echo):
        typer.echo(f"weights: {output / 'weights.safetensors'}")


def average(
    checkpoints: Annotated[
        list[str], typer.Argument(help="Checkpoints of one network, each with its share.", metavar="FILE=SHARE...")
    ],
    output: Annotated[Path, typer.Option(help="The checkpoint to write.")],
) -> None:
    """Average the weights of runs that started from one another: often steadier than each of them."""
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
