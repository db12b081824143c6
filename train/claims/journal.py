"""Finished runs on disk, one JSON file each: what a job that was stopped does not do again."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.errors import DataError

Record = dict[str, Any]


@dataclass(frozen=True)
class Journal:
    """The records of one job."""

    folder: Path

    def claim(self, identity: Record) -> None:
        """Make the folder this job's; several processes of it may.

        Raises DataError where it holds another job's runs, naming each difference.

        Args:
            identity: JSON-ready; all that shapes the runs.
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
        """The record of a finished run; None where it is still to be done. Raises DataError where it is damaged."""
        return _read(self._path(name))

    def write(self, name: str, record: Record) -> None:
        """Note a run as finished, so that a kill at any moment leaves it done or to be done."""
        self._path(name).parent.mkdir(parents=True, exist_ok=True)
        _write(self._path(name), record)

    @contextmanager
    def taken(self, name: str) -> Iterator[bool]:
        """Keep other processes of the job from a run; False where one of them is at it. A kill lets go of it."""
        path = self._path(name).with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
            path.unlink(missing_ok=True)

    def weights(self, name: str) -> Path:
        """Where a run's weights belong."""
        return self._path(name).with_suffix(".safetensors")

    def folder_of(self, name: str) -> Path:
        """Where they belong if there are several."""
        return self._path(name).with_suffix("")

    def _path(self, name: str) -> Path:
        return self.folder / "runs" / f"{name}.json"


def _read(path: Path) -> Record | None:
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise DataError(f"{path} cannot be read ({e}); delete it, and it is made again") from e
    if not isinstance(values, dict):
        raise DataError(f"{path} holds a {type(values).__name__}, expected an object; delete it, and it is made again")
    return values


def _write(path: Path, values: Record) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
