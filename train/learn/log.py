"""The log of a training run: a readable line now and then, JSON lines in `log.jsonl`, and tensorboard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

Say = Callable[[str], None]
"""Prints a line for people."""
_EVERY = 50  # steps


class Logged(Protocol):
    """What the log needs to know about a run."""

    @property
    def output(self) -> Path:
        """Its folder."""

    @property
    def steps(self) -> int:
        """Steps in all."""

    @property
    def step_samples(self) -> int:
        """Crops of one step."""


class Log:
    """The log of one run; a resumed run appends to it."""

    def __init__(self, run: Logged, say: Say) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._run, self._say = run, say
        self._path = run.output / "log.jsonl"
        self._board = SummaryWriter(str(run.output / "tensorboard"))
        self._sums: dict[str, float] = {}
        self._steps, self._started = 0, time.monotonic()

    def step(self, step: int, terms: Mapping[str, float], rate: float) -> None:
        """Count one step; every 50 steps write the mean of each term."""
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += 1
        if (step + 1) % _EVERY:
            return
        means = {name: round(value / self._steps, 5) for name, value in self._sums.items()}
        speed = self._steps * self._run.step_samples / (time.monotonic() - self._started)
        left = (self._run.steps - step - 1) * self._run.step_samples / speed / 60
        text = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        self._say(f"step {step + 1}/{self._run.steps}: {text}; {speed:.0f} samples/s, {left:.0f} min left")
        self._write({"step": step + 1, "learning_rate": rate, "samples_per_second": round(speed, 1)} | means)
        self._sums, self._steps, self._started = {}, 0, time.monotonic()

    def evaluation(self, step: int, result: Mapping[str, Any]) -> None:
        """Write an evaluation on the validation set."""
        self._say(f"step {step}: validation {json.dumps(result)}")
        self._write({"step": step, "validation": result})
        for name, value in result.items():
            if isinstance(value, float):
                self._board.add_scalar(f"validation/{name}", value, step)

    def _write(self, row: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        for name, value in row.items():
            if isinstance(value, float):
                self._board.add_scalar(name, value, row["step"])
