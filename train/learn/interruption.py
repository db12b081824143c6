"""Ctrl-C and SIGTERM during a training: finish the step, save, stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingStopped(KeyboardInterrupt):
    """A training was stopped and has saved its state. `exit_status` is that of a process stopped by the signal."""

    def __init__(self, output: Path, step: int, steps: int, signal_number: int) -> None:
        super().__init__(
            f"stopped at step {step} of {steps}; the state is saved in {output}. "
            "To continue, run the same command again"
        )
        self.exit_status = 128 + signal_number


class StopRequest:
    """Whether a signal has asked the training to stop."""

    signal_number = 0

    def __bool__(self) -> bool:
        return self.signal_number != 0


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Within it the first Ctrl-C or SIGTERM is a request to stop, and a second one stops at once.

    A signal that the process ignores, as one in the background of a script ignores Ctrl-C, stays ignored.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():  # only there Python handles signals
        yield request
        return
    before = {number: handler for number in _SIGNALS if (handler := signal.getsignal(number)) is not signal.SIG_IGN}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, _: FrameType | None) -> None:
        request.signal_number = number
        restore()
        # Not by print, which must not be entered twice.
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"unveil: stopping after this step, then saving\n")

    for number in before:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        restore()
