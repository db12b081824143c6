"""How this copy of the project was installed: its version, its extras, and the command that adds one."""

from __future__ import annotations

import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

from engines.errors import UnveilError

_ROOT = Path(__file__).parents[1]


class MissingExtra(UnveilError):
    """An optional dependency is not installed.

    Args:
        what: what needs it ("training").
        extra: the project extra that brings it ("train").
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}', which is not installed; run: {install_command(extra)}")
        self.extra = extra


@cache
def version() -> str:
    """The version of the project."""
    if _is_clone():
        with (_ROOT / "pyproject.toml").open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    return metadata.version("unveil")


def install_command(extra: str = "") -> str:
    """The command that installs the dependencies, or those of an extra, into the environment that runs now."""
    if not _is_clone():
        return f"pip install 'unveil[{extra}]'" if extra else "pip install unveil"
    if Path(sys.prefix) == _ROOT / ".venv":
        return f"{_ROOT}/scripts/setup.sh {extra}".rstrip()
    return f"pip install --editable '{_ROOT}[{extra}]'" if extra else f"pip install --editable '{_ROOT}'"


def _is_clone() -> bool:
    return (_ROOT / "pyproject.toml").is_file() and (_ROOT / "cli.py").is_file()
