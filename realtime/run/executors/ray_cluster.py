"""The files of a batch on a Ray cluster: one worker per GPU, or per group of cores, keeps its engine.

Inputs and outputs lie where all machines see them under the same paths. Usage statistics of Ray stay off.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engines import installation
from engines.errors import UnveilError, UsageError

if TYPE_CHECKING:
    from realtime.run.executors import Work
    from realtime.run.jobs import Job
    from realtime.run.outcome import Outcome

ADDRESS = "RAY_ADDRESS"
"""The environment variable with the cluster's address; Ray's own. Without it, this machine is the cluster."""
_CORES = 2  # per worker: decoding, finding and encoding overlap with the network
_ATTEMPTS = 3  # of a file whose worker dies
_CONNECT_SECONDS = 5.0
_LOOK_SECONDS = 5.0  # between two looks at whether a machine is left that can run a worker


class RayCluster:
    """Processes each file in one of the workers of a Ray cluster.

    A file whose worker or machine dies is given to another one, three times at most: processing it again is safe.
    """

    name = "ray"

    def run(self, jobs: Iterable[Job], work: Work) -> Iterator[Outcome]:
        """Each outcome in the order of the jobs, with the machine that did it. The work is sent, so it is picklable.

        Raises:
            MissingExtra: Ray is not installed.
            UsageError: no cluster answers at the address.
        """
        from realtime.video.sinks.part_file import remove_stale_parts

        jobs = list(jobs)
        try:
            with _cluster() as ray:
                yield from _in_order(_Batch(ray, jobs, work).outcomes())
        finally:
            for folder in {job.output.parent for job in jobs}:  # a worker that was killed leaves the part of its file
                remove_stale_parts(folder)


class _Batch:
    """The jobs that wait, the workers that start, those that work on a job, and the idle ones."""

    def __init__(self, ray: Any, jobs: list[Job], work: Work) -> None:
        self._ray, self._jobs = ray, jobs
        self._work = ray.put(work)
        self._waiting = deque(range(len(jobs)))
        self._attempts: Counter[int] = Counter()
        self._idle: deque[Any] = deque()
        self._starting: dict[Any, Any] = {}
        """By the reference to its greeting."""
        self._busy: dict[Any, tuple[int, Any]] = {}
        """The number of the job and the worker, by the reference to the outcome."""
        self._refused = "no machine of the cluster has free cores"

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """The number of each job and what became of it, as they come."""
        try:
            for _ in range(min(len(self._jobs), _places(self._ray))):
                self._start()
            while self._waiting or self._busy:
                while self._idle and self._waiting:
                    self._hand_out(self._idle.popleft(), self._waiting.popleft())
                references = [*self._starting, *self._busy]
                ready, _ = self._ray.wait(references, timeout=_LOOK_SECONDS) if references else ([], [])
                for reference in ready:
                    if reference in self._starting:
                        self._greeted(reference)
                    else:
                        yield from self._ended(reference)
                if not ready and not self._busy and (not self._starting or not _places(self._ray)):
                    while self._waiting:
                        yield self._failed(self._waiting.popleft(), self._refused)
        finally:
            for worker in [*self._starting.values(), *(worker for _, worker in self._busy.values()), *self._idle]:
                self._ray.kill(worker)

    def _start(self) -> None:
        worker = _worker_class(self._ray).remote(self._work)
        self._starting[worker.version.remote()] = worker

    def _greeted(self, reference: Any) -> None:
        worker = self._starting.pop(reference)
        try:
            version, machine = self._ray.get(reference)
        except self._ray.exceptions.RayError as e:
            self._refused = f"no worker could be started on the cluster ({_first_line(e)})"
            return
        if version != installation.version():
            self._refused = (
                f"{machine} has unveil {version}, this machine {installation.version()}; install the same one"
            )
            self._ray.kill(worker)
            return
        self._idle.append(worker)

    def _hand_out(self, worker: Any, number: int) -> None:
        self._attempts[number] += 1
        self._busy[worker.process.remote(self._jobs[number])] = number, worker

    def _ended(self, reference: Any) -> Iterator[tuple[int, Outcome]]:
        number, worker = self._busy.pop(reference)
        try:
            outcome, machine = self._ray.get(reference)
        except self._ray.exceptions.RayError as e:
            self._start()
            if self._attempts[number] < _ATTEMPTS:
                self._waiting.appendleft(number)
            else:
                yield self._failed(number, f"its worker died {_ATTEMPTS} times ({_first_line(e)})")
            return
        self._idle.append(worker)
        yield number, replace(outcome, node=machine)

    def _failed(self, number: int, reason: str) -> tuple[int, Outcome]:
        from realtime.run.outcome import Outcome

        job = self._jobs[number]
        return number, Outcome(job, error=f"{job.input}: {reason}")


class _Worker:
    """What runs on the cluster: the work, with an engine that is opened for the first job and kept."""

    def __init__(self, work: Work) -> None:
        import ray

        node = ray.get_runtime_context().get_node_id()
        self._work, self._machine = work, f"{socket.gethostname()} ({node[:8]})"

    def version(self) -> tuple[str, str]:
        """The version of unveil there, and the machine."""
        return installation.version(), self._machine

    def process(self, job: Job) -> tuple[Outcome, str]:
        """What became of a job, and the machine."""
        return self._work(job), self._machine


def _worker_class(ray: Any) -> Any:
    gpus = ray.cluster_resources().get("GPU", 0)
    return ray.remote(num_cpus=_cores(ray), num_gpus=1 if gpus else 0, scheduling_strategy="SPREAD")(_Worker)


def _places(ray: Any) -> int:
    """How many workers the machines that are alive have room for."""
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(node.get("GPU") for node in alive):
        return int(sum(node.get("GPU", 0) for node in alive))
    return int(sum(node.get("CPU", 0) // _cores(ray) for node in alive))


def _cores(ray: Any) -> int:
    """The cores of a worker: two, or one where no machine has more."""
    most = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    return int(min(_CORES, max(1, most)))


def _in_order(outcomes: Iterator[tuple[int, Outcome]]) -> Iterator[Outcome]:
    """The outcomes in the order of their numbers, which begin at 0."""
    early: dict[int, Outcome] = {}
    following = 0
    for number, outcome in outcomes:
        early[number] = outcome
        while following in early:
            yield early.pop(following)
            following += 1


@contextmanager
def _cluster() -> Iterator[Any]:
    """Ray, connected to the cluster. Its own handlers of signals are undone: this process decides what they mean."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as e:
        raise installation.MissingExtra("--executor ray", "cluster") from e
    address = os.environ.get(ADDRESS)
    _check_reachable(address)
    own: dict[str, Any] = {} if address else {"include_dashboard": False}
    with _signals_kept():
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
        except (ConnectionError, RuntimeError, ValueError) as e:
            raise _no_cluster(address, _first_line(e)) from e
    try:
        yield ray
    except ray.exceptions.RayError as e:
        raise UnveilError(f"the cluster was lost ({_first_line(e)}); run the same command again to continue") from e
    finally:
        with _signals_kept():
            ray.shutdown()


def _check_reachable(address: str | None) -> None:
    """Raises UsageError where nothing listens at an address: Ray itself would try for minutes."""
    found = re.fullmatch(r"(?:ray://)?(.+):(\d+)", address or "")
    if found is None:  # "auto", or this machine
        return
    try:
        socket.create_connection((found[1].strip("[]"), int(found[2])), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as e:
        raise _no_cluster(address, _first_line(e)) from e


def _no_cluster(address: str | None, reason: str) -> UsageError:
    return UsageError(
        f"no Ray cluster answers at {address or 'this machine'} ({reason}); start one with 'ray start --head', and "
        "name its address with --address"
    )


@contextmanager
def _signals_kept() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        with suppress(ValueError):  # outside the main thread nobody may set them, Ray included
            for number, handler in before.items():
                signal.signal(number, handler)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
