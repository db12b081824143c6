"""Records of finished runs on disk, one JSON file each: a job that was stopped does not do them again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from engines.errors import DataError

Record = dict[str, Any]


@dataclass(frozen=True)
class Journal:
    """The records of one job."""

    folder: Path

    def claim(self, identity: Record) -> None:
        """Reserve the folder for this job. Several processes of the same job may claim it.

        Raises DataError if it holds the runs of another job, and names each difference.

        Args:
            identity: everything that determines the runs, JSON-ready.
        """
        path, now = self.folder / "job.json", json.loads(json.dumps(identity))
        before = _read(path)
        if before is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(path, now)
            return
        differences = [
            f"{key}: {before.get(key)!r} before, {now.get(key)!r} now"
            for key in dict.fromkeys([*before, *now])
            if before.get(key) != now.get(key)
        ]
        if differences:
            raise DataError(
                f"{self.folder} holds another job ({'; '.join(differences)}); name another --output or delete it"
            )

    def read(self, name: str) -> Record | None:
        """The record of a finished run; None if the run is still to be done. Raises DataError if it is damaged."""
        return _read(self._path(name))

    def write(self, name: str, record: Record) -> None:
        """Record a run as finished. A kill at any moment leaves it either finished or still to be done."""
        self._path(name).parent.mkdir(parents=True, exist_ok=True)
        _write(self._path(name), record)

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """Keep other processes of the job from doing a run. False if one of them is doing it. A kill unlocks it."""
        path = self._path(name).with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def weights(self, name: str) -> Path:
        """The file for a run's weights."""
        return self._path(name).with_suffix(".safetensors")

    def folder_of(self, name: str) -> Path:
        """The folder for a run's weights if there are several networks."""
        return self._path(name).with_suffix("")

    def _path(self, name: str) -> Path:
        return self.folder / "runs" / f"{name}.json"


def _read(path: Path) -> Record | None:
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise DataError(f"{path} cannot be read ({e}); delete it, and the run is done again") from e
    if not isinstance(values, dict):
        raise DataError(
            f"{path} holds a {type(values).__name__}, expected an object; delete it, and the run is done again"
        )
    return values


def _write(path: Path, values: Record) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
