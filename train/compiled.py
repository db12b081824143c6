"""From a checkpoint to an engine: into a folder that the user names, or on first use into this user's cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engines import zoo
from engines.build import Progress, build, versions
from engines.cache import cached_engine
from engines.errors import DataError
from engines.manifest import sha256_of
from engines.spec import BuildSpec

ON_FIRST_USE = BuildSpec()
"""The fastest engine of a CPU."""


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


def engine_of(checkpoint: Path, progress: Progress = lambda _: None) -> Path:
    """The engine of a checkpoint in this user's cache, built where it is not there yet. Its folder.

    Raises:
        DataError, UsageError, BuildError, MissingExtra: as `compile_checkpoint`.
    """
    if not checkpoint.is_file():
        raise DataError(f"no checkpoint at {checkpoint}; expected weights that `unveil train` wrote")
    made_of = {
        "checkpoint": sha256_of(checkpoint), "backend": ON_FIRST_USE.backend, "precision": ON_FIRST_USE.precision,
        "batch": ON_FIRST_USE.batch, "versions": versions(), "sheets": [sha256_of(sheet.path) for sheet in zoo.SHEETS],
    }  # fmt: skip

    def make(folder: Path) -> None:
        progress(f"first use of {checkpoint.name} here: building its engine, some 10 to 60 seconds")
        compile_checkpoint(checkpoint, folder, ON_FIRST_USE, progress=progress)

    return cached_engine(f"{checkpoint.stem}-{ON_FIRST_USE.precision}", made_of, make)
