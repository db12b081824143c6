"""Figure 7, and what each loss of table 7 adds, seed by seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from train.claims import plots
from train.claims.findings import Results, figures
from train.claims.mutual.claims import COLUMNS
from train.claims.mutual.plan import ALONE, BASELINE, BOTH, END_TO_END, MUTUAL, PAPERS_PERCENT, PERCENTS
from train.claims.stats import difference

SHARES_PLOT, GAINS_PLOT = "figures/mutual_depth_share.png", "figures/mutual_gains.png"

_LOOKS = {
    ALONE: (plots.BLACK, "each alone"),
    BASELINE: (plots.ORANGE, "baseline: trained on"),
    BOTH: (plots.GREEN, "the method: both losses"),
}
_GAINS = {MUTUAL: "mutual", END_TO_END: "end-to-end", BOTH: "both"}


def draw(results: Results, folder: Path) -> None:
    """Write both plots as PNG below a folder."""
    plots.save(_shares(results), folder / SHARES_PLOT)
    plots.save(_gains(results), folder / GAINS_PLOT)


def _shares(results: Results) -> Any:
    figure = plots.figure(9, 4)
    for axes, column in zip(figure.subplots(1, 2), ("depth", "rgb"), strict=True):
        for kind, (look, label) in _LOOKS.items():
            by_percent = [figures(results, f"{kind}-{percent}", column) for percent in PERCENTS]
            if all(by_percent):  # the RGB parser alone is the same for every share
                plots.band(axes, PERCENTS, list(zip(*by_percent, strict=True)), look, label)
        axes.set_xscale("log")
        axes.set_xticks(PERCENTS, [f"{percent} %" for percent in PERCENTS])
        axes.set_xlabel("share of the depth that is annotated")
        axes.set_ylabel(COLUMNS[column].title)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle(f"Faces kept aside; {plots.seeds_in_words(results['plan']['seeds'])}", fontsize=11)
    return figure


def _gains(results: Results) -> Any:
    figure = plots.figure(9, 3.6)
    for axes, column in zip(figure.subplots(1, 3), ("rgb", "depth", "l1"), strict=True):
        kinds = [kind for kind in _GAINS if (column, kind) != ("rgb", END_TO_END)]
        for place, kind in enumerate(kinds):
            found = difference(*(figures(results, f"{k}-{PAPERS_PERCENT}", column) for k in (kind, BASELINE)))
            axes.bar(place, found.mean, width=0.6, color=plots.BLUE.colour, alpha=0.35)
            axes.plot([place] * len(found.values), found.values, "x", color="black")
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set_xticks(range(len(kinds)), [_GAINS[kind] for kind in kinds])
        axes.set_title(COLUMNS[column].title + (", lower is better" if column == "l1" else ""), fontsize=10)
        axes.grid(axis="y", alpha=0.3)
    figure.suptitle(
        f"Difference to the baseline, {PAPERS_PERCENT} % of the depth; bars: mean, crosses: seeds", fontsize=11
    )
    return figure
