"""What a training run tells: a readable line now and then, one JSON line each in `log.jsonl`, and tensorboard."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

Say = Callable[[str], None]
_EVERY = 50


class Logged(Protocol):
    """What the log needs to know of a run."""

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

    def __init__(self, config: Logged, say: Say) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._config, self._say = config, say
        self._path = config.output / "log.jsonl"
        self._board = SummaryWriter(str(config.output / "tensorboard"))
        self._sums: dict[str, float] = {}
        self._since, self._started = 0, time.monotonic()

    def step(self, step: int, terms: dict[str, float], rate: float) -> None:
        """Count one step; every so often write the mean of the terms."""
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._since += 1
        if (step + 1) % _EVERY:
            return
        means = {name: round(value / self._since, 5) for name, value in self._sums.items()}
        speed = self._since * self._config.step_samples / (time.monotonic() - self._started)
        left = (self._config.steps - step - 1) * self._config.step_samples / speed / 60
        text = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        self._say(f"step {step + 1}/{self._config.steps}: {text}; {speed:.0f} samples/s, {left:.0f} min left")
        self._write({"step": step + 1, "learning_rate": rate, "samples_per_second": round(speed, 1)} | means)
        self._sums, self._since, self._started = {}, 0, time.monotonic()

    def evaluation(self, step: int, result: dict[str, Any]) -> None:
        """Write a look at the held-aside set."""
        self._say(f"step {step}: held aside {json.dumps(result)}")
        self._write({"step": step, "held": result})
        for name, value in result.items():
            if isinstance(value, float):
                self._board.add_scalar(f"held/{name}", value, step)

    def _write(self, row: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        for name, value in row.items():
            if isinstance(value, float):
                self._board.add_scalar(name, value, row["step"])
