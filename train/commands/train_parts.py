"""`unveil train-parts`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from train.commands.options import needs_training


def train_parts(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders of faces with part labels and depth.", metavar="FOLDER...")
    ],
    output: Annotated[Path, typer.Option(help="A folder in it for each stage; a stopped run goes on in it.")],
    stage: Annotated[
        list[str] | None,
        typer.Option(help="rgb, depth, translator (each alone) or joint; may be repeated \\[default: all in turn]."),
    ] = None,
    pretrained: Annotated[
        Path | None, typer.Option(help="The output of another run, whose rgb, depth and translator joint starts from.")
    ] = None,
    occluders: Annotated[
        Path | None, typer.Option(help="Cut-out occluders (RGBA) in hands, masks and objects, to paste over the faces.")
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option(help="Don't learn from photographs with this in their names; may be repeated.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Weights of such a parser, from which each parser alone starts.", metavar="FILE")
    ] = None,
    network: Annotated[str, typer.Option(help="Of both parsers: parts (compact), bisenet or eagrnet.")] = "parts",
    width: Annotated[int | None, typer.Option(help="Channels of its first layer \\[default: its own].")] = None,
    translator_width: Annotated[int | None, typer.Option(help="The same of the translator.")] = None,
    size_px: Annotated[int | None, typer.Option(help="Side of the crops \\[default: the network's own].")] = None,
    depth_share: Annotated[float, typer.Option(help="Share of the faces whose depth is known in training.")] = 0.1,
    synthetic_share: Annotated[float, typer.Option(help="Share of the samples that are synthetic heads.")] = 0.25,
    augment: Annotated[str, typer.Option(help="none, flips, or all (framing, light, occluders, holes).")] = "all",
    samples: Annotated[int, typer.Option(help="Crops for each parser alone.", min=1)] = 170_000,
    translator_samples: Annotated[int, typer.Option(help="Crops for the translator alone.", min=1)] = 100_000,
    joint_samples: Annotated[int, typer.Option(help="Crops of the joint training.", min=1)] = 85_000,
    batch: Annotated[int, typer.Option(help="Crops of a step, on all processes together.", min=2)] = 32,
    translator_batch: Annotated[int, typer.Option(help="The same for the translator alone.", min=1)] = 8,
    optimiser: Annotated[str, typer.Option(help="Of the parsers: sgd-poly or adamw-cosine.")] = "adamw-cosine",
    learning_rate: Annotated[
        float | None, typer.Option(help="Of the parsers alone; a tenth of it in the joint training.")
    ] = None,
    translator_rate: Annotated[float, typer.Option(help="The same of the translator.")] = 1e-3,
    mutual: Annotated[float, typer.Option(help="Weight of mutual learning (equation 4); 0 leaves it out.")] = 1.0,
    mutual_of: Annotated[str, typer.Option(help="What is to agree in it: probabilities or logits.")] = "probabilities",
    end_to_end: Annotated[float, typer.Option(help="Weight of parsing generated depth; 0 leaves it out.")] = 1.0,
    of_rgb: Annotated[float, typer.Option(help="Weight of the RGB parser's own loss.")] = 0.5,
    of_depth: Annotated[float, typer.Option(help="Weight of the depth parser's own loss.")] = 0.5,
    translation: Annotated[float, typer.Option(help="Weight of the translator's own loss (equation 1).")] = 1.0,
    l1: Annotated[float, typer.Option(help="Weight of L1 in that.")] = 100.0,
    ohem: Annotated[
        float | None, typer.Option(help="Pixels less sure than this count \\[default: 0.7 for bisenet, else all].")
    ] = None,
    dice: Annotated[
        float, typer.Option(help="Weight of the parsers' Dice loss, for small parts; not the paper's.")
    ] = 0.0,
    average_decay: Annotated[float, typer.Option(help="Of the weights' running average; 0: the last weights.")] = 0.999,
    evaluate_every: Annotated[int, typer.Option(help="Crops between two looks at the held-aside faces.")] = 17_000,
    seed: int = 0,
    workers: Annotated[int, typer.Option(help="Loader processes of each training process.", min=0)] = 1,
) -> None:
    """Train an RGB parser, a depth parser and an RGB-to-depth translator, each alone and then together.

    Stopped at any moment, it goes on when run again.

    Several processes: torchrun --nproc-per-node 2 -m cli train-parts ...
    """
    needs_training("training", "torch")
    from train.mutual.config import MutualConfig, chosen_stages
    from train.mutual.loop import train_parts as run_training

    config = MutualConfig(
        folders=tuple(folders), output=output, occluders=occluders, leave_out=tuple(leave_out) if leave_out else None,
        start=start, network=network, width=width, translator_width=translator_width, size_px=size_px,
        depth_share=depth_share, synthetic_share=synthetic_share,
        augment=augment, samples=samples, translator_samples=translator_samples, joint_samples=joint_samples,
        batch=batch, translator_batch=translator_batch, optimiser=optimiser, learning_rate=learning_rate,
        translator_rate=translator_rate, mutual=mutual, mutual_of=mutual_of, end_to_end=end_to_end,
        of_rgb=of_rgb, of_depth=of_depth, translation=translation, l1=l1, ohem=ohem, dice=dice,
        average_decay=average_decay, evaluate_every=evaluate_every, seed=seed, workers=workers,
        pretrained=pretrained,
    )  # fmt: skip
    for name, result in run_training(config, chosen_stages(stage), say=typer.echo).items():
        if result:
            typer.echo(f"weights of {name}: {output / name}")
