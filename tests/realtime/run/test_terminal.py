"""Manners of a command in a terminal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.errors import UsageError
from realtime.run.terminal import checked_arguments, closed_pipes_ignored, did_you_mean


@pytest.mark.parametrize(
    ("argument", "expanded"),
    [
        ("~/clip.mp4", "HOME/clip.mp4"),
        ("--output=~/masked", "HOME/masked"),
        ("-o~/masked", "HOME/masked"),
        ("masks:~/labels", "HOME/labels"),
        ("~/run/weights.safetensors=0.8", "HOME/run/weights.safetensors=0.8"),
    ],
)
def test_home_is_expanded_wherever_a_path_stands(
    argument: str, expanded: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (result,) = checked_arguments([argument])
    assert result == argument.partition("~")[0] + expanded.replace("HOME", str(tmp_path))


@pytest.mark.parametrize("argument", ["http://host/~user/clip.mp4", "a~b.mp4", "clip.mp4~", "/x/~y"])
def test_a_tilde_elsewhere_stays(argument: str) -> None:
    assert checked_arguments([argument]) == [argument]


@pytest.mark.parametrize("arguments", [["process", ""], ["process", "a.mp4", "--output="], ["live", " "]])
def test_an_empty_argument_is_wrong_use(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match="empty argument"):
        checked_arguments(arguments)


def test_the_nearest_known_word_is_suggested() -> None:
    assert did_you_mean("overlya", ["overlay", "cutout"]) == "; did you mean 'overlay'?"
    assert did_you_mean("xyz", ["overlay", "cutout"]) == ""


def test_a_closed_pipe_ends_no_work(capfd: pytest.CaptureFixture[str]) -> None:
    class Closed:
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

        def fileno(self) -> int:
            raise OSError("no file")

    before = sys.stdout
    sys.stdout = Closed()  # type: ignore[assignment]
    try:
        with closed_pipes_ignored():
            print("nobody reads this")
        with pytest.raises(BrokenPipeError):
            print("outside it fails")
    finally:
        sys.stdout = before


def test_sigterm_ends_work_as_ctrl_c_does(run_fresh: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = (
        "import os, signal\n"
        "from realtime.run.terminal import terminate_as_interrupt\n"
        "with terminate_as_interrupt() as signals:\n"
        "    try: os.kill(os.getpid(), signal.SIGTERM); signal.pause()\n"
        "    except KeyboardInterrupt: print('interrupted', signals == [signal.SIGTERM])\n"
        "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    )
    assert run_fresh(code).stdout.split() == ["interrupted", "True", "True"]


def test_native_output_is_hidden_and_that_of_python_and_of_crashes_is_not(
    run_fresh: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    code = (
        "import os, sys\n"
        "from realtime.run.terminal import hide_native_output\n"
        "hide_native_output()\n"
        "os.write(2, b'INFO: a library started\\n')\n"
        "print('a message', file=sys.stderr)\n"
        "os.abort()"
    )
    run = run_fresh(code)
    assert run.stderr.splitlines()[:2] == ["a message", "Fatal Python error: Aborted"]
