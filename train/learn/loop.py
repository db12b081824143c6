"""The training loop. It resumes after a kill at any moment, with the samples in the same order.

A training supplies its networks, batches, steps and evaluation (`Training`). There are two:
`train.learn.consensus` and `train.mutual.training`. Several processes: see `train.learn.distributed`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from train.learn.checkpoint import save_weights
from train.learn.distributed import Ranks
from train.learn.interruption import TrainingStopped, stop_on_signals
from train.learn.learner import Learner
from train.learn.log import Log, Say
from train.learn.state import Run, State

BatchT = TypeVar("BatchT")
Progress = Callable[[int, int], None]
"""Receives the crops that are done and the crops in all."""


class Training(Protocol[BatchT]):
    """What the loop asks of a training."""

    @property
    def run(self) -> Run:
        """Its settings."""

    @property
    def ranks(self) -> Ranks:
        """The processes that share it."""

    @property
    def title(self) -> str:
        """Prefix of its messages; empty where there is only one stage."""

    @property
    def main_role(self) -> str:
        """The network whose learning rate is logged."""

    def learners(self, say: Say) -> dict[str, Learner]:
        """Its networks before the first step, by role."""

    def batches(self, first_step: int) -> Iterator[BatchT]:
        """This rank's batch of each step from `first_step` on."""

    def step(self, state: State, batch: BatchT) -> Mapping[str, Tensor]:
        """One step of its networks. Returns the named terms of the loss, and their weighted sum as `total`."""

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, Any]:
        """JSON-ready metrics on the validation set; `mean_recall` in percent is the score of a plateau schedule."""

    def weights(self, role: str, state: State) -> tuple[str, dict[str, Any]]:
        """The file name of a network's weights, and their description."""


def run_training(training: Training[BatchT], say: Say, progress: Progress = lambda done, total: None) -> dict[str, Any]:
    """Run a training to its end, from where an earlier run of the same folder stopped.

    Returns:
        The last evaluation on the validation set; of other processes than the first, an empty one.

    Raises:
        DataError: data are missing, or the folder holds another run's state.
        TrainingStopped: Ctrl-C or SIGTERM; the state is saved.
    """
    run, ranks = training.run, training.ranks
    state = State(run, ranks, training.learners(say))
    state.resume(say, training.title)
    log = Log(run, say) if ranks.first else None
    evaluation: dict[str, Any] = {}
    saved_at = time.monotonic()
    with stop_on_signals() as stop:
        for batch in training.batches(state.step):
            if state.finished:
                break
            terms = train_step(training, state, batch)
            if log:
                log.step(state.step, terms, state.learners[training.main_role].rate)
            state.trained(terms["total"])
            state.advance()
            progress(state.step * run.step_samples, run.steps * run.step_samples)
            last = state.step == run.steps
            if last or state.step % max(1, run.evaluate_every // run.step_samples) == 0:
                if log:
                    evaluation = training.evaluate(state.averages)
                    log.evaluation(state.step, evaluation)
                state.scored(ranks.from_first(evaluation.get("mean_recall", 0.0)))
            stopping = ranks.any(bool(stop)) and not last
            due = time.monotonic() - saved_at > 60 * run.checkpoint_minutes
            if ranks.first and (due or last or stopping or state.finished):
                state.save()
                write_weights(training, state)
                saved_at = time.monotonic()
            if stopping:
                raise TrainingStopped(run.output, state.step, run.steps, stop.signal_number or signal.SIGTERM)
    ranks.from_first(float(state.step))  # wait until the first process has written what the next training reads
    return evaluation or (training.evaluate(state.averages) if ranks.first else {})


def train_step(training: Training[BatchT], state: State, batch: BatchT) -> dict[str, float]:
    """One step of a training, without `state.advance`. Returns the named terms of the loss.

    Dropout draws from a seed of this step and process, so that a resumed run needs no random state.
    """
    torch.manual_seed(((training.run.seed + 1) << 40) + (state.step << 12) + training.ranks.rank)
    for learner in state.learners.values():
        learner.network.train()
    return {name: float(term.detach()) for name, term in training.step(state, batch).items()}


def write_weights(training: Training[BatchT], state: State) -> None:
    """Write the averages of the weights, one file for each network, into the run's folder, which exists."""
    for role, network in state.averages.items():
        file, description = training.weights(role, state)
        save_weights(training.run.output / file, network.state_dict(), description)


def silent(_: str) -> None:
    """The messages of other processes than the first."""
