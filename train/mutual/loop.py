"""The mutual training, stage by stage. Each resumes after a kill at any moment, with the samples in the same order.

Two processes: `torchrun --nproc-per-node 2 -m cli train-parts ...`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import torch
from torch import Tensor

from engines.spec import ModelSpec
from train import models
from train.learn.distributed import Ranks, joined
from train.learn.log import Log, Say
from train.mutual.batches import Batch, batches
from train.mutual.config import PARSERS, STAGES, MutualConfig, Run, Stage
from train.mutual.faces import load_faces
from train.mutual.joint import joint_step
from train.mutual.learner import Learners
from train.mutual.samples import PartsSupply
from train.mutual.single import depth_step, rgb_step, translator_step
from train.mutual.validation import Look
from train.occluders.kinds import Occluders

Step = Callable[[Learners, Batch], dict[str, Tensor]]
STEPS: dict[Stage, Step] = {
    "rgb": rgb_step,
    "depth": depth_step,
    "translator": translator_step,
    "joint": joint_step,
}


@dataclass(frozen=True)
class Material:
    """What all stages share."""

    spec: ModelSpec
    supply: PartsSupply
    look: Look | None
    """Of the first process."""


def train_parts(config: MutualConfig, stages: Sequence[Stage] = STAGES, say: Say = print) -> dict[Stage, Any]:
    """Run stages to their ends, each from where an earlier run of the same folder stopped.

    Under torchrun all processes call it; the first one evaluates, logs and writes.

    Returns:
        For each stage its last look at the held-aside faces; of other processes than the first, empty ones.

    Raises:
        DataError: data or the weights of an earlier stage are missing, or a folder holds another run's state.
        UsageError: a batch cannot be shared among the processes.
    """
    cv2.setNumThreads(0)  # a loader process forked beside OpenCV's own threads would wait for them forever
    with joined() as ranks:
        material = _material(config, ranks)
        return {stage: _train(Run(config, stage), material, ranks, say if ranks.first else _silent) for stage in stages}


def _train(run: Run, material: Material, ranks: Ranks, say: Say) -> dict[str, Any]:
    learners = Learners.fresh(run, material.spec, ranks, say)
    learners.resume(say)
    log = Log(run, say) if ranks.first else None
    result: dict[str, Any] = {}
    saved_at = time.monotonic()
    for batch in batches(run, material.supply, material.spec, ranks, learners.step):
        terms = train_step(learners, batch)
        learners.move_averages()
        if log:
            log.step(
                learners.step, {name: float(term.detach()) for name, term in terms.items()}, learners.rate(_main(run))
            )
        learners.step += 1
        last = learners.step == run.steps
        if log and material.look and (last or learners.step % max(1, run.config.evaluate_every // run.batch) == 0):
            result = look_at(learners, material.look)
            log.evaluation(learners.step, result)
        due = time.monotonic() - saved_at > 60 * run.config.checkpoint_minutes
        if ranks.first and (due or last):
            learners.save(material.spec)
            saved_at = time.monotonic()
    ranks.from_first(float(learners.step))  # the next stage reads what the first process has written
    return result or (look_at(learners, material.look) if material.look else {})


def train_step(learners: Learners, batch: Batch) -> dict[str, Tensor]:
    """One step of a stage. Dropout draws from a seed of this step and process, so that a resumed run needs no random
    state. Returns the named terms of the loss."""
    seed = learners.run.config.seed
    torch.manual_seed(((seed + 1) << 40) + (learners.step << 12) + learners.ranks.rank)
    for learner in learners.by_role.values():
        learner.network.train()
    return STEPS[learners.run.stage](learners, batch)


def look_at(learners: Learners, look: Look) -> dict[str, Any]:
    """Measure the averages."""
    return look({role: learner.average for role, learner in learners.by_role.items()})


def spec_of(config: MutualConfig) -> ModelSpec:
    """What the networks of a run see, with the crops' size."""
    spec = models.spec(PARSERS[config.network][0])
    return replace(spec, size_px=config.size_px or spec.size_px)


def _material(config: MutualConfig, ranks: Ranks) -> Material:
    spec = spec_of(config)
    occluders = Occluders(config.occluders, "train") if config.occluders else None
    supply = PartsSupply(
        load_faces(config.folders, "train", spec, leave_out=config.leave_out or ()), occluders, spec, config
    )
    look = Look(load_faces(config.folders, "held", spec), spec, config.looked_at) if ranks.first else None
    return Material(spec, supply, look)


def _main(run: Run) -> str:
    """The role whose learning rate is logged."""
    return run.stage if run.stage != "joint" else "rgb"


def _silent(_: str) -> None:
    """What other processes than the first say."""
