"""What is run for Structure via Consensus: table 1's ablation, figure 4b's values of beta, two kinds of blob."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from train.learn.config import TrainConfig

TRANSFER = "transfer"
_PIXELS = {"cross_entropy": 1.0, "consensus": 0.0}
# "To identify the main blobs" of COFW the paper uses the components of section 3.1, with alpha and beta {10:5} (4.1).
_CONSENSUS = {"cross_entropy": 0.0, "consensus": 1.0, "alpha": 10.0, "beta": 5.0, "blobs": "component"}
_FEW_SEED = 1000  # added to a run's seed: its small set is not the beginning of what the transfer saw


@dataclass(frozen=True)
class Variant:
    """One row of a table."""

    name: str
    title: str
    loss: dict[str, Any]
    """Fields of `TrainConfig`."""
    transferred: bool = True
    """Starts from the seed's pre-trained network."""
    regularised: bool = False
    rate: float | None = None
    """Of the fine-tuning; None for the plan's."""
    paper: dict[str, float] = field(default_factory=dict)
    """The paper's row, where it has one."""


def _paper(iou: float, accuracy: float, recall_face: float, recall: float, sparsity: float) -> dict[str, float]:
    return {
        "iou_face": iou, "accuracy": accuracy, "recall_face": recall_face, "mean_recall": recall, "sparsity": sparsity
    }  # fmt: skip


def _beta(value: float) -> Variant:
    return Variant(f"beta-{value:g}", f"consensus, beta {value:g}", _CONSENSUS | {"beta": value})


TABLE_1 = (
    Variant("scratch", "CE, scratch", _PIXELS, transferred=False, paper=_paper(76.8, 83.7, 86.9, 82.6, 3.5)),
    Variant(TRANSFER, "CE, transfer", _PIXELS, transferred=False, paper=_paper(84.5, 89.4, 93.3, 88.1, 1.0)),
    Variant("ce", "CE, transfer + f.t.", _PIXELS, paper=_paper(84.1, 89.4, 90.3, 89.1, 3.8)),
    Variant("consensus", "consensus, transfer + f.t.", _CONSENSUS, paper=_paper(85.7, 90.4, 92.5, 89.7, 1.6)),
    Variant(
        "regularised", "consensus, transfer + f.t. + reg.", _CONSENSUS,
        regularised=True, paper=_paper(87.0, 91.3, 92.4, 90.9, 0.8),
    ),
)  # fmt: skip
CLASS_BLOBS = Variant("class-blobs", "consensus, class blobs", _CONSENSUS | {"blobs": "class"})
BEYOND = (
    Variant("ce-slow", "CE, rate 1e-4", _PIXELS, rate=1e-4),
    Variant("consensus-slow", "consensus, rate 1e-4", _CONSENSUS, rate=1e-4),
    Variant(
        "both", "CE + 0.03 consensus, class blobs (what ships)",
        {"cross_entropy": 1.0, "consensus": 0.03, "alpha": 10.0, "beta": 5.0, "blobs": "class"},
    ),
)  # fmt: skip
"""What the paper does not show: another learning rate, and both losses at once."""
VARIANTS = (*TABLE_1, _beta(0), _beta(1), _beta(10), CLASS_BLOBS, *BEYOND)
BETAS = {"ce": None, "beta-0": 0, "beta-1": 1, "consensus": 5, "beta-10": 10}
"""The runs of figure 4b; table 1's row is the one with beta 5."""


@dataclass(frozen=True)
class Plan:
    """How much is run. The same for all variants: budget, batch, small set, start of a seed."""

    seeds: int = 3
    width: int = 16
    """Channels of the paper's network's first layer; 64 in the paper."""
    size_px: int = 64
    """Side of the crops; 128 in the paper. At half the side, four times as many are seen in the same time."""
    transfer_samples: int = 40_000
    fine_samples: int = 9_600
    distinct: int = 500
    """Labelled crops of the fine-tuning, as COFW's training set."""
    transfer_rate: float = 1e-3
    fine_rate: float = 3e-4
    batch: int = 16
    look_samples: int = 1_600
    small: bool = False
    """Only table 1, to see that it runs: the figures mean nothing."""

    @classmethod
    def smallest(cls) -> Plan:
        """Table 1's rows in minutes."""
        return cls(seeds=1, width=8, transfer_samples=6_400, fine_samples=1_600, distinct=100, small=True)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The rows that are run, the transfer before those that start from it."""
        return tuple(sorted(TABLE_1 if self.small else VARIANTS, key=lambda variant: variant.name != TRANSFER))

    def samples(self, variant: Variant) -> int:
        """The crops that a variant learns from, counted each time they are shown."""
        return self.transfer_samples if variant.name == TRANSFER else self.fine_samples

    def runs(self) -> Iterator[tuple[Variant, int]]:
        """All runs with their seeds, in the order in which they can be done."""
        for seed in range(self.seeds):
            yield from ((variant, seed) for variant in self.variants)

    def config(self, variant: Variant, seed: int, labels: Path, occluders: Path, start: Path | None) -> TrainConfig:
        """The record of one run. Adam: 1e-3 to 1e-5 from scratch (4.1; here by a cosine), flat for fine-tuning."""
        common = {
            "labels": labels, "occluders": occluders, "output": Path(), "model": "consensus", "width": self.width,
            "size_px": self.size_px, "batch_size": self.batch, "samples": self.samples(variant), "average_decay": 0.0,
            "workers": 0, "weight_decay": 0.0, "evaluate_every": self.look_samples, **variant.loss,
        }  # fmt: skip
        if variant.name == TRANSFER:
            return TrainConfig(
                seed=seed, optimiser="adamw-cosine", learning_rate=self.transfer_rate,
                **common | {"evaluate_every": self.transfer_samples},
            )  # fmt: skip
        fine = ("adam-flat", variant.rate or self.fine_rate)
        optimiser, rate = fine if variant.transferred else ("adamw-cosine", self.transfer_rate)
        return TrainConfig(
            seed=_FEW_SEED + seed, optimiser=optimiser, learning_rate=rate, distinct=self.distinct,
            start=start if variant.transferred else None, regularised=variant.regularised, **common,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def run_name(variant: Variant, seed: int) -> str:
    """Of a run's files."""
    return run_name_of(variant.name, seed)


def run_name_of(variant: str, seed: int) -> str:
    """The same by a variant's name."""
    return f"{variant}-seed{seed}"
