"""Figure 4b: sparsity over fine-tuning, for values of beta."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from train.claims import plots
from train.claims.consensus.plan import BETAS

_LOOKS = {
    "ce": plots.BLACK,
    "beta-0": plots.ORANGE,
    "beta-1": plots.YELLOW,
    "consensus": plots.GREEN,
    "beta-10": plots.BLUE,
}


def draw(results: dict[str, Any], path: Path) -> bool:
    """Write the plot as PNG: the mean over the seeds, and the range of the seeds as a band.

    Returns:
        False where no run of figure 4b is among the results; nothing is written then.
    """
    curves = {name: _curves(results, name) for name in BETAS}
    if not curves["beta-0"]:
        return False
    figure = plots.figure(7, 4.3)
    axes = figure.add_subplot()
    for name, beta in BETAS.items():
        samples = [look["samples"] for look in curves[name][0]]
        values = [[look["sparsity"] for look in curve] for curve in curves[name]]
        label = "pixel cross-entropy" if beta is None else f"consensus, beta {beta}"
        plots.band(axes, samples, values, _LOOKS[name], label)
    axes.set_xlabel("crops learned from in fine-tuning")
    axes.set_ylabel("sparsity: |components - true components|, mean")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    seeds = plots.seeds_in_words(len(curves["beta-0"]))
    axes.set_title(f"Sparsity on faces kept aside; {seeds}", fontsize=11)
    plots.save(figure, path)
    return True


def _curves(results: dict[str, Any], variant: str) -> list[list[dict[str, Any]]]:
    return [run["curve"] for run in results["runs"] if run["variant"] == variant]
