"""A file that a viewer has dropped on the page, and how far its masking is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engines.engine import Engine
from engines.errors import UnveilError
from realtime.pipeline import Options
from realtime.run.batch import Unwatched, process
from realtime.run.jobs import Job, output_name
from realtime.serve.files.content import check_content
from realtime.video.sources.base import SourceInfo

State = Literal["waiting", "working", "done", "failed"]


class Cancelled(UnveilError):
    """The viewer wants the file no longer."""


@dataclass(eq=False)
class FileJob:
    """One file, from its upload to its download. Its folder holds what it has."""

    name: str
    """The viewer's own name for it, for the download."""
    input: Path
    render: str
    state: State = "waiting"
    frames: int = 0
    total_frames: int | None = None
    error: str | None = None
    """What went wrong, in a sentence. A damaged file may have an output as well."""
    cancelled: bool = False

    @property
    def folder(self) -> Path:
        """The job's own temporary folder."""
        return self.input.parent

    @property
    def output(self) -> Path:
        """The masked file, once it is there."""
        return self.folder / "out" / output_name(self.input, self.render)

    @property
    def output_name(self) -> str:
        """The name under which the masked file is downloaded."""
        return f"{Path(self.name).stem}_{self.render}{self.output.suffix}"

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return {
            "name": self.name,
            "state": self.state,
            "frames": self.frames,
            "total_frames": self.total_frames,
            "error": self.error,
            "output_name": self.output_name if self.output.is_file() else None,
        }

    def work(self, engine: Engine, options: Options) -> None:
        """Mask it, as `unveil process` does. The uploaded file is deleted afterwards. For a thread of its own."""
        self.state = "working"
        try:
            check_content(self.input)
        except UnveilError as e:
            self.finish(str(e).replace(str(self.input), self.name))
            return
        outcome = process([Job(self.input, self.output)], engine, options, progress=_JobProgress(self))[0]
        self.finish(outcome.error and outcome.error.replace(str(self.input), self.name))

    def finish(self, error: str | None) -> None:
        """The work has ended; the sentence says what went wrong."""
        self.input.unlink(missing_ok=True)
        self.error, self.state = error, "failed" if error else "done"
        if self.cancelled:
            self.remove()

    def cancel(self) -> None:
        """Stop the work soon, and delete all of it."""
        self.cancelled = True
        if self.state != "working":  # else the one who works removes it
            self.remove()

    def remove(self) -> None:
        """Delete the files."""
        shutil.rmtree(self.folder, ignore_errors=True)


class _JobProgress(Unwatched):
    """Tells a job how far it is, and ends its work where it was cancelled."""

    def __init__(self, job: FileJob) -> None:
        self._job = job

    def started(self, job: Job, info: SourceInfo) -> None:
        self._job.total_frames = info.frames
        self.frame_done(0)

    def frame_done(self, frames: int) -> None:
        self._job.frames = frames
        if self._job.cancelled:
            raise Cancelled("cancelled")
