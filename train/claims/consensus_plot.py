"""Figure 4b: sparsity over fine-tuning, for values of beta."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from train.claims.consensus_plan import BETAS

# Okabe and Ito's colours, which colour-blind eyes tell apart; markers and dashes for print without colour.
_LOOKS = {
    "ce": ("#000000", ":", "x"),
    "beta-0": ("#D55E00", "--", "s"),
    "beta-1": ("#E69F00", "-.", "^"),
    "consensus": ("#009E73", "-", "o"),
    "beta-10": ("#0072B2", "-", "D"),
}


def draw(results: dict[str, Any], path: Path) -> bool:
    """Write the plot as PNG: the mean over the seeds, and the range of the seeds as a band.

    Returns:
        False where no run of figure 4b is among the results; nothing is written then.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = {name: _curves(results, name) for name in BETAS}
    if not curves["beta-0"]:
        return False
    figure = Figure(figsize=(7, 4.3), layout="constrained")
    axes = figure.add_subplot()
    for name, beta in BETAS.items():
        samples = [look["samples"] for look in curves[name][0]]
        values = np.array([[look["sparsity"] for look in curve] for curve in curves[name]])
        colour, line, marker = _LOOKS[name]
        label = "pixel cross-entropy" if beta is None else f"consensus, beta {beta}"
        axes.plot(samples, values.mean(axis=0), line, color=colour, marker=marker, markersize=5, label=label)
        axes.fill_between(samples, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.12, linewidth=0)
    axes.set_xlabel("crops learned from in fine-tuning")
    axes.set_ylabel("sparsity: |components - true components|, mean")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    seeds = len(curves["beta-0"])
    axes.set_title(
        f"Sparsity on faces kept aside; mean and range of {seeds} seed{'s' if seeds > 1 else ''}", fontsize=11
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(path)
    return True


def _curves(results: dict[str, Any], variant: str) -> list[list[dict[str, Any]]]:
    return [run["curve"] for run in results["runs"] if run["variant"] == variant]
