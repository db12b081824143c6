"""Fixtures that several test files share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.machine import nvidia_gpu
from engines.spec import Precision
from tests.fakes.command import Result, Unveil

ROOT = Path(__file__).parents[1]
_BUILDS: dict[str, tuple[Precision, str, str]] = {
    "fp32": ("fp32", "openvino", "1"),
    "int8": ("int8", "openvino", "1"),
    "batch4": ("fp32", "openvino", "4"),
    "torch": ("fp32", "torch", "2"),
    "torch1to4": ("fp32", "torch", "1:2:4"),
}


@pytest.fixture(scope="session")
def tiny_engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Engine folders of the tiny network, by kind. Read only: tests that damage one ask for `tiny_engine_copy`."""
    from tests.fakes.tiny_network import build_tiny  # imports torch, which most tests do without

    folder = tmp_path_factory.mktemp("engines")
    for kind, (precision, backend, batch) in _BUILDS.items():
        build_tiny(folder / kind, precision, backend, batch)
    return {kind: folder / kind for kind in _BUILDS}


@pytest.fixture(scope="session")
def parts_engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Engine folders of tiny networks by the names of models: parts, parts-depth, rgb-to-depth. Read only."""
    from tests.fakes.tiny_network import build_parts

    return build_parts(tmp_path_factory.mktemp("parts"))


@pytest.fixture
def engine(tiny_engines: dict[str, Path]) -> Path:
    """The folder of a small engine, int8. Read only."""
    return tiny_engines["int8"]


@pytest.fixture
def tiny_engine_copy(tiny_engines: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the fp32 engine that a test may damage."""
    return Path(shutil.copytree(tiny_engines["fp32"], tmp_path / "engine"))


@pytest.fixture
def unveil(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Unveil:
    """Runs a command line in this process."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    import cli

    def run(*arguments: str | Path) -> Result:
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        status = ended.value.code
        return Result(status if isinstance(status, int) else 0, captured.out, captured.err)

    return run


@pytest.fixture
def run_fresh() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python code in a fresh interpreter at the root of the checkout: `run_fresh(code, *arguments)`."""

    def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # No terminal, no display, and the same width wherever the tests run.
        environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
        environment |= {"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with a line, what this machine or checkout cannot run."""
    reasons = {}
    if not nvidia_gpu() and os.environ.get("UNVEIL_GPU") != "required":
        reasons["gpu"] = "no CUDA device here"
    if not (ROOT.parent / "shared").is_dir():
        reasons["data"] = "no training data beside the checkout (../shared)"
    for item in items:
        for marker, reason in reasons.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def sample_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first ten frames of the demo's clip: a face, 1280x720, with sound."""
    from realtime.tools.demo.clip import FPS, write_clip

    path = tmp_path_factory.mktemp("clips") / "sample.mp4"
    write_clip(path, 10 / FPS)
    return path
