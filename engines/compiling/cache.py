"""Engines that were built on first use, for each user: found again by what they are made of.

Layout: `CACHE/NAME-PRECISION-KEY/` is an engine as anywhere else, `CACHE/NAME-PRECISION-KEY.lock` keeps two
processes from building it at once. An engine folder appears whole or not at all (`engines.compiling.build`); what a
killed build leaves lies beside it under another name, and goes with the next use.
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

from engines.errors import BuildError, EngineError
from engines.manifest import read_manifest, verify

CACHE_VARIABLE = "UNVEIL_CACHE"
_KEY_DIGITS = 16


def cache_folder() -> Path:
    """Where this user's engines are kept: `$UNVEIL_CACHE`, or the system's folder for caches."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "unveil" / "engines"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "unveil" / "engines"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unveil" / "engines"


def cached_engine(name: str, made_of: dict[str, Any], make: Callable[[Path], object]) -> Path:
    """The folder of an engine, built where there is none, or none that is sound.

    Args:
        name: for people who look into the cache.
        made_of: JSON-ready: all that the engine depends on besides this machine (checkpoint, recipe, versions).
        make: builds the engine into the folder that it is given.

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
    """Remove what killed builds of this engine left. Nobody else builds it now. An engine that was set aside when the
    kill came is as good as none: it was being replaced."""
    for left in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other process works on this engine. A process that dies lets go of its lock."""
    path = folder.with_name(f"{folder.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as e:
        raise BuildError(
            f"engines cannot be kept in {path.parent} ({e.strerror}); set {CACHE_VARIABLE} to a folder that can be "
            "written to, or build one there with 'unveil compile' and give its folder as the model"
        ) from e
    with file:
        _lock(file.fileno())
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        while True:
            with contextlib.suppress(OSError):  # it gives up after ten seconds
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
