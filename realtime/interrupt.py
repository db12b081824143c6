"""A Ctrl-C that is not lost.

Python turns it into a KeyboardInterrupt wherever the main thread happens to be. Where that is within native code (the
bindings of a library that tries one conversion after the other), the exception may be cleared there, and the run would
go on to its end.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def lasting_interrupt() -> Iterator[Callable[[], None]]:
    """Gives a check that raises KeyboardInterrupt once Ctrl-C was pressed, even where the first one was swallowed.

    Changes nothing where this is not the main thread, or where somebody else already decides what Ctrl-C does.
    """
    heard = threading.Event()

    def hear(number: int, frame: FrameType | None) -> None:
        heard.set()
        raise KeyboardInterrupt

    def check() -> None:
        if heard.is_set():
            raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    before = signal.signal(signal.SIGINT, hear)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
