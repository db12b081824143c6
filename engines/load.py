"""From a model's name, or a folder, to a loaded engine."""

from __future__ import annotations

import os
from pathlib import Path

from engines import zoo
from engines.engine import Engine, Parsed
from engines.errors import UnknownModel, UsageError
from engines.machine import default_threads
from engines.manifest import Manifest, read_manifest, verify

__all__ = ["Engine", "Parsed", "find_engine", "load_engine", "open_engine"]


def load_engine(name_or_folder: str | Path, *, threads: int | None = None) -> Engine:
    """Load an engine, ready to be called.

    Args:
        name_or_folder: a model of the zoo ("consensus-lite": its fastest engine for this machine), or an engine folder.
        threads: CPU threads that one call may use; None: one for each physical core, at most four, and on OpenVINO no
            more than the network has work for.

    Raises:
        UnknownModel: neither a known model nor a folder.
        EngineDamaged: files missing or not the ones that were built.
        EngineMismatch: a sound engine that this machine cannot run.
    """
    if threads is not None and threads < 1:
        raise UsageError(f"threads must be 1 or more; got {threads}")
    folder = find_engine(name_or_folder)
    manifest = read_manifest(folder)
    verify(folder, manifest)
    return open_engine(folder, manifest, threads)


def find_engine(name_or_folder: str | Path) -> Path:
    """The engine folder that a name or path stands for. A bare name is looked up in the zoo first."""
    path = Path(name_or_folder)
    is_name = isinstance(name_or_folder, str) and os.sep not in name_or_folder
    if is_name and name_or_folder in zoo.names():
        name = str(name_or_folder)
        there = zoo.precisions(name)
        if not there:
            raise UnknownModel(f"model '{name}' has weights but no engine; build one with 'unveil compile'")
        return zoo.engine_folder(name, there[0])
    if path.is_dir():
        return path
    known = ", ".join(zoo.names()) or "none"
    raise UnknownModel(f"'{name_or_folder}' is neither a known model nor an engine folder; known models: {known}")


def open_engine(folder: Path, manifest: Manifest, threads: int | None) -> Engine:
    """Open a folder whose manifest was read and whose files were verified."""
    # Imported on demand: no backend's library is needed for another.
    if manifest.backend == "torch":
        from engines.backends.torch import TorchEngine

        return TorchEngine.open(folder, manifest, threads or default_threads())
    if manifest.backend == "tensorrt":
        from engines.backends.tensorrt import TensorRtEngine

        return TensorRtEngine.open(folder, manifest)
    from engines.backends.openvino import OpenVinoEngine

    return OpenVinoEngine.open(folder, manifest, threads)
