"""Output files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from engines.errors import SinkError
from realtime.video.container import reason_of

LONGEST_NAME = 255
"""Bytes that the name of a file may have."""
STEM_KEPT = 40
"""Characters, of up to 4 bytes, of a stem that are kept in the names of hidden files: they leave room for the rest."""
_PART = re.compile(r"\..*\.unveil-[0-9a-f]{8}\.part", re.DOTALL)


class PartFile:
    """An output file that has a hidden name in its folder, `.<stem>.unveil-<token>.part`, until it is complete.

    The name is unique: two runs with one output each write a complete file, and the later one replaces the other.
    The file is locked while its process lives, so that `remove_stale_parts` knows what a killed process left.
    """

    def __init__(self, path: Path) -> None:
        """Make the folder and an empty file, so that an output that cannot be written fails at once.

        Raises:
            SinkError: it cannot be written.
        """
        self.path = path
        # Only a part of the stem: a long name would leave no room for the rest.
        self.part = path.with_name(f".{path.stem[:STEM_KEPT]}.unveil-{secrets.token_hex(4)}.part")
        with sink_errors(path):
            if path.is_dir():
                raise SinkError(
                    f"{path} cannot be written: a folder of that name is in the way; choose another --output"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        _try_lock(self._lock)
        # Removes the file, too, where an interrupt comes before the caller has this object.
        self._removal = weakref.finalize(self, _remove, self.part, self._lock)

    @classmethod
    def of(cls, output: Path | PartFile) -> PartFile:
        """The part file for an output: a new one for a path, or the one that was given."""
        return output if isinstance(output, PartFile) else cls(output)

    def keep(self) -> None:
        """Rename the complete file to its final name, replacing an earlier file; if that fails, remove it."""
        try:
            with sink_errors(self.path):
                self.part.replace(self.path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove the temporary file, if it is there."""
        self._removal()


class HeldFile(PartFile):
    """A part file that a sink completes first. `publish` renames it later.

    A context manager: what was not published is removed.
    """

    is_complete = False
    """Whether a sink has completed the file. It is on the disk then, also where the machine loses its power."""

    def keep(self) -> None:
        """Mark the file as complete, after putting it on the disk."""
        with sink_errors(self.path):
            os.fsync(self._lock)
        self.is_complete = True

    def publish(self) -> None:
        """Rename the complete file to its final name, replacing an earlier file; if that fails, remove it."""
        super().keep()

    def __enter__(self) -> HeldFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.discard()


def remove_stale_parts(folder: Path) -> None:
    """Remove the part files that killed processes left in a folder. Those of running processes stay."""
    with contextlib.suppress(OSError):  # what cannot be removed does no harm
        for path in folder.iterdir():
            if _PART.fullmatch(path.name) and not path.is_symlink():
                _remove_unless_locked(path)


@contextmanager
def sink_errors(path: Path) -> Iterator[None]:
    """Translate the errors of the system and of FFmpeg about an output into SinkError."""
    try:
        yield
    except (OSError, av.FFmpegError, ValueError) as e:  # PyAV raises ValueError where it knows no codec
        advice = "check the folder, its permissions and the free space"
        raise SinkError(f"{path} cannot be written ({reason_of(e)}); {advice}") from e


def _remove(part: Path, lock: int) -> None:
    with contextlib.suppress(OSError):
        os.close(lock)
    part.unlink(missing_ok=True)


def _remove_unless_locked(part: Path) -> None:
    with contextlib.suppress(OSError):
        lock = os.open(part, os.O_RDWR)
        try:
            if _try_lock(lock):
                part.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _try_lock(file: int) -> bool:
    """Lock an open file for this process. False where another process holds it, or the file system has no locks."""
    if sys.platform == "win32":
        return True  # Windows removes no file that is open
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
