"""From a model's name, or a folder, to a loaded engine."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from engines import zoo
from engines.backends import BACKENDS, get_backend
from engines.compiling import cache
from engines.engine import Engine, Parsed
from engines.errors import EngineError, EngineMismatch, UnknownModel, UsageError
from engines.manifest import Manifest, read_manifest, verify

__all__ = ["Engine", "Parsed", "engine_name", "find_engine", "load_engine", "open_engine"]


def load_engine(name_or_folder: str | Path, *, threads: int | None = None) -> Engine:
    """Load an engine, ready to be called.

    Args:
        name_or_folder: a model of the zoo ("consensus-lite": its fastest engine for this machine), or an engine folder.
        threads: CPU threads that one call may use; None: one per physical core, at most four, and on OpenVINO no more
            than the network has work for.

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
    if manifest.backend not in BACKENDS:
        raise EngineMismatch(
            f"{folder} is for the backend {manifest.backend!r}; this version has {', '.join(BACKENDS)}; build it again"
        )
    return get_backend(manifest.backend).load(folder, manifest, engine_name(folder, manifest), threads)


def engine_name(folder: Path, manifest: Manifest) -> str:
    """What a user calls an engine.

    That is the model's name for what ships, also where its engine was built on first use; the checkpoint's path for any
    other engine that was built on first use; and the folder for an engine that the user built.
    """
    if folder.resolve().is_relative_to(zoo.ZOO.resolve()):
        return folder.resolve().parent.name
    if not cache.holds(folder):
        return str(folder)
    return _shipped_name(manifest.checkpoint_sha256) or manifest.checkpoint or str(folder)


def _shipped_name(checkpoint_sha256: str) -> str | None:
    for name in zoo.names():
        for precision in zoo.precisions(name):
            with contextlib.suppress(EngineError):  # a damaged engine is reported where it is loaded
                if read_manifest(zoo.engine_folder(name, precision)).checkpoint_sha256 == checkpoint_sha256:
                    return name
    return None
