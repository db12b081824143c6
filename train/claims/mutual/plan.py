"""The runs for Cross-Domain Mutual Learning: tables 4 and 7, and the shares of annotated depth of figure 7."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from train.losses.parsing import BISENET_OHEM
from train.mutual.config import MutualConfig, Stage

ALONE, BASELINE, MUTUAL, END_TO_END, BOTH = "alone", "baseline", "mutual", "end-to-end", "both"
ON_LOGITS = "mutual-logits"
TITLES = {
    ALONE: "each alone",
    BASELINE: "baseline: trained on, neither loss",
    MUTUAL: "+ mutual learning",
    END_TO_END: "+ end-to-end",
    BOTH: "+ both: the method",
    ON_LOGITS: "+ mutual learning, of logits",
}
_TERMS = {BASELINE: (0.0, 0.0), MUTUAL: (1.0, 0.0), END_TO_END: (0.0, 1.0), BOTH: (1.0, 1.0), ON_LOGITS: (1.0, 0.0)}
"""Lambda 1 and lambda 2 of equation 4."""
PERCENTS = (1, 10, 100)
PAPERS_PERCENT = 10  # section 4.1


@dataclass(frozen=True)
class Variant:
    """Three networks, trained in one way with one share of the annotated depth."""

    kind: str
    percent: int
    """Share of the faces whose depth is known in training."""

    @property
    def name(self) -> str:
        """The name in the results: `both-10`."""
        return f"{self.kind}-{self.percent}"

    @property
    def title(self) -> str:
        """The name for people."""
        return f"{TITLES[self.kind]}, {self.percent} % of the depth"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages to train. The RGB parser alone needs no depth, so it is the same for every share."""
        if self.kind != ALONE:
            return ("joint",)
        return ("rgb", "depth", "translator") if self.percent == PAPERS_PERCENT else ("depth", "translator")

    @property
    def needs(self) -> tuple[Variant, ...]:
        """The variants whose weights it starts from or copies."""
        if self.kind != ALONE:
            return (Variant(ALONE, self.percent),)
        return () if self.percent == PAPERS_PERCENT else (Variant(ALONE, PAPERS_PERCENT),)


TABLE_7 = tuple(Variant(kind, PAPERS_PERCENT) for kind in TITLES)
FIGURE_7 = tuple(
    Variant(kind, percent) for percent in PERCENTS if percent != PAPERS_PERCENT for kind in (ALONE, BASELINE, BOTH)
)
VARIANTS = (*TABLE_7, *FIGURE_7)


@dataclass(frozen=True)
class Plan:
    """The size of the runs. Networks, faces, the start of a seed and the joint steps are the same for all rows."""

    seeds: int = 3
    width: int = 16
    """Channels of the first layer of parsers, translator and discriminator; 32 in what ships, 64 in the paper."""
    size_px: int = 64
    """Side of the crops; 160 in what ships, 473 and 512 in the paper."""
    crop_scale: float = 1.5
    """Side of a crop in sides of the face's box; 2 in what ships, so a face is smaller there."""
    samples: int = 24_000
    """Training crops of each parser alone."""
    translator_samples: int = 10_000
    joint_samples: int = 8_000
    """Colour crops of each joint training."""
    batch: int = 8
    translator_batch: int = 8
    small: bool = False
    """A check that everything runs: the figures mean nothing."""

    @classmethod
    def smallest(cls) -> Plan:
        """Every row in a minute."""
        return cls(seeds=1, width=8, samples=800, translator_samples=400, joint_samples=160, small=True)

    def runs(self) -> Iterator[tuple[Variant, int]]:
        """All runs with their seeds, in the order in which they can be done."""
        for seed in range(self.seeds):
            yield from ((variant, seed) for variant in VARIANTS)

    def samples_of(self, stage: Stage) -> int:
        """The number of training crops of a stage, counted each time they are used."""
        return {"translator": self.translator_samples, "joint": self.joint_samples}.get(stage, self.samples)

    def config(self, variant: Variant, seed: int, faces: Path, output: Path, pretrained: Path | None) -> MutualConfig:
        """The configuration of one run. The parsers are trained with BiSeNet's loss, because small classes take long
        without it; AdamW with a cosine; the weights are those of the last step, not an average."""
        mutual, end_to_end = _TERMS.get(variant.kind, (0.0, 0.0))
        return MutualConfig(
            folders=(faces,), output=output, width=self.width, translator_width=self.width, size_px=self.size_px,
            depth_share=variant.percent / 100, augment="flips", samples=self.samples,
            translator_samples=self.translator_samples, joint_samples=self.joint_samples, batch_size=self.batch,
            translator_batch_size=self.translator_batch, mutual_weight=mutual, end_to_end_weight=end_to_end,
            average_decay=0.0, mutual_generated=True,
            mutual_on="logits" if variant.kind == ON_LOGITS else "probabilities",
            ohem=BISENET_OHEM, seed=seed, workers=0, pretrained=pretrained,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def run_name(variant: Variant, seed: int) -> str:
    """The name of a run's files."""
    return f"{variant.name}-seed{seed}"
