"""The sections that the results pages of all papers share: tables, findings, seeds and machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from train.claims.findings import Column, Finding, Results, Spread, difference, figures, signed

SMALL = "**A small run, to see that it works: tiny budgets, so that the figures mean nothing.**\n\n"


def write(results: Results, text: str, folder: Path, *, page: str, raw: str) -> Path:
    """Write a page, and the raw results as JSON, below a folder. Returns the page."""
    (folder / raw).parent.mkdir(parents=True, exist_ok=True)
    (folder / raw).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / page).write_text(text, encoding="utf-8")
    return folder / page


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def table(results: Results, rows: Iterable[tuple[str, str]], columns: Mapping[str, Column]) -> str:
    """A row for each (variant, title), with the mean and spread of each column; `-` if there is no figure."""
    heads = ["", *(column.title for column in columns.values())]
    return markdown(heads, [[title, *cells(results, name, columns)] for name, title in rows])


def cells(results: Results, variant: str, columns: Mapping[str, Column]) -> list[str]:
    """`84.1 ± 0.3` for each column of a variant."""
    values = {name: tuple(figures(results, variant, name)) for name in columns}
    return [Spread(seeds).text(columns[name].digits) if seeds else "-" for name, seeds in values.items()]


def differences(
    results: Results,
    rows: Iterable[tuple[str, str]],
    baselines: Mapping[str, Callable[[str], str]],
    columns: Mapping[str, Column],
) -> str:
    """A table of differences: each variant less each of its baselines, in each column; `-` if there is no figure.

    Args:
        rows: (variant, title).
        baselines: title -> the baseline of a variant.
    """
    heads = ["", *(f"{column.title} minus {name}" for column in columns.values() for name in baselines)]
    lines = [
        [
            row,
            *(
                _less(results, variant, of(variant), key, column)
                for key, column in columns.items()
                for of in baselines.values()
            ),
        ]
        for variant, row in rows
    ]
    return markdown(heads, lines)


def _less(results: Results, ours: str, other: str, key: str, column: Column) -> str:
    values, baseline = figures(results, ours, key), figures(results, other, key)
    return signed(difference(values, baseline), column.digits) if values and baseline else "-"


def title(name: str, results: Results, found_summary: str, raw: str, holds: str) -> str:
    """The heading of a page and its summary.

    Args:
        raw: the file of the raw results, relative to the page's folder.
        holds: what the file contains.
    """
    return (
        f"# {name}: its claims on our data\n\n{SMALL if results['plan']['small'] else ''}"
        f"Written by `unveil reproduce` from its own runs, whichever way they fall; {holds}: "
        f"[{raw}]({raw}).\n\n{found_summary}"
    )


def reading(results: Results, found: list[Finding], more: Iterable[str] = ()) -> str:
    """The section that states for each claim whether it holds.

    Args:
        more: sentences about other claims than differences.
    """
    seeds = results["plan"]["seeds"]
    chance = f" With {seeds} seeds, {200 / 2**seeds:.0f} % of differences without a cause agree in sign, and a small "
    lines = "\n".join(f"- {text}" for text in [*(finding.text for finding in found), *more])
    return (
        "## Honest reading\nComputed from the numbers: a difference counts where all seeds agree on its sign and its "
        "mean is larger than its standard deviation over the seeds. Rows of one seed share their start and their "
        "crops, so differences are taken seed by seed. *Not at this budget*: runs of this size could not be "
        "expected to show the claim, for the reason at the end of the line (the training is far shorter than the "
        "paper's, the difference was still moving the claimed way, or the paper's difference is smaller than the "
        "spread). Such a line is no evidence against the paper."
        f"{chance + 'true one can be missed.' if seeds > 1 else ''}\n\n{lines}"
    )


def where_and_how_long(results: Results) -> str:
    """Seeds, minutes and machine, as one line of a list."""
    minutes, machine = sum(run["seconds"] for run in results["runs"]) / 60, results["machine"]
    return (
        f"- **Seeds**: {results['plan']['seeds']}. {minutes:.0f} minutes of training and evaluation on "
        f"{machine['cpu']}, {machine['cores']} core{'s' if machine['cores'] > 1 else ''}, torch {machine['torch']}."
    )


def of_seeds(results: Results) -> str:
    """The words after "mean" in a caption."""
    seeds = results["plan"]["seeds"]
    return f" ± standard deviation over {seeds} seeds" if seeds > 1 else " of one seed"
