"""Engines that are built on first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.compiling.cache import CACHE_VARIABLE, cache_folder, cached_engine
from engines.errors import BuildError
from engines.load import load_engine

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def make(tiny_engines: dict[str, Path]) -> Callable[[Path], None]:
    """Builds by copying; counts in a file."""

    def copy(folder: Path) -> None:
        shutil.copytree(tiny_engines["fp32"], folder, dirs_exist_ok=True)
        with (folder.parent / "built").open("a") as file:
            file.write("x")

    return copy


def built(cache: Path) -> int:
    return len((cache / "built").read_text())


def test_an_engine_is_built_once(cache: Path, make: Callable[[Path], None]) -> None:
    first = cached_engine("tiny-fp32", {"checkpoint": "a"}, make)
    assert cached_engine("tiny-fp32", {"checkpoint": "a"}, make) == first
    assert built(cache) == 1
    with load_engine(first, threads=1) as engine:
        assert engine.spec.name == "tiny"


def test_what_it_is_made_of_decides(cache: Path, make: Callable[[Path], None]) -> None:
    first = cached_engine("tiny-fp32", {"checkpoint": "a"}, make)
    assert cached_engine("tiny-fp32", {"checkpoint": "b"}, make) != first
    assert built(cache) == 2


@pytest.mark.parametrize("file", ["manifest.json", "model.bin"])
def test_a_damaged_engine_is_built_again(cache: Path, make: Callable[[Path], None], file: str) -> None:
    folder = cached_engine("tiny-fp32", {}, make)
    (folder / file).write_bytes(b"cut")
    cached_engine("tiny-fp32", {}, make)
    assert built(cache) == 2
    load_engine(folder, threads=1).close()


@pytest.mark.parametrize("left", ["part", "earlier"])
def test_what_a_killed_build_left_is_swept(cache: Path, make: Callable[[Path], None], left: str) -> None:
    folder = cached_engine("tiny-fp32", {}, make)
    half = folder.with_name(f".{folder.name}.4711.{left}")
    folder.replace(half)  # as if killed before, or between the two steps of putting an engine in its place
    assert cached_engine("tiny-fp32", {}, make) == folder
    assert not half.exists()
    load_engine(folder, threads=1).close()


def test_a_build_that_fails_leaves_no_engine(make: Callable[[Path], None]) -> None:
    def fail(folder: Path) -> None:
        raise BuildError("no")

    with pytest.raises(BuildError, match="no"):
        cached_engine("tiny-fp32", {}, fail)
    assert cached_engine("tiny-fp32", {}, make).is_dir()


_WAITS = """
import shutil, sys, time
from pathlib import Path
from engines.compiling.cache import cached_engine

def make(folder):
    time.sleep(0.5)
    shutil.copytree(sys.argv[1], folder)
    with (folder.parent / "built").open("a") as file:
        file.write("x")

cached_engine("tiny-fp32", {}, make)
"""


def test_two_processes_build_one_engine(cache: Path, tiny_engines: dict[str, Path]) -> None:
    command = [sys.executable, "-c", _WAITS, str(tiny_engines["fp32"])]
    runs = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [run.wait(60) for run in runs] == [0, 0]
    assert built(cache) == 1


def test_a_process_that_is_killed_lets_go(cache: Path, tiny_engines: dict[str, Path]) -> None:
    slow = _WAITS.replace("time.sleep(0.5)", 'print("building", flush=True); time.sleep(60)')
    command = [sys.executable, "-c", slow, str(tiny_engines["fp32"])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        run.stdout.readline()
        run.kill()
    started = time.monotonic()
    cached_engine("tiny-fp32", {}, lambda folder: shutil.copytree(tiny_engines["fp32"], folder))
    assert time.monotonic() - started < 10


def test_a_cache_that_cannot_be_written_is_told(cache: Path, make: Callable[[Path], None]) -> None:
    cache.write_text("a file")
    with pytest.raises(BuildError, match=f"cannot be kept in .*cache .*set {CACHE_VARIABLE} to"):
        cached_engine("tiny-fp32", {}, make)


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/unveil/engines")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "unveil" / "engines"
