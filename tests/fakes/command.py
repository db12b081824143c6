"""A command line that runs in the process of the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    status: int
    stdout: str
    stderr: str


Unveil = Callable[..., Result]
"""Runs a command line. The arguments are its words."""


def one_sentence(result: Result) -> bool:
    return result.stderr.startswith("unveil: ") and result.stderr.count("\n") == 1
