"""A paper's claims, each as a difference between two variants, and what the runs say to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from train.claims.stats import Spread, Verdict, difference, verdict

Results = dict[str, Any]
"""`runs`: records with `variant`, `seed` and `metrics`; and what the job adds of plan, data and machine."""
_WORDS = {
    Verdict.HOLDS: "Holds here.",
    Verdict.REVERSED: "Does not hold here: it is the other way round.",
    Verdict.UNCLEAR: "Not shown here: the difference is within the spread of the seeds.",
    Verdict.ONE_SEED: "No verdict: one seed has no spread.",
}


@dataclass(frozen=True)
class Column:
    """A figure that is told of every variant."""

    title: str
    digits: int = 1
    """Decimals that it is printed with."""


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
    """The difference in the paper's table."""


@dataclass(frozen=True)
class Finding:
    """What the runs say to a claim."""

    claim: Claim
    column: Column
    found: Spread
    """The difference, seed by seed."""

    @property
    def verdict(self) -> Verdict:
        """Whether it stands out of the spread, and which way."""
        return verdict(self.found, self.claim.direction)

    @property
    def text(self) -> str:
        """One sentence for each of: the claim, the verdict, the numbers."""
        claim, digits = self.claim, self.column.digits
        seeds = ", ".join(f"{value:+.{digits}f}" for value in self.found.values)
        paper = "" if claim.paper is None else f"; in the paper {claim.paper:+.{digits}f}"
        return (
            f"{claim.text} **{_WORDS[self.verdict]}** {self.column.title}: "
            f"{signed(self.found, digits)} (by seed: {seeds}{paper})."
        )


def figures(results: Results, variant: str, column: str) -> list[float]:
    """A column of a variant at the end of its runs, by seed; empty where it was not run or has no such figure."""
    runs = sorted((run for run in results["runs"] if run["variant"] == variant), key=lambda run: run["seed"])
    return [run["metrics"][column] for run in runs if run["metrics"].get(column) is not None]


def findings(results: Results, claims: tuple[Claim, ...], columns: Mapping[str, Column]) -> list[Finding]:
    """Of every claim whose two variants were run."""
    return [
        Finding(claim, columns[claim.column], difference(ours, other))
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


def signed(found: Spread, digits: int) -> str:
    """`+1.2 ± 0.3`; a single seed without a deviation."""
    deviation = f" ± {found.deviation:.{digits}f}" if len(found.values) > 1 else ""
    return f"{found.mean:+.{digits}f}{deviation}"
