"""What a training run is: one frozen record that is written beside its results."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.errors import UsageError


@dataclass(frozen=True)
class TrainConfig:
    """One run of `unveil train`."""

    labels: Path
    """Folder that `unveil label` wrote."""
    occluders: Path
    """Folder with `hands`, `masks` and `objects` (RGBA cut-outs)."""
    output: Path
    """Folder for state, log and weights."""
    model: str = "consensus-lite"
    samples: int = 170_000
    """Composed crops in all."""
    batch: int = 32
    learning_rate: float = 2e-3
    """Peak; a short warm-up before, a cosine to a hundredth of it after."""
    weight_decay: float = 0.01
    cross_entropy: float = 1.0
    """Weight of the pixel cross-entropy (equation 3)."""
    consensus: float = 0.03
    """Weight of equation 8."""
    alpha: float = 10.0
    beta: float = 5.0
    """Equation 7's trade-off."""
    blobs: str = "class"
    """What a blob is: `class` (a class's region) or `component` (each connected occlusion on its own)."""
    average_decay: float = 0.999
    """Of the running average of the weights, which is what ships."""
    seed: int = 0
    workers: int = 1
    """Processes that compose samples."""
    bf16: bool = True
    start: Path | None = None
    """Weights to start from (fine-tuning)."""
    checkpoint_minutes: float = 3.0
    evaluate_every: int = 17_000
    """Samples between two looks at the held-aside set."""

    def __post_init__(self) -> None:
        if self.samples < self.batch or self.batch < 1:
            raise UsageError(f"samples {self.samples} and batch {self.batch}: expected at least one whole batch")
        if self.blobs not in ("class", "component"):
            raise UsageError(f"blobs {self.blobs!r}: expected 'class' or 'component'")
        if self.cross_entropy < 0 or self.consensus < 0 or self.cross_entropy + self.consensus == 0:
            raise UsageError("cross_entropy and consensus: expected weights of 0 or more, and one above 0")

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.samples // self.batch

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}
