"""Each user's engines that were built on first use, found again by what they are made of.

Layout: `CACHE/NAME-PRECISION-KEY/` is an engine as anywhere else, `CACHE/NAME-PRECISION-KEY.lock` keeps two
processes from building it at once. An engine folder appears whole or not at all (`engines.compiling.build`). What a
killed build leaves has another name, and the next use removes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock
import platformdirs

from engines.errors import BuildError, EngineError
from engines.manifest import read_manifest, verify

CACHE_VARIABLE = "UNVEIL_CACHE"
_KEY_DIGITS = 16


def cache_folder() -> Path:
    """The folder of this user's engines: `$UNVEIL_CACHE`, or the system's folder for caches."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    return platformdirs.user_cache_path("unveil", appauthor=False, opinion=False) / "engines"


def holds(folder: Path) -> bool:
    """Whether an engine's folder lies in the cache."""
    return folder.resolve().parent == cache_folder().resolve()


def cached_engine(name: str, made_of: dict[str, Any], make: Callable[[Path], object]) -> Path:
    """The folder of an engine, which is built where there is no sound one.

    Args:
        name: the start of the folder's name, for people.
        made_of: JSON-ready: all that the engine depends on besides this machine (checkpoint, recipe, versions).
        make: builds the engine into a folder.

    Raises:
        BuildError: the cache cannot be written to, or what `make` raises.
    """
    folder = cache_folder() / f"{name}-{_key(made_of)}"
    with _locked(folder):
        _sweep(folder)
        if not _sound(folder):
            make(folder)
    return folder


def _key(made_of: dict[str, Any]) -> str:
    everything = made_of | {"system": sys.platform, "machine": platform.machine()}
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()[:_KEY_DIGITS]


def _sound(folder: Path) -> bool:
    try:
        verify(folder, read_manifest(folder))
    except EngineError:
        return False
    return True


def _sweep(folder: Path) -> None:
    """Remove what killed builds of this engine left: half an engine, or one that was being replaced.

    The caller has the lock, so nobody else builds it now.
    """
    for left in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other process works on this engine. The lock of a process that dies is free again."""
    lock = filelock.FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as e:
        raise BuildError(
            f"engines cannot be kept in {folder.parent} ({e.strerror}); set {CACHE_VARIABLE} to a folder that can be "
            "written to, or build one there with 'unveil compile' and give its folder as the model"
        ) from e
    try:
        yield
    finally:
        lock.release()
