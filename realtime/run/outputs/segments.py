"""Long videos are encoded in segments, and the state of the run is saved at each segment boundary.

The segments of `clip.mp4` lie in a hidden folder beside it until they are joined. A killed run resumes after the last
complete segment that has a saved state. Its labels, frames and times equal those of an uninterrupted run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import filelock

from realtime.faces.saved_state import StateError, restore, save
from realtime.options import RunState
from realtime.video.sinks.part_file import STEM_KEPT, HeldFile, sink_errors
from realtime.video.sources.base import SourceInfo

SEGMENT_FRAMES = 900
"""Frames per segment: 30 s at 30 fps, about as much as a killed run loses."""
_LEAST_FRAMES = 2 * SEGMENT_FRAMES  # as the input states them; shorter videos are written in one piece
_STATE = "state.pickle"
_STATES_KEPT = 3  # the encoder may be some frames behind the last one


def is_long(info: SourceInfo) -> bool:
    """Whether a video is written in segments. The same for each run of the same input."""
    return info.kind == "video" and not info.live and (info.frames or 0) >= _LEAST_FRAMES


class SegmentFolder:
    """The segments of one output, and the saved state of its run. A context manager.

    The folder stays if the run ends early with at least one complete segment, and is removed when the output is
    complete. Two processes with the same output use different folders; only the first one's can be resumed.
    """

    length = SEGMENT_FRAMES

    def __init__(self, output: Path, made_of: str) -> None:
        """Make the folder, or open that of a killed run.

        Args:
            made_of: a hash of all that decides what is in the output (`realtime.run.outputs.requests.Request`).

        Raises:
            SinkError: it cannot be written.
        """
        start = _start(output)
        self.path = output.with_name(f"{start}{made_of[:16]}.segments")
        self.is_finished = False
        self.before_save: Callable[[], None] = lambda: None
        """Called before a state is saved: what the state relies on must be on the disk."""
        with sink_errors(output):
            output.parent.mkdir(parents=True, exist_ok=True)
            remove_segments(output, but=self.path)
            if not self._lock():
                self.path = output.with_name(f"{start}{secrets.token_hex(8)}.segments")
                self._lock()
        self.resumed = self._read()
        """Where to go on; None: at the start."""

    @property
    def done(self) -> int:
        """Segments that are there already."""
        return self.resumed.frames // self.length if self.resumed else 0

    def save(self, state: RunState) -> None:
        """Keep the state on the disk, after what `before_save` puts there."""
        self.before_save()
        with sink_errors(self.path), HeldFile(self.path / f"{state.frames // self.length:06d}.{_STATE}") as file:
            file.part.write_bytes(save(state, {}))
            file.keep()
            file.publish()
        for path in sorted(self.path.glob(f"*.{_STATE}"))[:-_STATES_KEPT]:
            path.unlink(missing_ok=True)

    def start_again(self) -> None:
        """Forget what a killed run has saved."""
        self.resumed = None

    def finish(self) -> None:
        """The output is whole: the segments are needed no longer."""
        self.is_finished = True

    def __enter__(self) -> SegmentFolder:
        return self

    def __exit__(self, *error: object) -> None:
        has_segment = any(path.suffix not in (".pickle", ".lock") for path in self.path.glob("[0-9]*"))
        if self.is_finished or not has_segment:
            shutil.rmtree(self.path, ignore_errors=True)
        self._file_lock.release()

    def _lock(self) -> bool:
        self.path.mkdir(exist_ok=True)
        self._file_lock = filelock.FileLock(self.path / "folder.lock")
        try:
            self._file_lock.acquire(blocking=False)
        except filelock.Timeout:
            return False
        except OSError:
            return True  # the file system has no locks
        return True

    def _read(self) -> RunState | None:
        """The last saved state before which all segments are whole."""
        for path in sorted(self.path.glob(f"*.{_STATE}"), reverse=True):
            with contextlib.suppress(OSError, StateError, pickle.PickleError):
                state = restore(path.read_bytes(), {})
                count = state.frames // self.length
                if isinstance(state, RunState) and all(self._has_segment(number) for number in range(count)):
                    return state
        return None

    def _has_segment(self, number: int) -> bool:
        return any(path.suffix != ".pickle" and path.stat().st_size for path in self.path.glob(f"{number:06d}.*"))


def remove_segments(output: Path, but: Path | None = None) -> bool:
    """Remove what killed runs left of an output. Folders on which a process works stay.

    Args:
        but: a folder that stays, too.

    Returns:
        Whether all others are removed.
    """
    others = [folder for folder in output.parent.glob(f"{_escaped(_start(output))}*.segments") if folder != but]
    for folder in others:
        _remove_unless_locked(folder)
    return not any(folder.exists() for folder in others)


def _start(output: Path) -> str:
    """How the names of an output's segment folders start."""
    digest = hashlib.sha256(os.fsencode(output.name)).hexdigest()[:8]
    return f".{output.stem[:STEM_KEPT]}{output.suffix}.{digest}.unveil-"


def _remove_unless_locked(folder: Path) -> None:
    """Remove the segments of another request for the same output, unless a process works on them."""
    with contextlib.suppress(OSError, filelock.Timeout), filelock.FileLock(folder / "folder.lock", timeout=0):
        shutil.rmtree(folder, ignore_errors=True)


def _escaped(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)
