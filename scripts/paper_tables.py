#!/usr/bin/env python
"""Train and evaluate the rows of a table of one of the papers on its published set, and write them as one page.

Run: python scripts/paper_tables.py TABLE --data KIND:FOLDER --output RUNS [--start WEIGHTS] [--set NAME=VALUE ...]

Each row is a recipe of `train/recipes` with a few other settings, in a folder of its own below RUNS. A row that is
finished is kept, and one that was stopped continues. `--set` changes a setting of every row.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from train import recipes
from train.claims.page import markdown
from train.learn.log import Say
from train.measure.evaluate_dataset import evaluate_data
from train.recipes.run import Inputs, run

SINGLE = ("rgb", "depth", "translator")
"""The stages of the second paper in which each network is trained by itself."""
_PIXELS = ("cross_entropy=1", "consensus=0")
_REGULARISED = ("regularised=true",)
_NO_MUTUAL, _NO_END_TO_END = ("mutual_weight=0",), ("end_to_end_weight=0",)


@dataclass(frozen=True)
class Row:
    """One row of a table: a training, or the given weights as they are."""

    name: str
    """The row's folder."""
    title: str
    settings: tuple[str, ...] = ()
    """NAME=VALUE, other than the recipe's."""
    trained: bool = True
    """False: the weights of `--start` are evaluated."""
    started: bool = False
    """Whether it begins with the weights of `--start`."""
    stages: tuple[str, ...] = ()
    """The stages of the recipe that are run; all if none is named."""
    after: str | None = None
    """The row whose single networks a joint training starts from."""
    rgb_of: str | None = None
    """The row whose RGB parser is also this one's: it sees no depth."""


@dataclass(frozen=True)
class Task:
    """What a name on the command line stands for."""

    title: str
    recipe: str
    rows: tuple[Row, ...]
    pictures: int
    """Pictures of the published test set."""
    settings: tuple[str, ...] = ()
    """NAME=VALUE for every row, other than the recipe's."""


def _joint(name: str, title: str, *settings: str, after: str = "alone") -> Row:
    return Row(name, title, settings, stages=("joint",), after=after)


COFW = (
    Row("scratch", "softmax + CE, scratch", _PIXELS),
    Row("transfer", "transfer", trained=False),
    Row("ce", "softmax + CE, transfer + f.t.", _PIXELS, started=True),
    Row("consensus", "structure via consensus, transfer + f.t.", started=True),
    Row("regularised", "structure via consensus, transfer + f.t. + reg.", _REGULARISED, started=True),
)
PART_LABELS = (
    Row("ce", "baseline", _PIXELS, started=True),
    Row("consensus", "structure via consensus", started=True),
    Row("ce-regularised", "baseline + reg.", _PIXELS + _REGULARISED, started=True),
    Row("regularised", "structure via consensus + reg.", _REGULARISED, started=True),
)
ALONE = Row("alone", "each network by itself", stages=SINGLE)
METHOD = (ALONE, _joint("both", "our method"))
ABLATION = (
    ALONE,
    _joint("baseline", "trained on, neither loss", *_NO_MUTUAL, *_NO_END_TO_END),
    _joint("mutual", "+ L_ML", *_NO_END_TO_END),
    _joint("end-to-end", "+ L_E2E", *_NO_MUTUAL),
    _joint("both", "+ L_ML + L_E2E"),
)
_PERCENTS = (10, 1, 100)  # the first one trains the RGB parser
SHARES = tuple(
    row
    for percent in _PERCENTS
    for row in (
        Row(
            f"alone-{percent}", f"each by itself, {percent} % of the depth", (f"depth_share={percent / 100}",),
            stages=SINGLE if percent == _PERCENTS[0] else SINGLE[1:],
            rgb_of=None if percent == _PERCENTS[0] else f"alone-{_PERCENTS[0]}",
        ),
        _joint(
            f"both-{percent}", f"our method, {percent} % of the depth", f"depth_share={percent / 100}",
            after=f"alone-{percent}",
        ),
    )
)  # fmt: skip
_FIRST, _SECOND = "Structure via Consensus", "Cross-Domain Mutual Learning"
TABLES = {
    "cofw": Task(f"{_FIRST}, table 1", "cofw", COFW, 507),
    "part-labels": Task(f"{_FIRST}, tables 2, 3 and 4", "part-labels", PART_LABELS, 927),
    "celebamask-hq-d": Task(f"{_SECOND}, tables 2, 3 and 4", "celebamask-hq-d", METHOD, 2_821),
    "ablation": Task(f"{_SECOND}, table 7", "celebamask-hq-d", ABLATION, 2_821),
    "shares": Task(f"{_SECOND}, figure 7", "celebamask-hq-d", SHARES, 2_821, ("network=bisenet",)),
    "lapa-d": Task(f"{_SECOND}, table 5", "lapa-d", METHOD, 1_915),
    "helen-d": Task(f"{_SECOND}, table 6", "helen-d", METHOD, 95),
}


def make(
    task: Task, data: str, output: Path, start: Path | None = None, settings: Iterable[str] = (), say: Say = print
) -> Path:
    """Train and evaluate the rows that are missing, and write `table.md`. Returns the page.

    Args:
        data: KIND:FOLDER.
        start: weights of the transfer (the first paper's tables).
        settings: NAME=VALUE, for every row.
    """
    settings = (*task.settings, *settings)
    results = {}
    for row in task.rows:
        scores = output / row.name / "scores.json"
        if not scores.is_file():
            say(f"{row.title}:")
            weights = _train(row, task.recipe, data, output, start, settings, say)
            rows = [one for each in weights for one in _evaluated(each, weights, data)]
            scores.parent.mkdir(parents=True, exist_ok=True)
            scores.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        results[row.title] = json.loads(scores.read_text(encoding="utf-8"))
    path = output / "table.md"
    path.write_text(page(task, data.partition(":")[0], results, settings), encoding="utf-8")
    return path


def page(task: Task, kind: str, results: Mapping[str, list[dict[str, Any]]], settings: tuple[str, ...]) -> str:
    """The tables as Markdown, one for each kind of comparison; the columns are those of `unveil evaluate --json`."""
    counts = sorted({one["pictures"] for rows in results.values() for one in rows})
    tested = " and ".join(f"{count:,}" for count in counts)
    changed = f" Other than in the recipe: {', '.join(settings)}." if settings else ""
    parts = [
        f"# {task.title}, on {kind}\n\nRecipe `{task.recipe}`; {tested} test pictures (the paper's set: "
        f"{task.pictures:,}).{changed}"
    ]
    by_title: dict[str, dict[str, dict[str, Any]]] = {}
    for row_title, rows in results.items():
        for one in rows:
            by_title.setdefault(one["compared"], {})[row_title] = one["scores"]
    for title, scores in by_title.items():
        columns = list(dict.fromkeys(column for values in scores.values() for column in values))
        lines = [
            [name, *("-" if values.get(column) is None else str(values[column]) for column in columns)]
            for name, values in scores.items()
        ]
        parts.append(f"## {title}\n\n{markdown(['', *columns], lines)}")
    return "\n\n".join(parts) + "\n"


def _train(
    row: Row, recipe: str, data: str, output: Path, start: Path | None, settings: tuple[str, ...], say: Say
) -> list[Path]:
    """The weights of a row, after its training."""
    if not row.trained:
        return [] if start is None else [start]
    folder, others = output / row.name, [*row.settings]
    if row.rgb_of:
        shutil.copytree(output / row.rgb_of / "rgb", folder / "rgb", dirs_exist_ok=True)
    if row.after:
        others.append(f"pretrained={output / row.after}")
    chosen = recipes.read(recipe).only(row.stages).with_settings([*settings, *others])
    run(chosen, Inputs(folder, data=data, start=start if row.started else None), say)
    if not row.stages:
        return [folder / "weights.safetensors"]
    return [folder / ("joint" if row.after else role) / f"{role}.safetensors" for role in SINGLE]


def _evaluated(weights: Path, others: list[Path], data: str) -> Iterator[dict[str, Any]]:
    """The scores of one network on the test set, by what is compared."""
    translator = next((str(other) for other in others if other.stem == "translator"), None)
    sees_depth = weights.stem == "depth"
    result = evaluate_data(str(weights), data, translator=translator if sees_depth else None)
    for one in result["rows"]:
        for name, compared, scores in _columns(one):
            yield {"compared": f"{name}, {compared}", "pictures": result["pictures"], "scores": scores}


def _columns(row: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What `unveil evaluate --json` holds of one network: (name, what was compared, columns)."""
    if "l1" in row:
        yield "depth from colour", "L1", {key: row[key] for key in ("l1", "l1_mm")}
        return
    if "f1" in row:
        yield f"parts from {row['sees']}", "F1", row["f1"] | {"mean": row["mean_f1"]}
        if "merged" in row:
            yield f"parts from {row['sees']}", "F1 of merged classes", row["merged"]
        return
    if "face" in row:
        yield "face against all else", row["measured"], row["face"] | {"fps": row["fps"]}
    yield "by class", row["measured"], row["classes"]


def main() -> None:
    """Parse, train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--data", required=True, metavar="KIND:FOLDER")
    parser.add_argument("--output", required=True, type=Path, help="folder of the runs and of table.md")
    parser.add_argument("--start", type=Path, help="weights of the transfer (cofw, part-labels)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of every row")
    chosen = parser.parse_args()
    task = TABLES[chosen.table]
    if any(row.started for row in task.rows) != (chosen.start is not None):
        needed = "needs" if chosen.start is None else "takes no"
        parser.error(f"{chosen.table} {needed} --start")
    print(f"table: {make(task, chosen.data, chosen.output, chosen.start, chosen.set)}")


if __name__ == "__main__":
    main()
