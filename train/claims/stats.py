"""What runs of several seeds show: means with their spread, and whether a difference stands out of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What the seeds say about a claimed difference."""

    HOLDS = "holds"
    REVERSED = "the other way round"
    UNCLEAR = "within the spread"
    ONE_SEED = "one seed, no verdict"


@dataclass(frozen=True)
class Spread:
    """One figure over the seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The average over the seeds."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float:
        """The sample standard deviation; 0 of a single seed."""
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
        """`84.1 ± 0.3`; a single seed without a deviation."""
        deviation = f" ± {self.deviation:.{digits}f}" if len(self.values) > 1 else ""
        return f"{self.mean:.{digits}f}{deviation}"


def difference(ours: Sequence[float], other: Sequence[float]) -> Spread:
    """`ours - other`, seed by seed: both lists hold the seeds in the same order (their runs share start and data)."""
    return Spread(tuple(a - b for a, b in zip(ours, other, strict=True)))


def verdict(found: Spread, direction: int) -> Verdict:
    """Whether a difference shows what is claimed.

    It stands out where every seed agrees on its sign and its mean is larger than its standard deviation over the seeds.

    Args:
        found: the difference, seed by seed.
        direction: the sign that is claimed, 1 or -1.
    """
    if len(found.values) < 2:
        return Verdict.ONE_SEED
    agreed = found.low > 0 or found.high < 0
    if not agreed or abs(found.mean) <= found.deviation:
        return Verdict.UNCLEAR
    return Verdict.HOLDS if found.mean * direction > 0 else Verdict.REVERSED
