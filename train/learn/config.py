"""What a training run is: one frozen record that is written beside its results."""

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
    """One run of `unveil train`."""

    labels: Path | None
    """Folder that `unveil label` wrote; None where `data` is trained on."""
    occluders: Path | None
    """Folder with `hands`, `masks` and `objects` (RGBA cut-outs); None where `data` is trained on."""
    output: Path
    """Folder for state, log and weights."""
    model: str = "consensus-lite"
    width: int | None = None
    """Channels of the network's first layer; None for the model's own."""
    size_px: int | None = None
    """Side of the crops, a multiple of 16; None for the model's own. A fully convolutional network that first learns on
    crops of half the side sees four times as many in the same time."""
    regularised: bool = False
    """Table 1's "+reg.": dropout in the network, and flips."""
    data: str | None = None
    """KIND:FOLDER, a data set to train on in place of composed crops (`train.datasets`)."""
    split: str = "train"
    """Of `data`: what is learned."""
    held_split: str = "test"
    """Of `data`: what is looked at in between."""
    distinct: int | None = None
    """Only that many different crops, again and again: a small labelled set, as COFW's 500. None for all."""
    flips: bool = False
    """Mirror every other crop of `data` or of `distinct` (composed crops come mirrored as it is)."""
    augment: bool = False
    """Turn, zoom, shift and light the crops of `data` or of `distinct` a little (composed crops come so as it is)."""
    samples: int = 170_000
    """Crops in all."""
    batch: int = 32
    """Crops that go through the networks of all processes at once; BatchNorm's statistics are of each one's share."""
    accumulate: int = 1
    """Batches whose gradients make one step: 32 and 4 for the paper's batch of 128."""
    optimiser: str = "adamw-cosine"
    """`adamw-cosine`, `adam-plateau` (section 4.1) or `adam-flat` (fine-tuning)."""
    learning_rate: float | None = None
    """Cosine: the peak. Plateau: the start. None for 2e-3 (cosine), 1e-3 (plateau) or 1e-5 (flat)."""
    weight_decay: float = 0.01
    """Of AdamW."""
    patience: int = 2
    """Looks in a row without a better mean recall that `adam-plateau` lets pass."""
    stop: bool = False
    """End where `adam-plateau` would fall below 1e-5, even before `samples`."""
    cross_entropy: float = 1.0
    """Weight of the pixel cross-entropy (equation 3)."""
    balanced: float = 0.0
    """Weight of the blob-balanced cross-entropy (equation 5)."""
    consensus: float = 0.03
    """Weight of equation 8."""
    alpha: float = 10.0
    beta: float = 5.0
    """Equation 7's trade-off."""
    blobs: str = "class"
    """What a blob is: `class` (a class's region) or `component` (each connected occlusion on its own)."""
    average_decay: float = 0.999
    """Of the running average of the weights, which is what ships; 0 for the last weights."""
    seed: int = 0
    workers: int = 1
    """Loader processes of each training process."""
    bf16: bool = True
    """Mixed precision: bfloat16, or float16 on a GPU that has no bfloat16."""
    start: Path | None = None
    """Weights to start from (fine-tuning)."""
    checkpoint_minutes: float = 3.0
    evaluate_every: int = 17_000
    """Samples between two looks at the held-aside set."""

    def __post_init__(self) -> None:
        if self.batch < 1 or self.accumulate < 1 or self.samples < self.batch * self.accumulate:
            raise UsageError(
                f"samples {self.samples}, batch {self.batch} and accumulate {self.accumulate}: "
                "expected at least one whole batch of each step"
            )
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} {getattr(self, name)!r}: expected one of {', '.join(choices)}")
        if self.size_px is not None and (self.size_px < 32 or self.size_px % 16):
            raise UsageError(f"size {self.size_px} px: expected a multiple of 16 from 32 on, such as 64 or 128")
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
        return self.batch * self.accumulate

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.samples // self.step_samples

    @property
    def rate(self) -> float:
        """The learning rate: as given, or the optimiser's own."""
        return _RATES[self.optimiser] if self.learning_rate is None else self.learning_rate

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, with the learning rate that is used."""
        values = asdict(self) | {"learning_rate": self.rate}
        return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}

    def settings(self) -> dict[str, Any]:
        """JSON-ready, without the paths of the machine: what goes into files that are passed on."""
        return {key: value for key, value in self.to_json().items() if key not in _PATHS}
