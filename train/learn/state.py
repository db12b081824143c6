"""All that changes during a training, and how it survives a kill."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from engines.errors import DataError
from train.learn.checkpoint import load_state, load_weights, save_state
from train.learn.distributed import Ranks
from train.learn.learner import Learner
from train.learn.log import Say

MAY_CHANGE = ("workers", "checkpoint_minutes")
"""Settings that may differ between a run and its resumption: they do not change the result."""
_FORMAT = 2


class Run(Protocol):
    """What the loop and the log need to know about a run."""

    @property
    def output(self) -> Path:
        """Folder for state, log and weights."""

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""

    @property
    def step_samples(self) -> int:
        """Crops of one step, of all processes together."""

    @property
    def seed(self) -> int: ...

    @property
    def evaluate_every(self) -> int:
        """Crops between two evaluations on the validation set."""

    @property
    def checkpoint_minutes(self) -> float:
        """Minutes between two checkpoints."""

    def record(self) -> dict[str, Any]:
        """JSON-ready settings that shape the result; a folder belongs to one such record."""


@dataclass
class State:
    """A training at the start of a step. It holds no random state: every step has its own seed (`loop.train_step`)."""

    run: Run
    ranks: Ranks
    learners: dict[str, Learner]
    """By the role of each network in its training."""
    step: int = 0

    @property
    def finished(self) -> bool:
        """Whether a schedule expects no further progress."""
        return any(learner.finished for learner in self.learners.values())

    @property
    def averages(self) -> dict[str, nn.Module]:
        """The averages of the networks by role: what is evaluated and ships."""
        return {role: learner.average.module for role, learner in self.learners.items()}

    def network(self, role: str) -> Any:
        """The network of a role."""
        return self.learners[role].network

    def learn(self, loss: Tensor, *roles: str) -> None:
        """One step of some networks down the gradient of a loss."""
        self.clear_gradients(*roles)
        loss.backward()
        self.update(*roles)

    def clear_gradients(self, *roles: str) -> None:
        """Forget the gradients of some networks."""
        for role in roles:
            self.learners[role].optimizer.zero_grad(set_to_none=True)

    def update(self, *roles: str) -> None:
        """One step of some networks down the gradients that were added up since `clear_gradients`."""
        for role in roles:
            self.learners[role].update(self.ranks)

    def advance(self) -> None:
        """End a step: averages, learning rates, the count of steps."""
        for learner in self.learners.values():
            learner.advance()
        self.step += 1

    def trained(self, loss: float) -> None:
        """Note the training loss of a step, for schedules that follow it."""
        for learner in self.learners.values():
            learner.trained(loss)

    def scored(self, score: float) -> None:
        """End an evaluation: schedules that follow the validation score, or the training loss."""
        for learner in self.learners.values():
            learner.scored(score, self.ranks)

    def save(self) -> None:
        """Write the state so that a kill at any moment leaves the old one or the new one."""
        learners = {role: learner.state_dict() for role, learner in self.learners.items()}
        state = {"format": _FORMAT, "step": self.step, "learners": learners}
        save_state(self.run.output / "state.pt", state)

    def resume(self, say: Say, title: str = "") -> None:
        """Continue where an earlier run of the same folder stopped; without one, start a record of this run.

        Raises:
            DataError: the folder belongs to another run, or its state has another format.
        """
        path, record = self.run.output / "state.pt", self.run.output / "config.json"
        now = {key: value for key, value in self.run.record().items() if key not in MAY_CHANGE}
        if not path.is_file():
            if self.ranks.first:
                self.run.output.mkdir(parents=True, exist_ok=True)
                record.write_text(json.dumps(now, indent=2) + "\n")
            return
        state = load_state(path)
        if state.get("format") != _FORMAT:
            raise DataError(
                f"{path} was written by another version of unveil, expected format {_FORMAT}; name another --output "
                f"and continue from the weights in {path.parent} with --start"
            )
        refuse_another_run(self.run.output, json.loads(record.read_text()), now)
        try:
            for role, learner in self.learners.items():
                learner.load_state_dict(state["learners"][role])
            self.step = int(state["step"])
        except (KeyError, RuntimeError, ValueError) as e:
            raise DataError(f"{path} does not fit this version ({e!r}); name another --output or delete it") from e
        say(f"{title}resuming at step {self.step} of {self.run.steps}")


def start_from(network: nn.Module, path: Path, say: Say) -> None:
    """Load weights; a layer of another shape (a head for other labels) keeps its fresh ones.

    Args:
        path: a checkpoint, or the folder of a training run.

    Raises:
        DataError: there are no weights, or they are of another network.
    """
    weights, metadata = load_weights(path)
    own = network.state_dict()
    other = sorted(name for name, value in weights.items() if name in own and own[name].shape != value.shape)
    if set(weights) != set(own) or len(other) > 2:  # a head is a weight and a bias
        raise DataError(
            f"{path} holds {metadata.get('model')!r} of width {metadata.get('width')}; expected the network that is "
            "trained; name a recipe of the same network and width"
        )
    if other:
        say(f"fresh weights for {', '.join(other)}: the labels differ from those of {path.name}")
    network.load_state_dict(own | {name: value for name, value in weights.items() if name not in other})


def refuse_another_run(output: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise DataError, naming each difference, where a folder's record is of another run."""
    differences = [
        f"{key}: {before.get(key)!r} before, {value!r} now" for key, value in now.items() if before.get(key) != value
    ]
    if differences:
        raise DataError(f"{output} holds another run ({'; '.join(differences)}); name another --output or delete it")
