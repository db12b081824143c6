"""One short training: the product's own step and loss, on samples in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from engines.spec import ModelSpec
from train.claims.job import prefetched
from train.learn.batches import Supply
from train.learn.checkpoint import save_weights
from train.learn.config import TrainConfig
from train.learn.consensus import ROLE, ConsensusTraining
from train.learn.distributed import Ranks
from train.learn.loop import silent, train_step
from train.learn.state import State

Row = dict[str, Any]
Evaluate = Callable[[nn.Module], Row]
"""A network -> its scores on the held-out faces."""
OnEvaluation = Callable[[int, Row], None]
"""Receives the number of samples so far and the scores, after each evaluation."""


@dataclass(frozen=True)
class Outcome:
    """A finished training."""

    network: nn.Module
    curve: list[Row]
    """The scores at each evaluation, with the number of `samples`; the last one is at the end."""
    seconds: float


def run(
    config: TrainConfig, spec: ModelSpec, supply: Supply, evaluate: Evaluate, on_evaluation: OnEvaluation
) -> Outcome:
    """Train as configured. The weights are those of the last step, not an average.

    Raises:
        DataError: the starting weights do not fit.
    """
    cv2.setNumThreads(0)
    ranks = Ranks(0, 1, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    training = ConsensusTraining(config, spec, ranks)
    state = State(config, ranks, training.learners(silent))
    network = state.network(ROLE)
    every, started = max(1, config.evaluate_every // config.step_samples), time.monotonic()
    curve = [{"samples": 0} | evaluate(network)]
    for batch in prefetched(_batches(supply, config)):
        train_step(training, state, [batch])
        state.advance()
        if state.step == config.steps or state.step % every == 0:
            samples = state.step * config.step_samples
            curve.append({"samples": samples} | evaluate(network))
            on_evaluation(samples, curve[-1])
    return Outcome(network, curve, time.monotonic() - started)


def save(path: Path, outcome: Outcome, config: TrainConfig, spec: ModelSpec) -> None:
    """Write the weights, as `unveil train` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(
        path,
        outcome.network.state_dict(),
        {"model": config.model, "width": config.width, "regularised": config.regularised,
         "labels": list(spec.labels), "samples": config.samples, "config": config.settings()},
    )  # fmt: skip


def _batches(supply: Supply, config: TrainConfig) -> Iterator[list[Tensor]]:
    """The batches of a run."""
    for start in range(0, config.steps * config.batch_size, config.batch_size):
        samples = [supply[index] for index in range(start, start + config.batch_size)]
        parts = ([s.rgb for s in samples], [s.labels for s in samples], [s.blobs for s in samples])
        yield [torch.from_numpy(np.stack(part)) for part in parts]
