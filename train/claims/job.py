"""Does the runs of a job. Finished runs are kept, and several processes may share the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from engines import machine
from train.claims.findings import Results
from train.claims.journal import Journal, Record
from train.learn.log import Say

Item = TypeVar("Item")
Tell = Callable[[float, str], None]
"""Receives the progress of a run: how much of its cost is spent, and a few words."""
_WAIT_SECONDS = 2.0  # between two checks whether another process has finished


@dataclass(frozen=True)
class Task:
    """One run of a job."""

    name: str
    """The name of its record."""
    title: str
    cost: float
    """In any unit, the same for all runs: the remaining time is estimated from it."""
    do: Callable[[Tell], Record]
    needs: tuple[str, ...] = ()
    """Runs that must be finished before."""


def run_job(
    journal: Journal, plan: dict[str, Any], data: dict[str, Any], tasks: Callable[[], Sequence[Task]], say: Say
) -> Results:
    """Do all runs that are not finished, and collect the results of all.

    Args:
        plan: what is run. Seeds may be added to it later; any other change is another job.
        data: what identifies the data.
        tasks: makes the tasks, after the journal's folder is claimed.

    Raises:
        DataError: the journal holds the runs of another job.
    """
    fixed = {key: value for key, value in plan.items() if key != "seeds"}
    journal.claim({"plan": fixed, "data": data})
    return {"plan": plan, "data": data, "machine": machine_info(), "runs": finish(tasks(), journal, say)}


def finish(tasks: Sequence[Task], journal: Journal, say: Say) -> list[Record]:
    """Do every task that has no record yet. Returns all records, in the order of the tasks."""
    by_name = {task.name: task for task in tasks}
    unfinished = _unfinished(by_name, journal)
    say(f"{len(unfinished)} runs to do, {len(tasks) - len(unfinished)} done before")
    clock = _Clock(sum(task.cost for task in unfinished.values()), time.monotonic())
    while _unfinished(by_name, journal):
        if not _do_next(by_name, len(unfinished), clock, journal, say):
            time.sleep(_WAIT_SECONDS)
    return [record for task in tasks if (record := journal.read(task.name))]


def prefetched(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, each made in a thread while the one before is in use."""
    remaining, end = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, remaining, end)
        while (item := following.result()) is not end:
            following = pool.submit(next, remaining, end)
            yield item  # type: ignore[misc]  # not `end`


def machine_info() -> dict[str, Any]:
    """The machine, as the results name it. JSON-ready."""
    return machine.host() | {"cores": machine.physical_cores(), "torch": version("torch")}


@dataclass(frozen=True)
class _Clock:
    cost: float
    """Cost of all runs that were unfinished at the start."""
    started: float

    def minutes_left(self, cost_left: float) -> float:
        """Estimated from what all processes together have done since the start."""
        return cost_left * (time.monotonic() - self.started) / max(self.cost - cost_left, 1e-9) / 60


def _do_next(tasks: Mapping[str, Task], count: int, clock: _Clock, journal: Journal, say: Say) -> bool:
    """Do one task that is ready and that no other process is doing. Returns False if there is none."""
    for task in _ready(tasks, journal):
        with journal.lock(task.name) as locked:
            unfinished = _unfinished(tasks, journal)
            if not locked or task.name not in unfinished:
                continue
            head, cost = f"run {count - len(unfinished) + 1} of {count}: {task.title}", _cost(unfinished.values())

            def tell(spent: float, text: str, head: str = head, cost: float = cost) -> None:
                say(f"{head}: {text}; {clock.minutes_left(cost - spent):.0f} min left")

            journal.write(task.name, task.do(tell))
            return True
    return False


def _ready(tasks: Mapping[str, Task], journal: Journal) -> list[Task]:
    unfinished = _unfinished(tasks, journal)
    return [task for task in unfinished.values() if not unfinished.keys() & set(task.needs)]


def _unfinished(tasks: Mapping[str, Task], journal: Journal) -> dict[str, Task]:
    return {name: task for name, task in tasks.items() if journal.read(name) is None}


def _cost(tasks: Iterable[Task]) -> float:
    return sum(task.cost for task in tasks)
