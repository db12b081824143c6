"""The training loop. It resumes after a kill at any moment, with the samples in the same order.

Two processes: `torchrun --nproc-per-node 2 -m cli train ...` (see train/learn/distributed.py for what they share).
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.spec import ModelSpec
from train import models
from train.datasets import open_data
from train.learn.batches import batches
from train.learn.config import TrainConfig
from train.learn.distributed import Ranks, joined, without_averaging
from train.learn.log import Log, Say
from train.learn.state import State, precision
from train.learn.validation import open_held
from train.losses.consensus import ConsensusLoss, blob_balanced_cross_entropy
from train.models.preprocess import normalise

_LONGEST_GRADIENT = 5.0


@dataclass(frozen=True)
class Job:
    """What does not change during a run."""

    config: TrainConfig
    spec: ModelSpec
    ranks: Ranks


def train(config: TrainConfig, say: Say = print) -> dict[str, Any]:
    """Run a training to its end, from where an earlier run of the same folder stopped.

    Under torchrun all processes call it; the first one evaluates, logs and writes.

    Returns:
        The last evaluation on the held-aside set; of other processes than the first, an empty one.

    Raises:
        DataError: data are missing, or the folder holds another run's state.
        UsageError: the batch cannot be shared among the processes.
    """
    cv2.setNumThreads(0)  # a loader process forked beside OpenCV's own threads would wait for them forever
    with joined() as ranks:
        return _train(Job(config, spec_of(config), ranks), say if ranks.first else _silent)


def _train(job: Job, say: Say) -> dict[str, Any]:
    config, spec, ranks = job.config, job.spec, job.ranks
    state = State.fresh(config, spec, ranks.device, say)
    state.resume(config, ranks, say)
    network = ranks.wrap(state.network)
    look = open_held(config, spec) if ranks.first else None
    steps = batches(config, spec, ranks, state.step)
    log = Log(config, say) if ranks.first else None
    result: dict[str, Any] = {}
    saved_at = time.monotonic()
    for step_batches in steps:
        if state.schedule.finished:
            break
        terms = train_step(job, network, state, step_batches)
        state.move_average(config.average_decay)
        if log:
            log.step(state.step, terms, state.schedule.rate(state.step))
        state.step += 1
        last = state.step == config.steps
        if last or state.step % max(1, config.evaluate_every // config.step_samples) == 0:
            if look and log:
                result = look(state.average)
                log.evaluation(state.step, result)
            state.schedule.look(ranks.from_first(result.get("mean_recall", 0.0)))
        due = time.monotonic() - saved_at > 60 * config.checkpoint_minutes
        if ranks.first and (due or last or state.schedule.finished):
            state.save(config, spec)
            saved_at = time.monotonic()
    return result or (look(state.average) if look else {})


def train_step(job: Job, network: nn.Module, state: State, step_batches: list[list[Tensor]]) -> dict[str, float]:
    """One optimiser step over the batches whose gradients make it. Returns the named loss terms, their mean."""
    # Dropout draws from a seed of this step and process, so that a resumed run needs no random state.
    torch.manual_seed(((job.config.seed + 1) << 40) + (state.step << 12) + job.ranks.rank)
    for group in state.optimizer.param_groups:
        group["lr"] = state.schedule.rate(state.step)
    network.train()
    state.optimizer.zero_grad(set_to_none=True)
    means: dict[str, float] = {}
    for number, batch in enumerate(step_batches, 1):
        with nullcontext() if number == len(step_batches) else without_averaging(network):
            terms = _forward(job, network, batch)
            state.scaler.scale(terms["total"] / len(step_batches)).backward()
        for name, value in terms.items():
            means[name] = means.get(name, 0.0) + float(value.detach()) / len(step_batches)
    state.scaler.unscale_(state.optimizer)
    nn.utils.clip_grad_norm_(network.parameters(), _LONGEST_GRADIENT)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    return means


def _forward(job: Job, network: nn.Module, batch: list[Tensor]) -> dict[str, Tensor]:
    crops, labels, blobs = (part.to(job.ranks.device) for part in batch)
    dtype = precision(job.config, job.ranks.device)
    with torch.autocast(crops.device.type, dtype, enabled=dtype != torch.float32):
        logits = network(normalise(crops, job.spec))
    labels = labels.long()
    return loss_terms(job.config, logits.float(), labels, labels if job.config.blobs == "class" else blobs.long())


def loss_terms(config: TrainConfig, logits: Tensor, labels: Tensor, blobs: Tensor) -> dict[str, Tensor]:
    """The named terms of the configured loss, and `total`."""
    terms: dict[str, Tensor] = {"total": logits.new_zeros(())}
    if config.cross_entropy:
        terms["cross_entropy"] = F.cross_entropy(logits, labels)
        terms["total"] = terms["total"] + config.cross_entropy * terms["cross_entropy"]
    if config.balanced:
        terms["balanced"] = blob_balanced_cross_entropy(logits, labels, blobs)
        terms["total"] = terms["total"] + config.balanced * terms["balanced"]
    if config.consensus:
        consensus = ConsensusLoss(config.alpha, config.beta)(logits, labels, blobs)
        terms |= {"label": consensus["label"], "deviation": consensus["deviation"]}
        terms["total"] = terms["total"] + config.consensus * consensus["total"]
    return terms


def spec_of(config: TrainConfig) -> ModelSpec:
    """The model's spec, with the crops' size and the labels of the data set that is trained on."""
    spec = models.spec(config.model)
    spec = replace(spec, size_px=config.size_px or spec.size_px)
    return replace(spec, labels=open_data(config.data, config.split).labels) if config.data else spec


def _silent(_: str) -> None:
    """What other processes than the first say."""
