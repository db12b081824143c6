"""Imports run cli, unveil -> train -> realtime -> engines only, and run time on a CPU is light. Each proof can fail."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ("cli", "unveil", "train", "realtime", "engines")  # left may import right
NOT_EITHER = {"cli": ("unveil",), "unveil": ("train",)}
HEAVY = ("numpy", "cv2", "av", "openvino", "scipy", "torch", "mediapipe", "matplotlib")
RUN_TIME_NEVER = ("torch", "mediapipe", "nncf", "matplotlib", "train")

RunFresh = Callable[..., subprocess.CompletedProcess[str]]
# Runs code, whatever status it exits with, then prints which of the packages given as arguments were imported.
REPORT = """
import json, sys
try:
    {code}
except SystemExit:
    pass
print(json.dumps([name for name in sys.argv[1].split() if name in sys.modules]))
"""


def packages_loaded(run_fresh: RunFresh, code: str, packages: tuple[str, ...]) -> list[str]:
    """Which packages are in memory after running one line of code in a fresh interpreter."""
    run = run_fresh(REPORT.format(code=code), " ".join(packages))
    assert run.returncode == 0, run.stderr
    loaded: list[str] = json.loads(run.stdout.splitlines()[-1])
    return loaded


def wrong_imports(package: str, root: Path) -> Iterator[str]:
    """Each import, at the top or inside a function, that goes against the order."""
    forbidden = ORDER[: ORDER.index(package)] + NOT_EITHER.get(package, ())
    module = root / f"{package}.py"
    files = [module] if module.exists() else sorted((root / package).rglob("*.py"))
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            wrong = [name for name in names if name.split(".")[0] in forbidden]
            yield from (f"{file.name}:{node.lineno} imports {name}" for name in wrong)


def run_time_modules() -> list[str]:
    files = [file.relative_to(ROOT) for file in sorted((ROOT / "realtime").rglob("*.py")) if file.stem != "__init__"]
    return [".".join(file.with_suffix("").parts) for file in files]


@pytest.mark.parametrize("package", ORDER)
def test_imports_go_from_left_to_right_only(package: str) -> None:
    assert list(wrong_imports(package, ROOT)) == []


def test_an_import_against_the_order_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "engines").mkdir()
    code = "def f():\n    from realtime.frames.types import Frame\n    import train.learn.loop\n"
    (tmp_path / "engines" / "bad.py").write_text(code)
    assert list(wrong_imports("engines", tmp_path)) == [
        "bad.py:2 imports realtime.frames.types",
        "bad.py:3 imports train.learn.loop",
    ]


@pytest.mark.parametrize("arguments", [["--help"], ["process", "--help"], ["live", "--help"], ["bench", "--help"]])
def test_help_loads_no_heavy_package(run_fresh: RunFresh, arguments: list[str]) -> None:
    code = f"import cli; cli.main({arguments})"
    assert packages_loaded(run_fresh, code, HEAVY) == []


def test_wrong_use_loads_no_heavy_package(run_fresh: RunFresh) -> None:
    assert packages_loaded(run_fresh, "import cli; cli.main(['process', '--no-such-option'])", HEAVY) == []


def test_what_doctor_needs_to_answer_loads_no_heavy_package(run_fresh: RunFresh) -> None:
    assert packages_loaded(run_fresh, "import realtime.run.report, realtime.tools.doctor", HEAVY) == []


def test_the_python_interface_must_not_import_training(tmp_path: Path) -> None:
    (tmp_path / "unveil.py").write_text("import realtime.pipeline\nfrom train.compiling import engine_for\n")
    assert list(wrong_imports("unveil", tmp_path)) == ["unveil.py:2 imports train.compiling"]


def test_a_heavy_package_is_noticed(run_fresh: RunFresh) -> None:
    assert packages_loaded(run_fresh, "import numpy, cli; cli.main(['--help'])", HEAVY) == ["numpy"]


def test_run_time_modules_import_neither_torch_nor_mediapipe(run_fresh: RunFresh) -> None:
    modules = ["unveil", *run_time_modules(), "engines.load", "engines.backends.openvino", "engines.compiling.bench"]
    code = f"import {', '.join(modules)}"
    assert packages_loaded(run_fresh, code, RUN_TIME_NEVER) == []


def test_torch_at_run_time_is_noticed(run_fresh: RunFresh) -> None:
    loaded = packages_loaded(run_fresh, "import realtime.frames.types, engines.compiling.deploy", RUN_TIME_NEVER)
    assert "torch" in loaded
