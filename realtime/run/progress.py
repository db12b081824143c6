"""How far a run is: a bar with fps and time left on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from realtime.run.jobs import Job
from realtime.run.outcome import Outcome
from realtime.video.sources.base import SourceInfo

_SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Shows how far the work on one source after the other is (see `batch.Progress`); a context manager.

    Writes to stderr, so that stdout holds results only.
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._console = console or Console(stderr=True)
        self._clock = clock
        self._bar = _bar(self._console) if self._console.is_terminal else None
        self._task: TaskID | None = None
        self._name = ""
        self._total: int | None = None
        self._started = self._last_line = 0.0

    def started(self, job: Job, info: SourceInfo) -> None:
        """A file of a batch is open."""
        self.start(info.name, info.frames)

    def finished(self, outcome: Outcome) -> None:
        """A file of a batch has ended: it is done, or it failed."""
        self._end_task()
        path, done = outcome.job.input, outcome.summary
        if done is None:
            # The path once, and whole: two inputs may have the same name.
            reason = (outcome.error or "").removeprefix(f"{path}: ").removeprefix(f"{path.name}: ")
            self.say(f"failed: {path}: {reason}")
        else:
            frames = f"{done.frames} frame{'s' if done.frames != 1 else ''}, {done.fps:.1f} fps"
            before = "done by an earlier run, " if outcome.skipped else ""
            self.say(f"{path} -> {outcome.job.output}: {before}{frames}, {_faces(done.faces)}")
            for note in done.notes if outcome.skipped else ():  # others were said when they arose
                self.say(f"{path}: {note}")
            if done.left_out and not done.visible_faces:
                self.say(f"{path}: {done.left_out}")
            if outcome.error:
                self.say(f"failed: {outcome.error}")

    def start(self, name: str, total_frames: int | None) -> None:
        """Begin a source. `total_frames` may be None (a stream) or an estimate."""
        self._name, self._total = name, total_frames
        self._started = self._last_line = self._clock()
        if self._bar is not None:
            self._end_task()
            self._task = self._bar.add_task(name, total=total_frames, fps="")

    def frame_done(self, frames: int) -> None:
        """So many frames of the source are done."""
        now = self._clock()
        fps = frames / (now - self._started) if now > self._started else 0.0
        if self._bar is not None and self._task is not None:
            # Containers may understate their frames: the bar must not run over its end.
            total = None if self._total is None else max(self._total, frames)
            self._bar.update(self._task, completed=frames, total=total, fps=f"{fps:.0f} fps")
        elif self._bar is None and now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            self.say(_line(self._name, frames, self._total, fps))

    def say(self, text: str) -> None:
        """Print a line without disturbing the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_task()
        if self._bar is not None:
            self._bar.stop()

    def _end_task(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None


@contextmanager
def counted(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Shows how far a piece of work is: a bar on a terminal, elsewhere a line at once and then now and then.

    Args:
        what: the work, such as "labelling".
        unit: what is counted, such as "pictures".

    Yields:
        A function that takes (done, total).
    """
    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(console) as bar:
            task = bar.add_task(what, total=None, fps="")
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    console.print(f"{what}: starting", highlight=False)
    last = time.perf_counter()

    def line(done: int, total: int) -> None:
        nonlocal last
        if done == total or time.perf_counter() - last >= _SECONDS_BETWEEN_LINES:
            last = time.perf_counter()
            console.print(f"{what}: {done} of {total} {unit}", highlight=False)

    yield line


def _bar(console: Console) -> Bar:
    name, fps = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[fps]}")
    return Bar(name, BarColumn(), MofNCompleteColumn(), fps, TimeRemainingColumn(), console=console, transient=True)


def _line(name: str, frames: int, total: int | None, fps: float) -> str:
    if total is None or total < frames or not fps:
        return f"{name}: {frames} frames, {fps:.0f} fps"
    return f"{name}: {frames} of {total} frames, {fps:.0f} fps, {(total - frames) / fps:.0f} s left"


def _faces(count: int) -> str:
    return {0: "no face", 1: "1 face"}.get(count, f"{count} faces")
