"""What became of a file of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from realtime.options import Summary
    from realtime.run.jobs import Job


@dataclass(frozen=True)
class Outcome:
    """What became of one job: a summary, or an error, or both where an input broke off after some frames."""

    job: Job
    summary: Summary | None = None
    error: str | None = None
    """What went wrong, in a sentence."""
    skipped: bool = False
    """Whether an earlier run had done it. The summary and the error are those of that run."""
    node: str | None = None
    """The machine of a cluster that did it; None: this one."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary: input, output, error, skipped, node, and the summary's fields."""
        names = {
            "input": str(self.job.input),
            "output": str(self.job.output),
            "error": self.error,
            "skipped": self.skipped,
            "node": self.node,
        }
        return names | (self.summary.to_json() if self.summary else {})
