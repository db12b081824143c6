"""Compares variants over several seeds, and judges a paper's claims by the differences."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

Results = dict[str, Any]
"""`runs`: records with `variant`, `seed` and `metrics`; and the job's `plan`, `data` and `machine`."""


class Verdict(Enum):
    """Whether a claimed difference shows over the seeds."""

    HOLDS = "holds"
    REVERSED = "the other way round"
    UNCLEAR = "within the spread"
    ONE_SEED = "one seed, no verdict"


@dataclass(frozen=True)
class Spread:
    """One figure by seed."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The average over the seeds."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float:
        """The sample standard deviation; 0 for a single seed."""
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0

    @property
    def low(self) -> float:
        """The lowest seed."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The highest seed."""
        return max(self.values)

    def text(self, digits: int = 1) -> str:
        """`84.1 ± 0.3`; without the deviation for a single seed."""
        deviation = f" ± {self.deviation:.{digits}f}" if len(self.values) > 1 else ""
        return f"{self.mean:.{digits}f}{deviation}"


def difference(ours: Sequence[float], other: Sequence[float]) -> Spread:
    """`ours - other`, seed by seed. Both lists are in the order of the seeds, whose runs share start and data."""
    return Spread(tuple(a - b for a, b in zip(ours, other, strict=True)))


def verdict(change: Spread, direction: int) -> Verdict:
    """Whether a difference shows what is claimed.

    It counts if all seeds agree on its sign and its mean is larger than its standard deviation over the seeds.

    Args:
        change: the difference, seed by seed.
        direction: the sign that is claimed, 1 or -1.
    """
    if len(change.values) < 2:
        return Verdict.ONE_SEED
    agreed = change.low > 0 or change.high < 0
    if not agreed or abs(change.mean) <= change.deviation:
        return Verdict.UNCLEAR
    return Verdict.HOLDS if change.mean * direction > 0 else Verdict.REVERSED


_WORDS = {
    Verdict.HOLDS: "Holds here.",
    Verdict.REVERSED: "Does not hold here: it is the other way round.",
    Verdict.UNCLEAR: "Not shown here: the difference is within the spread of the seeds.",
    Verdict.ONE_SEED: "No verdict: one seed has no spread.",
}
_WORDS_AT_THIS_BUDGET = {
    Verdict.REVERSED: "Not at this budget: it is the other way round.",
    Verdict.UNCLEAR: "Not at this budget: the difference is within the spread of the seeds.",
}
"""Where the test could not have shown what is claimed (`Finding.shortfall`)."""


@dataclass(frozen=True)
class Column:
    """A figure that is printed for every variant."""

    title: str
    digits: int = 1
    """Decimals in print."""


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


Budget = Callable[[Results, Claim], str | None]
"""Why the runs of these results could not show a claim; None if they could."""


@dataclass(frozen=True)
class Finding:
    """What the runs show about a claim."""

    claim: Claim
    column: Column
    change: Spread
    """The difference, seed by seed."""
    budget: str | None = None
    """Why runs of this size could not show it; None if they could."""

    @property
    def shortfall(self) -> str | None:
        """Why the test could not have shown what is claimed; None if it has, or if it could have."""
        if self.verdict not in _WORDS_AT_THIS_BUDGET:
            return None
        paper = self.claim.paper
        small = paper is not None and abs(paper) <= self.change.deviation
        return self.budget or ("The paper's difference would be within the spread of these seeds" if small else None)

    @property
    def verdict(self) -> Verdict:
        """Whether the difference shows, and in which direction."""
        return verdict(self.change, self.claim.direction)

    @property
    def text(self) -> str:
        """One sentence for each of: the claim, the verdict, the numbers, and what the test fell short of."""
        claim, digits = self.claim, self.column.digits
        seeds = ", ".join(f"{value:+.{digits}f}" for value in self.change.values)
        paper = "" if claim.paper is None else f"; in the paper {claim.paper:+.{digits}f}"
        words = _WORDS_AT_THIS_BUDGET if self.shortfall else _WORDS
        return (
            f"{claim.text} **{words[self.verdict]}** {self.column.title}: "
            f"{signed(self.change, digits)} (by seed: {seeds}{paper}).{f' {self.shortfall}.' if self.shortfall else ''}"
        )


def figures(results: Results, variant: str, column: str) -> list[float]:
    """A column of a variant after its runs, by seed; empty if it was not run or has no such figure."""
    runs = sorted((run for run in results["runs"] if run["variant"] == variant), key=lambda run: run["seed"])
    return [run["metrics"][column] for run in runs if run["metrics"].get(column) is not None]


def findings(
    results: Results, claims: tuple[Claim, ...], columns: Mapping[str, Column], budget: Budget = lambda _, __: None
) -> list[Finding]:
    """The findings for every claim whose two variants were run.

    Args:
        budget: why runs of this size could not show a claim.
    """
    return [
        Finding(claim, columns[claim.column], difference(ours, other), budget(results, claim))
        for claim in claims
        if (ours := figures(results, claim.ours, claim.column))
        and (other := figures(results, claim.other, claim.column))
    ]


def summary(found: list[Finding]) -> str:
    """How many claims hold, in one sentence."""
    counts = {kind: sum(finding.verdict is kind for finding in found) for kind in Verdict}
    if counts[Verdict.ONE_SEED]:
        return "One seed was run: there is no spread, and so no verdict."
    short = sum(finding.shortfall is not None for finding in found)
    more = f" Of those that do not show, {short} could not have been shown at this budget." if short else ""
    return (
        f"The paper reports {len(found)} differences: {counts[Verdict.HOLDS]} show here, "
        f"{counts[Verdict.REVERSED]} fall the other way and {counts[Verdict.UNCLEAR]} are within the spread of the "
        f"seeds.{more}"
    )


def signed(change: Spread, digits: int) -> str:
    """`+1.2 ± 0.3`; without the deviation for a single seed."""
    deviation = f" ± {change.deviation:.{digits}f}" if len(change.values) > 1 else ""
    return f"{change.mean:+.{digits}f}{deviation}"
