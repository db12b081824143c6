"""From a checkpoint to an engine: into a folder that the user names, or on first use into this user's cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engines import backends, zoo
from engines.compiling.build import Progress, build, versions
from engines.compiling.cache import cached_engine
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
        calibration: face crops for int8 or fp8, a folder or a sheet; None for those that ship.
        progress: is told each step.
        size_px: side of the crops, where it is to be another than that of the training.

    Raises:
        DataError: the checkpoint or the crops are missing or damaged.
        UsageError, BuildError, MissingExtra: as `engines.compiling.build.build`.
    """
    from train.calibration import read_crops, shipped_crops
    from train.models import for_inference, restore  # torch: an engine that is in the cache needs none of it

    network, spec = restore(checkpoint)
    spec = replace(spec, size_px=size_px or spec.size_px)
    crops = read_crops(calibration, spec) if calibration else shipped_crops(spec)
    build(
        for_inference(network), spec, build_spec, folder,
        checkpoint=str(checkpoint), checkpoint_sha256=sha256_of(checkpoint), calibration=crops, samples=crops,
        progress=progress,
    )  # fmt: skip


def engine_for(model: str, progress: Progress = lambda _: None) -> str:
    """What a user's word for a model stands for here.

    A checkpoint's engine is built on first use, and so is, where an NVIDIA GPU can be used, one for a model that ships.
    An engine's folder stays what it is.

    Raises:
        DataError, UsageError, BuildError, MissingExtra: as `compile_checkpoint`, of a checkpoint.
    """
    is_checkpoint = model.endswith(".safetensors")
    recipes = first_uses()
    if not is_checkpoint and (not recipes or model not in zoo.names()):
        return model
    checkpoint = Path(model) if is_checkpoint else zoo.weights(model)
    for recipe in recipes:
        try:
            return str(engine_of(checkpoint, progress, recipe))
        except DataError:
            raise
        except (UnveilError, RuntimeError) as e:  # RuntimeError: what torch and TensorRT say of a GPU
            progress(f"no {recipe.backend} engine for the GPU ({e})")
    return str(engine_of(checkpoint, progress)) if is_checkpoint else model


def first_uses() -> list[BuildSpec]:
    """How an engine is built for this machine's GPU, the fastest first; none where no NVIDIA GPU is visible."""
    return [recipe for backend, recipe in ON_GPU.items() if nvidia_gpu() and backends.status(backend).available]


def engine_of(checkpoint: Path, progress: Progress = lambda _: None, recipe: BuildSpec = ON_CPU) -> Path:
    """The engine of a checkpoint in this user's cache, built where it is not there yet. Its folder.

    Raises:
        DataError, UsageError, BuildError, MissingExtra: as `compile_checkpoint`.
    """
    if not checkpoint.is_file():
        raise DataError(f"no checkpoint at {checkpoint}; expected weights that `unveil train` wrote")
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
