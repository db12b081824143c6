"""The plots of all papers in one style: means with the range of the seeds, as PNG files, without a display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Style:
    """How a variant is drawn."""

    colour: str
    line: str
    marker: str


# The colours of Okabe and Ito, which colour-blind people can distinguish; markers and dashes for print without colour.
BLACK = Style("#000000", ":", "x")
ORANGE = Style("#D55E00", "--", "s")
YELLOW = Style("#E69F00", "-.", "^")
GREEN = Style("#009E73", "-", "o")
BLUE = Style("#0072B2", "-", "D")


def figure(width: float, height: float) -> Any:
    """An empty matplotlib figure. Width and height are in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def band(axes: Any, x: Sequence[float], by_seed: Sequence[Sequence[float]], style: Style, label: str) -> None:
    """Draw the mean over the seeds, and their range as a band.

    Args:
        by_seed: for each seed, a value at each x.
    """
    values = np.array(by_seed)
    axes.plot(
        x, values.mean(axis=0), style.line, color=style.colour, marker=style.marker, markersize=5, label=label
    )  # fmt: skip
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=style.colour, alpha=0.12, linewidth=0)


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG, and create its folder."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(path)


def seeds_in_words(count: int) -> str:
    """`mean and range of 3 seeds`."""
    return f"mean and range of {count} seed{'s' if count > 1 else ''}"
