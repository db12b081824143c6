"""Several processes that share the files of a batch. Each has an engine of its own."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.run.batch import Outcome
    from realtime.run.executors import Work
    from realtime.run.jobs import Job


_SECONDS_TO_END = 10.0  # after SIGTERM: a worker removes the output that it has begun


class Workers:
    """Processes several files at a time, each in one of N processes on this machine.

    A file whose process dies has failed, and another process takes the next file. Where this process dies, the others
    end, too.
    """

    name = "local"

    def __init__(self, count: int) -> None:
        self._count = count

    def run(self, jobs: Iterable[Job], work: Work) -> Iterator[Outcome]:
        """Each outcome in the order of the jobs. The work is sent to the processes, so it must be picklable."""
        idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        workers = [_Worker(work) for _ in range(self._count)]
        for worker in workers:
            idle.put(worker)

        def done(job: Job) -> Outcome:
            worker = idle.get()
            try:
                return worker.do(job)
            finally:
                idle.put(worker)

        threads = ThreadPoolExecutor(self._count, "worker")
        futures = [threads.submit(done, job) for job in jobs]
        try:
            for future in futures:
                yield future.result()
        finally:  # also after an interruption: files that were not begun are left, and begun ones are given up
            for future in futures:
                future.cancel()
            for worker in workers:
                worker.stop()
            threads.shutdown()


class _Worker:
    """One process at a time that does the work of one job at a time."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stopped = False
        self._process: SpawnProcess | None = None
        self._connection: Connection

    def do(self, job: Job) -> Outcome:
        """What became of a job."""
        from realtime.run.batch import Outcome

        if self._process is None:
            self._start()
        assert self._process is not None
        try:
            self._connection.send(job)
            outcome: Outcome = self._connection.recv()
            return outcome
        except (EOFError, OSError):
            self._process.join()
            status, self._process = self._process.exitcode, None
            if self._stopped:
                return Outcome(job, error=f"{job.input}: interrupted")
            cause = f"signal {-status}" if status is not None and status < 0 else f"exit status {status}"
            hint = "; perhaps memory ran out: use fewer --workers" if status == -signal.SIGKILL else ""
            return Outcome(job, error=f"{job.input}: its worker process died ({cause}){hint}")

    def stop(self) -> None:
        """End the process, which tidies up after a job that it has begun."""
        self._stopped = True
        if self._process is not None and self._process.is_alive():
            self._process.terminate()
            self._process.join(_SECONDS_TO_END)

    def _start(self) -> None:
        context: SpawnContext = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._work), name="unveil worker")
        self._process.start()
        theirs.close()


def _serve(connection: Connection, work: Work) -> None:
    """What a worker process does until it is told to end, or the process that began it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one decides
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            connection.send(work(connection.recv()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
