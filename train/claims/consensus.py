"""The job of `unveil reproduce` for Structure via Consensus: run what is missing, then write results, plot and page."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engines import machine
from train import models
from train.claims.consensus_data import Data
from train.claims.consensus_page import PLOT, RESULTS, page
from train.claims.consensus_plan import TRANSFER, Plan, Variant, run_name
from train.claims.consensus_plot import draw
from train.claims.journal import Journal
from train.claims.runs import Row, run, save
from train.log import Say

PAGE = "results_consensus.md"


def reproduce(
    labels: Path, occluders: Path, output: Path, plan: Plan, *, docs: Path | None = None, say: Say = print
) -> Path:
    """Run the plan; runs that an earlier call of the same output finished are kept.

    Args:
        output: holds a JSON file and the weights of each run.
        docs: where the page, its plot and the raw results are written; None for `output`.

    Returns:
        The page.

    Raises:
        DataError: data are missing, or the output holds another plan's runs.
    """
    data = Data(labels, occluders, replace(models.spec("consensus"), size_px=plan.size_px))
    identity = data.identity()
    job = Job(plan, data, Journal(output), say)
    shared = {key: value for key, value in plan.to_json().items() if key != "seeds"}  # more of them may be added later
    job.journal.claim({"plan": shared, "data": identity})
    runs = job.all_runs()
    about = machine.host() | {"cores": machine.physical_cores(), "torch": version("torch")}
    return write({"plan": plan.to_json(), "data": identity, "machine": about, "runs": runs}, docs or output)


def write(results: dict[str, Any], folder: Path) -> Path:
    """Write raw results, plot and page below a folder. Returns the page."""
    path = folder / RESULTS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    draw(results, folder / PLOT)
    (folder / PAGE).write_text(page(results), encoding="utf-8")
    return folder / PAGE


@dataclass
class Job:
    """Goes through a plan's runs, and tells how long the rest will take."""

    plan: Plan
    data: Data
    journal: Journal
    say: Say
    _learned: int = 0
    _started: float = field(default_factory=time.monotonic)

    def all_runs(self) -> list[Row]:
        """The record of every run, in the plan's order."""
        runs = {run_name(variant, seed): (variant, seed) for variant, seed in self.plan.runs()}
        records = {name: record for name in runs if (record := self.journal.read(name))}
        todo = {name: run for name, run in runs.items() if name not in records}
        self.say(f"{len(todo)} runs to do, {len(records)} done before")
        left = sum(self.plan.samples(variant) for variant, _ in todo.values())
        for number, (name, (variant, seed)) in enumerate(todo.items(), 1):
            records[name] = self._run(variant, seed, f"run {number} of {len(todo)}: {variant.title}, seed {seed}", left)
            self.journal.write(name, records[name])
            left -= self.plan.samples(variant)
            self._learned += self.plan.samples(variant)
        return [records[name] for name in runs]

    def _run(self, variant: Variant, seed: int, title: str, left: int) -> Row:
        start = self.journal.weights(f"{TRANSFER}-seed{seed}")
        config = self.plan.config(variant, seed, self.data.labels, self.data.occluders, start)
        supply = self.data.transfer(config) if variant.name == TRANSFER else self.data.few(config)

        def seen(samples: int, row: Row) -> None:
            speed = (self._learned + samples) / (time.monotonic() - self._started)
            figures = f"IoU face {row['iou_face']}, sparsity {row['sparsity']}"
            minutes = (left - samples) / speed / 60
            self.say(f"{title}: {samples}/{config.samples} crops, {figures}; {minutes:.0f} min left")

        outcome = run(config, self.data.spec, supply, self.data.look, seen)
        save(self.journal.weights(run_name(variant, seed)), outcome, config, self.data.spec)
        metrics = {key: value for key, value in outcome.curve[-1].items() if key != "samples"}
        return {
            "variant": variant.name, "seed": seed, "seconds": round(outcome.seconds, 1),
            "config": config.settings(), "metrics": metrics, "curve": outcome.curve,
        }  # fmt: skip
