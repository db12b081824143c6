"""Goes through the runs of a job: what is finished is kept, and several processes may share what is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from engines import machine
from train.claims.journal import Journal, Record
from train.learn.log import Say

Item = TypeVar("Item")
Tell = Callable[[float, str], None]
"""Hears of a run: how much of its cost is spent, and a few words."""
_WAIT_S = 2.0  # between two looks at whether another process has finished


@dataclass(frozen=True)
class Task:
    """One run."""

    name: str
    """Of its record."""
    title: str
    cost: float
    """In any unit, the same for all: the time left is told from it."""
    do: Callable[[Tell], Record]
    needs: tuple[str, ...] = ()
    """Runs that come first."""


def finish(tasks: Sequence[Task], journal: Journal, say: Say) -> list[Record]:
    """Do every task that has no record yet. Returns all records, in the tasks' order."""
    by_name = {task.name: task for task in tasks}
    todo = _open(by_name, journal)
    say(f"{len(todo)} runs to do, {len(tasks) - len(todo)} done before")
    clock = _Clock(sum(task.cost for task in todo.values()), time.monotonic())
    for _ in iter(lambda: _open(by_name, journal), {}):
        if not _next(by_name, len(todo), clock, journal, say):
            time.sleep(_WAIT_S)
    return [record for task in tasks if (record := journal.read(task.name))]


def where() -> dict[str, Any]:
    """The machine, as the results name it. JSON-ready."""
    return machine.host() | {"cores": machine.physical_cores(), "torch": version("torch")}


@dataclass(frozen=True)
class _Clock:
    cost: float
    """Of all that was to be done at the start."""
    started: float

    def minutes_left(self, left: float) -> float:
        """From what all processes together have done since the start."""
        return left * (time.monotonic() - self.started) / max(self.cost - left, 1e-9) / 60


def _next(tasks: Mapping[str, Task], count: int, clock: _Clock, journal: Journal, say: Say) -> bool:
    """Do one task that is ready and that no other process does. Returns False where there is none."""
    for task in _ready(tasks, journal):
        with journal.taken(task.name) as mine:
            left = _open(tasks, journal)
            if not mine or task.name not in left:
                continue
            head, cost = f"run {count - len(left) + 1} of {count}: {task.title}", _cost(left.values())

            def tell(spent: float, text: str, head: str = head, cost: float = cost) -> None:
                say(f"{head}: {text}; {clock.minutes_left(cost - spent):.0f} min left")

            journal.write(task.name, task.do(tell))
            return True
    return False


def _ready(tasks: Mapping[str, Task], journal: Journal) -> list[Task]:
    left = _open(tasks, journal)
    return [task for task in left.values() if not left.keys() & set(task.needs)]


def _open(tasks: Mapping[str, Task], journal: Journal) -> dict[str, Task]:
    return {name: task for name, task in tasks.items() if journal.read(name) is None}


def _cost(tasks: Iterable[Task]) -> float:
    return sum(task.cost for task in tasks)


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, each made in a thread while the one before is in use."""
    coming, end = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(next, coming, end)
        while (item := made.result()) is not end:
            made = pool.submit(next, coming, end)
            yield item  # type: ignore[misc]  # not `end`
