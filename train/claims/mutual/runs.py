"""One run of a claim: the product's own steps of the three networks, on faces that are kept in memory."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any

import cv2
import torch
from torch import nn

from engines.spec import PART_LABELS
from train.claims.job import Tell, ahead
from train.claims.journal import Journal, Record
from train.claims.mutual.data import Data
from train.claims.mutual.plan import Plan, Variant, run_name
from train.learn.distributed import Ranks
from train.learn.loop import silent, train_step, write_weights
from train.learn.state import State
from train.mutual.config import MutualConfig, Run, Stage
from train.mutual.training import MutualTraining

_TOLD_EVERY = 1_600  # crops
COST = {"rgb": 1.0, "depth": 1.0, "translator": 2.1, "joint": 4.0}
"""Of a crop in each stage, measured on one core: the time left is told from it."""


def run(plan: Plan, data: Data, journal: Journal, variant: Variant, seed: int, tell: Tell) -> Record:
    """Train a variant's stages and measure its networks. Its weights lie beside its record."""
    cv2.setNumThreads(0)
    started, output = time.monotonic(), journal.folder_of(run_name(variant, seed))
    start = next((journal.folder_of(run_name(needed, seed)) for needed in variant.needs), None)
    config = plan.config(variant, seed, data.folder, output, start)
    trained = _networks(plan, data, variant, config, tell)
    if start and "joint" not in variant.stages:
        shutil.copytree(start / "rgb", output / "rgb", dirs_exist_ok=True)  # for the joint trainings of this share
    measured = metrics(data.look(trained))
    return {
        "variant": variant.name, "seed": seed, "seconds": round(time.monotonic() - started, 1),
        "config": {stage: config.settings(stage) for stage in variant.stages}, "metrics": measured,
    }  # fmt: skip


def metrics(held: dict[str, Any]) -> dict[str, float | None]:
    """A look at the faces kept aside, as one flat row: `rgb`, `depth` (mean F1), `rgb nose` ..., `l1` and `l1_mm`."""
    of_kind = next(value for value in held.values() if isinstance(value, dict))
    row: dict[str, float | None] = {}
    for role in ("rgb", "depth"):
        if role in of_kind:
            row[role] = of_kind[role]["mean_f1"]
            row |= {f"{role} {part}": of_kind[role]["f1"].get(part) for part in PART_LABELS[1:]}
    return row | of_kind.get("translator", {})


def cost(plan: Plan, variant: Variant) -> float:
    """What a run takes, in units of `COST`."""
    return sum(COST[stage] * plan.samples_of(stage) for stage in variant.stages)


def _networks(plan: Plan, data: Data, variant: Variant, config: MutualConfig, tell: Tell) -> dict[str, nn.Module]:
    """Train the stages of a variant, and write their weights. Returns the networks by role."""
    trained: dict[str, nn.Module] = {}
    spent = 0.0
    for stage in variant.stages:

        def seen(samples: int, text: str, stage: Stage = stage, before: float = spent) -> None:
            tell(before + COST[stage] * samples, f"{stage} {samples}/{plan.samples_of(stage)} crops, {text}")

        trained |= _learn(Run(config, stage), data, seen)
        spent += COST[stage] * plan.samples_of(stage)
    return trained


def _learn(run: Run, data: Data, seen: Callable[[int, str], None]) -> dict[str, nn.Module]:
    """Train one stage, and write its weights. Returns the networks by role."""
    ranks = Ranks(0, 1, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    training = MutualTraining(run, data.spec, ranks, data.supply(run.config))
    state = State(run, ranks, training.learners(silent))
    every = max(1, _TOLD_EVERY // run.batch_size)
    for batch in ahead(training.batches(0)):
        terms = train_step(training, state, batch)
        state.advance()
        if state.step % every == 0 or state.step == run.steps:
            seen(state.step * run.batch_size, f"loss {terms['total']:.2f}")
    run.output.mkdir(parents=True, exist_ok=True)
    write_weights(training, state)
    return state.averages
