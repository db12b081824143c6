"""Settings of a training of face, occlusion and background: one frozen record, written next to the results."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.errors import UsageError

_RATES = {"adamw-cosine": 2e-3, "adam-plateau": 1e-3, "adam-flat": 1e-5}
_PATHS = ("labels", "occluders", "output", "start", "data")
_CHOICES = {"optimiser": tuple(_RATES), "blobs": ("class", "component")}


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one run."""

    labels: Path | None
    """Folder that `unveil label` wrote; None where `data` is trained on."""
    occluders: Path | None
    """Folder with `hands`, `masks` and `objects` (RGBA cut-outs); None where `data` is trained on."""
    output: Path
    """Folder for state, log and weights."""
    model: str = "consensus-lite"
    """Network, by its name in `train.models`."""
    width: int | None = None
    """Channels of the network's first layer; None for the model's own."""
    size_px: int | None = None
    """Side of the crops, a multiple of 16; None for the model's own. A fully convolutional network that first learns on
    crops of half the side sees four times as many in the same time."""
    regularised: bool = False
    """The "+reg." of table 1: dropout in the network, and flips."""
    data: str | None = None
    """KIND:FOLDER, a data set to train on instead of composed crops (`train.datasets`)."""
    split: str = "train"
    """Split of `data` to train on."""
    validation_split: str = "test"
    """Split of `data` to evaluate on during the training."""
    distinct: int | None = None
    """Number of different crops, repeated in turn: a small labelled set, such as COFW's 500. None for no limit."""
    flips: bool = False
    """Mirror every other crop of `data` or `distinct`. Composed crops are mirrored anyway."""
    augment: bool = False
    """Turn, zoom, shift and relight the crops of `data` or `distinct` a little. Composed crops vary anyway."""
    samples: int = 170_000
    """Crops in all."""
    batch_size: int = 32
    """Crops per batch, of all processes together. BatchNorm normalises each process's share by itself."""
    accumulate: int = 1
    """Batches per optimiser step: 32 and 4 for the paper's batch of 128."""
    optimiser: str = "adamw-cosine"
    """`adamw-cosine`, `adam-plateau` (section 4.1) or `adam-flat` (fine-tuning)."""
    learning_rate: float | None = None
    """Peak of a cosine, start of a plateau; None for 2e-3 (cosine), 1e-3 (plateau) or 1e-5 (flat)."""
    weight_decay: float = 0.01
    """AdamW's weight decay."""
    patience: int = 2
    """Evaluations in a row without progress that `adam-plateau` (mean recall) and `adam-flat` with `stop` (training
    loss) accept."""
    stop: bool = False
    """End the run before `samples`: where `adam-plateau` would fall below 1e-5, or where the training loss of
    `adam-flat` no longer falls by 1 % (section 4.1: "saturation on the training set")."""
    longest_gradient: float | None = 5.0
    """Gradients are clipped to this length; None for no clipping, as in the paper."""
    cross_entropy: float = 1.0
    """Weight of the pixel cross-entropy (equation 3)."""
    balanced: float = 0.0
    """Weight of the blob-balanced cross-entropy (equation 5)."""
    consensus: float = 0.03
    """Weight of the consensus loss (equation 8)."""
    alpha: float = 10.0
    """Weight of its first term: a blob's mean fits its label (equation 7)."""
    beta: float = 5.0
    """Weight of its second term: pixels agree with their blob (equation 7)."""
    blobs: str = "class"
    """What a blob is: `class` (a class's region) or `component` (each connected occlusion by itself)."""
    average_decay: float = 0.999
    """Share of the running average of the weights that each step keeps. The average ships; 0 for the last weights."""
    seed: int = 0
    """Seed of samples, dropout and fresh weights."""
    workers: int = 1
    """Loader processes per training process."""
    bf16: bool = True
    """Mixed precision: bfloat16, or float16 on a GPU without bfloat16."""
    start: Path | None = None
    """Weights to start from: a checkpoint, or the folder of a run. None for fresh weights."""
    checkpoint_minutes: float = 3.0
    """Minutes between two checkpoints."""
    evaluate_every: int = 17_000
    """Crops between two evaluations on the validation set."""

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.accumulate < 1 or self.samples < self.batch_size * self.accumulate:
            raise UsageError(
                f"samples {self.samples}, batch_size {self.batch_size} and accumulate {self.accumulate}: "
                "expected at least one whole batch of each step"
            )
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} {getattr(self, name)!r}: expected one of {', '.join(choices)}")
        if self.size_px is not None and (self.size_px < 32 or self.size_px % 16):
            raise UsageError(f"size_px {self.size_px}: expected a multiple of 16 from 32 on, such as 64 or 128")
        weights = (self.cross_entropy, self.balanced, self.consensus)
        if min(weights) < 0 or sum(weights) == 0:
            raise UsageError("cross_entropy, balanced and consensus: expected weights of 0 or more, and one above 0")
        if self.data is None and (self.labels is None or self.occluders is None):
            raise UsageError("no training data: expected labels and occluders, or data")
        if self.distinct is not None and self.distinct < 1:
            raise UsageError(f"distinct {self.distinct}: expected at least one crop")
        if self.data is None and self.distinct is None and (self.flips or self.augment):
            raise UsageError("flips and augment: composed crops vary as they are; expected data or distinct with these")

    @property
    def step_samples(self) -> int:
        """Crops of one optimiser step."""
        return self.batch_size * self.accumulate

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.samples // self.step_samples

    @property
    def rate(self) -> float:
        """The learning rate: the given one, or the optimiser's own."""
        return _RATES[self.optimiser] if self.learning_rate is None else self.learning_rate

    def record(self) -> dict[str, Any]:
        """JSON-ready settings, with the learning rate that is used."""
        values = asdict(self) | {"learning_rate": self.rate}
        return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}

    def settings(self) -> dict[str, Any]:
        """JSON-ready settings without the paths of the machine, for files that are passed on."""
        return {key: value for key, value in self.record().items() if key not in _PATHS}
