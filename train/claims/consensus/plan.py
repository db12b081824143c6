"""The runs for Structure via Consensus: the ablation of table 1, the values of beta of figure 4b, two kinds of blob."""

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
_SMALL_SET_SEED = 1000  # added to the seed, so that the small set is not the beginning of the transfer's samples


@dataclass(frozen=True)
class Variant:
    """One row of a table."""

    name: str
    title: str
    loss: dict[str, Any]
    """Fields of `TrainConfig`."""
    transferred: bool = True
    """Whether it starts from the pre-trained network of its seed."""
    regularised: bool = False
    rate: float | None = None
    """Learning rate of the fine-tuning; None for the plan's."""
    paper: dict[str, float] = field(default_factory=dict)
    """The row of the paper, if it has one."""


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
"""Variants that the paper does not show: another learning rate, and both losses at once."""
VARIANTS = (*TABLE_1, _beta(0), _beta(1), _beta(10), CLASS_BLOBS, *BEYOND)
BETAS = {"ce": None, "beta-0": 0, "beta-1": 1, "consensus": 5, "beta-10": 10}
"""The runs of figure 4b. The one with beta 5 is also a row of table 1."""


@dataclass(frozen=True)
class Plan:
    """The size of the runs. Budget, batch, small set and the start of a seed are the same for all variants."""

    seeds: int = 3
    width: int = 16
    """Channels of the first layer; 64 in the paper."""
    size_px: int = 64
    """Side of the crops; 128 in the paper. At half the side, four times as many are seen in the same time."""
    transfer_samples: int = 40_000
    fine_samples: int = 9_600
    distinct: int = 500
    """Labelled crops of the fine-tuning, as COFW's training set."""
    transfer_rate: float = 1e-3
    fine_rate: float = 3e-4
    batch: int = 16
    evaluate_every: int = 1_600
    small: bool = False
    """Only table 1, as a check that everything runs: the figures mean nothing."""

    @classmethod
    def smallest(cls) -> Plan:
        """The rows of table 1 in minutes."""
        return cls(seeds=1, width=8, transfer_samples=6_400, fine_samples=1_600, distinct=100, small=True)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants, the transfer before those that start from it."""
        return tuple(sorted(TABLE_1 if self.small else VARIANTS, key=lambda variant: variant.name != TRANSFER))

    def samples(self, variant: Variant) -> int:
        """The number of training crops of a variant, counted each time they are used."""
        return self.transfer_samples if variant.name == TRANSFER else self.fine_samples

    def runs(self) -> Iterator[tuple[Variant, int]]:
        """All runs with their seeds, in the order in which they can be done."""
        for seed in range(self.seeds):
            yield from ((variant, seed) for variant in self.variants)

    def config(self, variant: Variant, seed: int, labels: Path, occluders: Path, start: Path | None) -> TrainConfig:
        """The configuration of one run. Adam: 1e-3 to 1e-5 from scratch (4.1; here a cosine), flat for fine-tuning."""
        common = {
            "labels": labels, "occluders": occluders, "output": Path(), "model": "consensus", "width": self.width,
            "size_px": self.size_px, "batch_size": self.batch, "samples": self.samples(variant), "average_decay": 0.0,
            "workers": 0, "weight_decay": 0.0, "evaluate_every": self.evaluate_every, **variant.loss,
        }  # fmt: skip
        if variant.name == TRANSFER:
            return TrainConfig(
                seed=seed, optimiser="adamw-cosine", learning_rate=self.transfer_rate,
                **common | {"evaluate_every": self.transfer_samples},
            )  # fmt: skip
        fine = ("adam-flat", variant.rate or self.fine_rate)
        optimiser, rate = fine if variant.transferred else ("adamw-cosine", self.transfer_rate)
        return TrainConfig(
            seed=_SMALL_SET_SEED + seed, optimiser=optimiser, learning_rate=rate, distinct=self.distinct,
            start=start if variant.transferred else None, regularised=variant.regularised, **common,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def run_name(variant: Variant, seed: int) -> str:
    """The name of a run's files."""
    return run_name_of(variant.name, seed)


def run_name_of(variant: str, seed: int) -> str:
    """`run_name` by the name of the variant."""
    return f"{variant}-seed{seed}"
