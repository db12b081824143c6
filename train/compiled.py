"""From a checkpoint to an engine: into a folder that the user names, or on first use into this user's cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engines import backends, zoo
from engines.build import Progress, build, versions
from engines.cache import cached_engine
from engines.errors import DataError, UnveilError
from engines.machine import nvidia_gpu
from engines.manifest import sha256_of
from engines.spec import BuildSpec

ON_CPU = BuildSpec()
ON_GPU: dict[str, BuildSpec] = {
    "tensorrt": BuildSpec("tensorrt", "fp16"), "torch-cuda": BuildSpec("torch", "fp16"),
}  # fmt: skip
"""By what can run there, the fastest first. One crop a call, for latency."""


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
        checkpoint: weights that `unveil train` or `train-parts` wrote.
        calibration: face crops for int8, a folder or a sheet; None for those that ship.
        progress: is told each step.
        size_px: side of the crops, where it is to be another than that of the training.

    Raises:
        DataError: the checkpoint or the crops are missing or damaged.
        UsageError, BuildError, MissingExtra: as `engines.build.build`.
    """
    from train.calibration import read_crops, shipped_crops
    from train.models import for_inference, restore  # torch: an engine that is in the cache needs none of it

    network, spec = restore(checkpoint)
    spec = replace(spec, size_px=size_px or spec.size_px)
    crops = read_crops(calibration, spec) if calibration else shipped_crops(spec)
    build(
        for_inference(network), spec, build_spec, folder,
        checkpoint_sha256=sha256_of(checkpoint), calibration=crops, samples=crops, progress=progress,
    )  # fmt: skip


def engine_for(model: str, progress: Progress = lambda _: None) -> str:
    """What a user's word for a model stands for here.

    A checkpoint's engine is built on first use, and so is, where an NVIDIA GPU can be used, one for a model that ships.
    An engine's folder stays what it is.

    Raises:
        DataError, UsageError, BuildError, MissingExtra: as `compile_checkpoint`, of a checkpoint.
    """
    if model.endswith(".safetensors"):
        return str(engine_of(Path(model), progress))
    build_spec = on_first_use()
    if build_spec == ON_CPU or model not in zoo.names():
        return model
    try:
        return str(engine_of(zoo.weights(model), progress, build_spec))
    except UnveilError as e:
        progress(f"no engine for the GPU ({e}); the CPU's is used")
        return model


def on_first_use() -> BuildSpec:
    """How an engine is built for this machine. Imports nothing heavy where no NVIDIA GPU is visible."""
    if nvidia_gpu():
        for backend, build_spec in ON_GPU.items():
            if backends.status(backend).available:
                return build_spec
    return ON_CPU


def engine_of(checkpoint: Path, progress: Progress = lambda _: None, build_spec: BuildSpec | None = None) -> Path:
    """The engine of a checkpoint in this user's cache, built where it is not there yet. Its folder.

    Args:
        build_spec: None for the fastest on this machine.

    Raises:
        DataError, UsageError, BuildError, MissingExtra: as `compile_checkpoint`.
    """
    if not checkpoint.is_file():
        raise DataError(f"no checkpoint at {checkpoint}; expected weights that `unveil train` wrote")
    recipe = build_spec or on_first_use()
    made_of = {
        "checkpoint": sha256_of(checkpoint), "recipe": str(recipe), "versions": versions(),
        "sheets": [sha256_of(sheet.path) for sheet in zoo.SHEETS],
    }  # fmt: skip
    if recipe != ON_CPU:
        made_of["gpu"] = str(backends.status("torch-cuda"))

    def make(folder: Path) -> None:
        progress(f"first use of {checkpoint.name} here: building its engine, some 10 to 60 seconds")
        compile_checkpoint(checkpoint, folder, recipe, progress=progress)

    return cached_engine(f"{checkpoint.stem}-{recipe.precision}", made_of, make)
