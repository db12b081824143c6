"""Compiles a checkpoint into an engine: into a folder that the user names, or on first use into this user's cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engines import zoo
from engines.backends import backends_on, get_backend
from engines.compiling.build import Progress, build, versions
from engines.compiling.cache import cached_engine
from engines.errors import DataError, UnveilError
from engines.machine import nvidia_gpu
from engines.manifest import sha256_of
from engines.spec import BuildSpec
from train.learn.checkpoint import checkpoint_at, find_weights

ON_CPU = BuildSpec()
"""How an engine for the CPU is built on first use."""


def compile_checkpoint(
    checkpoint: Path,
    folder: Path,
    build_spec: BuildSpec,
    calibration: Path | None = None,
    progress: Progress = lambda _: None,
    *,
    size_px: int | None = None,
) -> None:
    """Compile a checkpoint into an engine, and compare the two.

    Args:
        checkpoint: weights that `unveil train` wrote: the file, or the folder of the run.
        calibration: face crops for int8 or fp8, a folder or a sheet; None for those that ship.
        progress: called with a line of text for each step.
        size_px: side of the crops, where it differs from that of the training.

    Raises:
        DataError: the checkpoint or the crops are missing or damaged.
        UsageError, BuildError, MissingExtra: as `engines.compiling.build.build`.
    """
    checkpoint = find_weights(checkpoint)
    get_backend(build_spec.backend).check_request(build_spec)  # before torch takes its seconds to import
    from train.calibration import read_crops, shipped_crops
    from train.finder.compiling import compile_finder, is_finder
    from train.models import deployable

    if is_finder(checkpoint):
        manifest = compile_finder(checkpoint, folder, build_spec, calibration, size_px)
        progress(f"confidences differ by {manifest.largest_difference:.4f} at most from those of the network")
        return
    network, spec = deployable(checkpoint)
    spec = replace(spec, size_px=size_px or spec.size_px)
    crops = read_crops(calibration, spec) if calibration else shipped_crops(spec)
    build(
        network, spec, build_spec, folder,
        checkpoint=str(checkpoint), checkpoint_sha256=sha256_of(checkpoint), calibration=crops, samples=crops,
        progress=progress,
    )  # fmt: skip


def engine_for(model: str, progress: Progress = lambda _: None) -> str:
    """The engine that runs here for what a user named as the model: the name or folder to load.

    A checkpoint's engine is built on first use, and so is, where an NVIDIA GPU can be used, one for a model that ships.
    An engine's folder is returned as it is.

    Raises:
        DataError, UsageError, BuildError, MissingExtra: a checkpoint cannot be compiled, as in `compile_checkpoint`.
    """
    own = checkpoint_at(model)
    recipes = gpu_recipes()
    if own is None and (not recipes or model not in zoo.names()):
        return model
    checkpoint = own or zoo.weights(model)
    for recipe in recipes:
        try:
            return str(cached_engine_of(checkpoint, progress, recipe))
        except DataError:
            raise
        except (UnveilError, RuntimeError) as e:  # torch and TensorRT report a GPU's problems as RuntimeError
            progress(f"no {recipe.backend} engine for the GPU ({e})")
    return str(cached_engine_of(checkpoint, progress)) if own else model


def gpu_recipes() -> list[BuildSpec]:
    """How an engine is built for this machine's GPU, the fastest first; none where no NVIDIA GPU is visible.

    One crop per call, for latency.
    """
    if not nvidia_gpu():
        return []
    usable = (backend.name for backend in backends_on("cuda") if backend.available("cuda")[0])
    return [BuildSpec(name, "fp16") for name in usable]


def cached_engine_of(checkpoint: Path, progress: Progress = lambda _: None, recipe: BuildSpec = ON_CPU) -> Path:
    """The folder of a checkpoint's engine in this user's cache. It is built where it is not there yet.

    Raises:
        DataError, UsageError, BuildError, MissingExtra: as `compile_checkpoint`.
    """
    if not checkpoint.is_file():
        raise DataError(f"no checkpoint at {checkpoint}; expected weights that `unveil train` wrote")
    made_of: dict[str, Any] = {
        "checkpoint": sha256_of(checkpoint), "recipe": str(recipe), "versions": versions(),
        "sheets": [sha256_of(sheet.path) for sheet in zoo.SHEETS],
    }  # fmt: skip
    if recipe != ON_CPU:
        made_of["gpu"] = get_backend(recipe.backend).available("cuda")

    def make(folder: Path) -> None:
        progress(f"first use of {checkpoint.name} here: building its engine, some 10 to 60 seconds")
        compile_checkpoint(checkpoint, folder, recipe, progress=progress)

    return cached_engine(f"{checkpoint.stem}-{recipe.precision}", made_of, make)
