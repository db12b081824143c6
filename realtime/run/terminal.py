"""Manners of a command in a terminal: paths, near names, closed pipes, signals and the noise of native libraries."""

from __future__ import annotations

import contextlib
import difflib
import faulthandler
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

from engines.errors import UsageError

_ENDING = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]  # Windows has no SIGHUP
_HOME = re.compile(r"(--?[\w-]+=?|[\w-]+:)?(~.*)", re.DOTALL)  # ~/x, --output=~/x, -o~/x, masks:~/x
_QUIET = {
    "GLOG_minloglevel": "2",  # TensorFlow Lite and MediaPipe: errors only
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "OPENCV_LOG_LEVEL": "ERROR",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}


def checked_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments with `~` expanded where a shell leaves it (`--output=~/x`, "~/x").

    Raises:
        UsageError: an argument or an option's value is empty, which would mean the current folder.
    """
    for argument in arguments:
        if not argument.strip() or re.fullmatch(r"--[\w-]+=\s*", argument):
            where = argument.rstrip("= ") or " ".join(arguments)
            raise UsageError(f"got an empty argument in: {where}; name a file or folder (. is the current folder)")
    return [_with_home(argument) for argument in arguments]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that ends a message: the known word that is nearest; empty where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def quiet_native_libraries() -> None:
    """Keep what native libraries print about themselves off the terminal. Call it before they are loaded."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def hide_native_output() -> None:
    """Keep what native libraries write to standard error off the terminal, for the rest of this process.

    Python's own messages still appear, and so do crashes: with the place in Python where they happened.
    """
    shown = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 2)
    sys.stderr = shown
    faulthandler.enable(shown)


@contextmanager
def standard_error_hidden() -> Iterator[None]:
    """Hide all that is written to standard error, where a native library is loaded that logs as it starts."""
    sys.stderr.flush()
    shown = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(shown, 2)
        os.close(shown)


@contextmanager
def terminate_as_interrupt() -> Iterator[list[int]]:
    """SIGTERM, and SIGHUP (the terminal is gone), end a command as Ctrl-C does, so that it tidies up and reports.

    Yields a list that will hold the number of a signal that came.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    process = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a worker that was forked: it has nothing to tidy up
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        came.append(number)
        on_interrupt = signal.getsignal(signal.SIGINT)
        if callable(on_interrupt):
            on_interrupt(signal.SIGINT, frame)
        elif len(came) == 1:  # a shell starts a background job with Ctrl-C ignored
            raise KeyboardInterrupt

    # Whoever ignores SIGHUP (nohup) wants the command to go on.
    numbers = [number for number in _ENDING if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupted_once(number: int = signal.SIGINT) -> Iterator[list[int]]:
    """The first Ctrl-C interrupts. Later ones are ignored, so that they disturb no tidying up.

    Args:
        number: the signal.

    Yields:
        A list that will hold the signal where it came. An interrupt may be lost in a native library's callback.
    """
    came: list[int] = []
    before = signal.getsignal(number)
    if threading.current_thread() is not threading.main_thread() or before == signal.SIG_IGN:
        yield came
        return

    def stop(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt

    signal.signal(number, stop)
    try:
        yield came
    finally:
        signal.signal(number, signal.SIG_IGN if came else before)  # Python's own end must not be disturbed either


@contextmanager
def closed_pipes_ignored() -> Iterator[None]:
    """Let a command finish its work where nobody reads its output any more (`unveil process ... | head -1`)."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Unbroken(sys.stdout), _Unbroken(sys.stderr)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


class _Unbroken:
    """A text stream that writes into nothing once its pipe is closed."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._unless_closed():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._unless_closed():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        if name == "_stream":  # a copy that is not set up yet must not ask itself for ever
            raise AttributeError(name)
        return getattr(self._stream, name)

    @contextmanager
    def _unless_closed(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            # The stream still holds what it could not write, and would fail again when the process ends.
            with contextlib.suppress(OSError), Path(os.devnull).open("w") as nothing:
                os.dup2(nothing.fileno(), self._stream.fileno())
            if not isinstance(e, BrokenPipeError):  # such as a full disk
                raise


def _with_home(argument: str) -> str:
    match = _HOME.fullmatch(argument)
    return (match[1] or "") + os.path.expanduser(match[2]) if match else argument  # noqa: PTH111  (not always a path)
