"""Several processes that share the files of a batch. Each has an engine of its own."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING

from realtime.run.terminal import interrupted_once

if TYPE_CHECKING:
    from realtime.run.executors import Work
    from realtime.run.jobs import Job
    from realtime.run.outcome import Outcome


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
        from realtime.video.sinks.part_file import remove_stale_parts

        jobs = list(jobs)
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
            for worker in workers:
                worker.join()
            threads.shutdown()
            for folder in {job.output.parent for job in jobs}:  # a killed process leaves the part of its file
                remove_stale_parts(folder)


class _Worker:
    """One process at a time that does the work of one job at a time."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stopped = False
        self._lock = threading.Lock()  # a process that has just begun must not miss that all are stopped
        self._process: SpawnProcess | None = None
        self._connection: Connection

    def do(self, job: Job) -> Outcome:
        """What became of a job."""
        from realtime.run.outcome import Outcome

        with self._lock:
            if self._stopped:
                return Outcome(job, error=f"{job.input}: interrupted")
            try:
                process = self._process = self._process or self._start()
            except OSError as e:
                return Outcome(job, error=f"{job.input}: no worker process could be started ({e.strerror or e})")
        try:
            self._connection.send(job)
            outcome: Outcome = self._connection.recv()
            return outcome
        except (EOFError, OSError):
            process.join()
            status, self._process = process.exitcode, None
            if self._stopped:
                return Outcome(job, error=f"{job.input}: interrupted")
            cause = f"signal {-status}" if status is not None and status < 0 else f"exit status {status}"
            hint = "; perhaps memory ran out: use fewer --workers" if status == -signal.SIGKILL else ""
            return Outcome(job, error=f"{job.input}: its worker process died ({cause}){hint}")

    def stop(self) -> None:
        """Tell the process to end. It tidies up after a job that it has begun."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is not None and process.is_alive():
            process.terminate()

    def join(self) -> None:
        """Wait until the process has ended; kill it where it does not end."""
        process = self._process
        if process is not None:
            process.join(_SECONDS_TO_END)
            if process.is_alive():
                process.kill()

    def _start(self) -> SpawnProcess:
        context: SpawnContext = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._work), name="unveil worker")
        with _interrupts_blocked():
            process.start()
        theirs.close()
        return process


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process that this thread starts never sees Ctrl-C, which reaches all processes of a terminal."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, work: Work) -> None:
    """What a worker process does until it is told to end, or the process that began it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides what Ctrl-C means
    with suppress(EOFError, OSError, KeyboardInterrupt), interrupted_once(signal.SIGTERM):
        threading.Thread(target=_end_with_parent, daemon=True).start()
        while True:
            connection.send(work(connection.recv()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
