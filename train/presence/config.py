"""Settings of a training of the output `presence`: one frozen record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.errors import UsageError


@dataclass(frozen=True)
class PresenceConfig:
    """Settings of one run."""

    portraits: Path
    """Folder that `unveil portraits` wrote."""
    occluders: Path
    """Folder with `hands`, `masks` and `objects` (RGBA cut-outs)."""
    output: Path
    """Folder for features, weights and evaluation."""
    start: Path
    """Weights of the network, which stay as they are: a checkpoint or a run's folder."""
    without_faces: Path | None = None
    """Folder with `things` (RGBA) and `scenes` (RGB) that show no face; None for what the other folders hold alone."""
    samples: int = 40_000
    """Crops of training, faces and others."""
    validation_samples: int = 8_000
    """Crops of the validation set, from photographs, clips and occluders that are held out."""
    width: int = 32
    """Channels to which the head reduces the network's deepest features."""
    hidden: int = 64
    """Values between the reduced features and the output."""
    epochs: int = 12
    """Passes over the crops of training."""
    batch_size: int = 128
    """Crops per step."""
    learning_rate: float = 1e-3
    """Peak of a cosine, for AdamW."""
    weight_decay: float = 0.05
    """AdamW's weight decay."""
    most_false: float = 0.005
    """The threshold is the least that at most this share of the held-out crops without a face reach. Those crops are
    much harder than what a detector proposes."""
    seed: int = 0
    """Seed of the random choices."""

    def __post_init__(self) -> None:
        for name in ("samples", "validation_samples", "width", "hidden", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; expected 1 or more")
        if not 0 <= self.most_false < 1:
            raise UsageError(f"most_false is {self.most_false}; expected a share, 0 to 1")

    def of_features(self) -> dict[str, str | int]:
        """JSON-ready: the settings that decide which crops there are."""
        folders = {"portraits": self.portraits, "occluders": self.occluders, "without_faces": self.without_faces}
        return {name: str(folder and folder.resolve()) for name, folder in folders.items()} | {"seed": self.seed}
