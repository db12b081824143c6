"""The executors run the files of a batch. A new one is a class in a file of its own here and a line in `EXECUTORS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # `unveil --help` reads the names of the executors
    from realtime.run.jobs import Job
    from realtime.run.outcome import Outcome

    Work = Callable[[Job], Outcome]
    """Processes one file. It never raises for a file's sake, and running it again is safe."""


class Executor(Protocol):
    """Runs the work of a batch."""

    name: str
    """As in `--executor NAME`, and in the JSON summary."""

    def run(self, jobs: Iterable[Job], work: Work) -> Iterator[Outcome]:
        """Do the work of every job and yield the outcomes in the order of the jobs."""
        ...


class Local:
    """Processes one file after the other, in this process."""

    name = "local"

    def run(self, jobs: Iterable[Job], work: Work) -> Iterator[Outcome]:
        """Each outcome as soon as its file is done."""
        return map(work, jobs)


def _ray() -> Executor:
    from realtime.run.executors.ray_cluster import RayCluster

    return RayCluster()


EXECUTORS: dict[str, Callable[[], Executor]] = {Local.name: Local, "ray": _ray}
"""Each executor by its name."""
