"""`unveil compile`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engines.backends import BACKENDS
from train.commands.options import needs_training


def compile_(
    checkpoint: Annotated[Path, typer.Argument(help="Weights that `unveil train` wrote.", metavar="CHECKPOINT")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The folder of the engine. An engine that is there is replaced.", metavar="FOLDER"
        ),
    ],
    precision: Annotated[
        str, typer.Option(help="fp32, bf16 or int8; with torch fp32, fp16 or bf16; with tensorrt also fp8.")
    ] = "int8",
    backend: Annotated[
        str, typer.Option(help=f"What runs it: {'; '.join(f'{name} ({on})' for name, on in BACKENDS.items())}.")
    ] = "openvino",
    batch: Annotated[
        str, typer.Option(help="Crops per call. A GPU also takes a range.", metavar="N|MIN:OPT:MAX")
    ] = "1",
    compatible: Annotated[
        bool,
        typer.Option(
            "--compatible", help="With tensorrt: build for other GPUs, too, from Ampere on. Such an engine is slower."
        ),
    ] = False,
    size: Annotated[int | None, typer.Option(help="Side of the crops in pixels \\[default: as in training].")] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="Face crops that set the scales of int8 and fp8: a folder, or a sheet from `unveil calibrate` "
            "\\[default: a sheet that ships].",
            metavar="PATH",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Compile a checkpoint into an engine, and compare the outputs of the two."""
    needs_training("compiling", "torch")
    typer.echo(f"compiling {checkpoint} for {backend}; loading PyTorch")
    from engines.spec import BuildSpec
    from train.compiling import compile_checkpoint

    build_spec = BuildSpec.of(backend, precision, batch, compatible)
    compile_checkpoint(checkpoint, output, build_spec, calibration, typer.echo, size_px=size)
    typer.echo(f"engine: {output}")
