"""What Structure via Consensus claims, each as a difference between two variants, and what our runs say to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from train.claims.stats import Spread, Verdict, difference, verdict

Results = dict[str, Any]
COLUMNS = {
    "iou_face": "IoU face",
    "accuracy": "accuracy",
    "recall_face": "recall face",
    "mean_recall": "mean recall",
    "sparsity": "sparsity",
    "occluder_taken_for_face": "occluder as face",
}
LOWER_IS_BETTER = ("sparsity", "occluder_taken_for_face")
_WORDS = {
    Verdict.HOLDS: "Holds here.",
    Verdict.REVERSED: "Does not hold here: it is the other way round.",
    Verdict.UNCLEAR: "Not shown here: the difference is within the spread of the seeds.",
    Verdict.ONE_SEED: "No verdict: one seed has no spread.",
}


@dataclass(frozen=True)
class Claim:
    """`ours` has more (or less) of a column than `other`."""

    text: str
    ours: str
    other: str
    column: str
    direction: int
    """1: more, -1: less."""
    paper: float | None = None
    """The difference in table 1."""


@dataclass(frozen=True)
class Finding:
    """What the runs say to a claim."""

    claim: Claim
    found: Spread
    """The difference, seed by seed."""

    @property
    def verdict(self) -> Verdict:
        """Whether it stands out of the spread, and which way."""
        return verdict(self.found, self.claim.direction)

    @property
    def text(self) -> str:
        """One sentence for each of: the claim, the verdict, the numbers."""
        claim, digits = self.claim, digits_of(self.claim.column)
        seeds = ", ".join(f"{value:+.{digits}f}" for value in self.found.values)
        paper = "" if claim.paper is None else f"; in the paper {claim.paper:+.{digits}f}"
        mean = f"{self.found.mean:+.{digits}f}"
        spread = f" ± {self.found.deviation:.{digits}f}" if len(self.found.values) > 1 else ""
        return (
            f"{claim.text} **{_WORDS[self.verdict]}** {COLUMNS[claim.column]}: "
            f"{mean}{spread} (by seed: {seeds}{paper})."
        )


CLAIMS = (
    Claim("Transfer beats training on the small set from scratch.", "transfer", "scratch", "iou_face", 1, 7.7),
    Claim("Fine-tuning with the pixel loss scatters the masks.", "ce", "transfer", "sparsity", 1, 2.8),
    Claim("Fine-tuning with the pixel loss costs face IoU.", "ce", "transfer", "iou_face", -1, -0.4),
    Claim("Fine-tuning with consensus improves on transfer.", "consensus", "transfer", "iou_face", 1, 1.2),
    Claim("Consensus beats the pixel loss at the same budget.", "consensus", "ce", "iou_face", 1, 1.6),
    Claim("Consensus has the better recall over both classes.", "consensus", "ce", "mean_recall", 1, 0.6),
    Claim("Consensus masks are less scattered than the pixel loss's.", "consensus", "ce", "sparsity", -1, -2.2),
    Claim("Regularisation (dropout and flips) adds to it.", "regularised", "consensus", "iou_face", 1, 1.3),
    Claim("Regularisation makes masks less scattered still.", "regularised", "consensus", "sparsity", -1, -0.8),
    Claim("More beta, less sparsity: 1 against 0 (figure 4b).", "beta-1", "beta-0", "sparsity", -1),
    Claim("More beta, less sparsity: 5 against 0 (figure 4b).", "consensus", "beta-0", "sparsity", -1),
    Claim("More beta, less sparsity: 10 against 0 (figure 4b).", "beta-10", "beta-0", "sparsity", -1),
)
BEYOND = (
    Claim("Consensus beats the pixel loss at a third of the rate, too.", "consensus-slow", "ce-slow", "iou_face", 1),
    Claim("Its masks are less scattered there, too.", "consensus-slow", "ce-slow", "sparsity", -1),
    Claim("A little consensus improves the pixel loss.", "both", "ce", "iou_face", 1),
    Claim("It makes its masks less scattered.", "both", "ce", "sparsity", -1),
    Claim("It finds more of the occluder.", "both", "ce", "occluder_taken_for_face", -1),
)
"""Not the paper's: asked of the variants that go beyond it."""


def figures(results: Results, variant: str, column: str) -> list[float]:
    """A column of a variant at the end of its runs, by seed; empty where it was not run."""
    runs = sorted((run for run in results["runs"] if run["variant"] == variant), key=lambda run: run["seed"])
    return [run["metrics"][column] for run in runs]


def findings(results: Results, claims: tuple[Claim, ...] = CLAIMS) -> list[Finding]:
    """Of every claim whose two variants were run."""
    return [
        Finding(claim, difference(ours, other))
        for claim in claims
        if (ours := figures(results, claim.ours, claim.column))
        and (other := figures(results, claim.other, claim.column))
    ]


def summary(found: list[Finding]) -> str:
    """How many claims hold, in one sentence."""
    counts = {kind: sum(finding.verdict is kind for finding in found) for kind in Verdict}
    if counts[Verdict.ONE_SEED]:
        return "One seed was run: there is no spread, and so no verdict."
    return (
        f"Of {len(found)} differences that the paper reports, {counts[Verdict.HOLDS]} show here, "
        f"{counts[Verdict.REVERSED]} fall the other way and {counts[Verdict.UNCLEAR]} are within the spread of the "
        "seeds."
    )


def blob_sentences(results: Results) -> Iterator[str]:
    """Component blobs against class blobs, column by column: the paper compares nothing here, so both ways are news."""
    for column, title in COLUMNS.items():
        found = difference(figures(results, "consensus", column), figures(results, "class-blobs", column))
        better = -1 if column in LOWER_IS_BETTER else 1
        word = {
            Verdict.HOLDS: "component blobs are better",
            Verdict.REVERSED: "class blobs are better",
            Verdict.UNCLEAR: "no difference beyond the spread of the seeds",
            Verdict.ONE_SEED: "one seed, no verdict",
        }[verdict(found, better)]
        digits = digits_of(column)
        spread = f" ± {found.deviation:.{digits}f}" if len(found.values) > 1 else ""
        yield f"{title}: {word} ({found.mean:+.{digits}f}{spread}, component less class)."


def digits_of(column: str) -> int:
    """Decimals that a column is printed with."""
    return 2 if column == "sparsity" else 1
