"""What became of each file that the Python interface masked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.errors import UnveilError
from realtime.run.outcome import Outcome


@dataclass(frozen=True)
class Masked:
    """What became of one file."""

    input: Path
    output: Path
    frames: int
    """Frames that were written."""
    faces: int
    """Different faces that were followed."""
    error: str | None
    """What went wrong, in a sentence; None where nothing did. A damaged file may have both frames and an error."""


class MaskError(UnveilError):
    """Some files failed or were damaged. The others are done."""

    def __init__(self, results: list[Masked]) -> None:
        super().__init__("; ".join(result.error for result in results if result.error))
        self.results = results
        """All files, in order."""


def masked(outcome: Outcome) -> Masked:
    """The result of one file, as the Python interface gives it."""
    frames, faces = (outcome.summary.frames, outcome.summary.faces) if outcome.summary else (0, 0)
    return Masked(outcome.job.input, outcome.job.output, frames, faces, outcome.error)
