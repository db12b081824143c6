"""One run: the product's own steps for the three networks, on faces in memory."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any

import cv2
import torch
from torch import nn

from engines.spec import PART_LABELS
from train.claims.job import Tell, prefetched
from train.claims.journal import Journal, Record
from train.claims.mutual.data import Data
from train.claims.mutual.plan import Plan, Variant, run_name
from train.learn.distributed import Ranks
from train.learn.loop import silent, train_step, write_weights
from train.learn.state import State
from train.mutual.config import MutualConfig, Run, Stage
from train.mutual.training import MutualTraining

_REPORT_EVERY = 1_600  # crops
COST = {"rgb": 1.0, "depth": 1.0, "translator": 2.1, "joint": 4.0}
"""Cost of one crop in each stage, measured on one core. The remaining time is estimated from it."""


def run(plan: Plan, data: Data, journal: Journal, variant: Variant, seed: int, tell: Tell) -> Record:
    """Train the stages of a variant and evaluate its networks. The weights are stored next to the record."""
    cv2.setNumThreads(0)
    started, output = time.monotonic(), journal.folder_of(run_name(variant, seed))
    start = next((journal.folder_of(run_name(needed, seed)) for needed in variant.needs), None)
    config = plan.config(variant, seed, data.folder, output, start)
    trained = _train_stages(plan, data, variant, config, tell)
    if start and "joint" not in variant.stages:
        # The joint trainings with this share of the depth start from it.
        shutil.copytree(start / "rgb", output / "rgb", dirs_exist_ok=True)
    measured = metrics(data.validation(trained))
    return {
        "variant": variant.name, "seed": seed, "seconds": round(time.monotonic() - started, 1),
        "config": {stage: config.settings(stage) for stage in variant.stages}, "metrics": measured,
    }  # fmt: skip


def metrics(evaluation: dict[str, Any]) -> dict[str, float | None]:
    """An evaluation as one flat row: `rgb`, `depth`, `generated` (mean F1), `rgb nose` ..., `l1` and `l1_mm`."""
    scores = next(value for value in evaluation.values() if isinstance(value, dict))
    row: dict[str, float | None] = {}
    for role in ("rgb", "depth"):
        if role in scores:
            row[role] = scores[role]["mean_f1"]
            row |= {f"{role} {part}": scores[role]["f1"].get(part) for part in PART_LABELS[1:]}
    if "generated" in scores:
        row["generated"] = scores["generated"]["mean_f1"]
    return row | scores.get("translator", {})


def cost(plan: Plan, variant: Variant) -> float:
    """The cost of a run, in units of `COST`."""
    return sum(COST[stage] * plan.samples_of(stage) for stage in variant.stages)


def _train_stages(plan: Plan, data: Data, variant: Variant, config: MutualConfig, tell: Tell) -> dict[str, nn.Module]:
    """Train all stages of a variant, and write their weights. Returns the networks by role."""
    trained: dict[str, nn.Module] = {}
    spent = 0.0
    for stage in variant.stages:

        def report(samples: int, text: str, stage: Stage = stage, before: float = spent) -> None:
            tell(before + COST[stage] * samples, f"{stage} {samples}/{plan.samples_of(stage)} crops, {text}")

        trained |= _train_stage(Run(config, stage), data, report)
        spent += COST[stage] * plan.samples_of(stage)
    return trained


def _train_stage(run: Run, data: Data, report: Callable[[int, str], None]) -> dict[str, nn.Module]:
    """Train one stage, and write its weights. Returns the networks by role."""
    ranks = Ranks(0, 1, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    training = MutualTraining(run, data.spec, ranks, data.supply(run.config))
    state = State(run, ranks, training.learners(silent))
    every = max(1, _REPORT_EVERY // run.batch_size)
    for batch in prefetched(training.batches(0)):
        terms = train_step(training, state, batch)
        state.advance()
        if state.step % every == 0 or state.step == run.steps:
            report(state.step * run.batch_size, f"loss {terms['total']:.2f}")
    run.output.mkdir(parents=True, exist_ok=True)
    write_weights(training, state)
    return state.averages
