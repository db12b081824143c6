"""Settings of a face finder's training: one frozen record, written next to the results."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.errors import UsageError

_PATHS = ("portraits", "occluders", "without_faces", "output", "start")


@dataclass(frozen=True)
class FinderConfig:
    """Settings of one run."""

    portraits: Path
    """Folder that `unveil portraits` wrote."""
    occluders: Path
    """Folder with `hands`, `masks` and `objects` (RGBA cut-outs)."""
    output: Path
    """Folder for state, log and weights."""
    without_faces: Path | None = None
    """Folder with `things` (RGBA) and `scenes` (RGB) that show no face; None for what the other folders hold alone."""
    model: str = "finder"
    width: int = 16
    """Channels of the network's first layer."""
    size_px: int = 256
    """Side of the pictures, a multiple of 32."""
    samples: int = 250_000
    """Pictures in all."""
    batch_size: int = 24
    learning_rate: float = 2e-3
    """Peak of the cosine."""
    weight_decay: float = 0.02
    average_decay: float = 0.999
    """Share of the running average of the weights that each step keeps. The average ships."""
    seed: int = 0
    workers: int = 1
    """Loader processes per training process."""
    start: Path | None = None
    """Weights to start from: a checkpoint, or the folder of a run. None for fresh weights."""
    checkpoint_minutes: float = 3.0
    evaluate_every: int = 24_000
    """Pictures between two evaluations on the validation set."""

    def __post_init__(self) -> None:
        if self.size_px < 64 or self.size_px % 32:
            raise UsageError(f"size_px {self.size_px}: expected a multiple of 32 from 64 on, such as 192 or 256")
        if self.batch_size < 1 or self.samples < self.batch_size:
            raise UsageError(
                f"samples {self.samples} and batch_size {self.batch_size}: expected at least one whole batch"
            )

    @property
    def step_samples(self) -> int:
        """Pictures of one optimiser step."""
        return self.batch_size

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.samples // self.batch_size

    def record(self) -> dict[str, Any]:
        """JSON-ready settings."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}

    def settings(self) -> dict[str, Any]:
        """JSON-ready settings without the paths of the machine, for files that are passed on."""
        return {key: value for key, value in self.record().items() if key not in _PATHS}
