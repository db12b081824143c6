"""Optimisers and how their learning rate moves (section 4.1)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from train.learn.config import TrainConfig

_WARM_UP_STEPS = 200
_LOWEST_RATE, _FALL = 1e-5, 0.1  # section 4.1
_BETTER = 0.01  # percentage points of mean recall that count as progress


def make_optimizer(config: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    """AdamW, or the paper's Adam."""
    if config.optimiser == "adamw-cosine":
        return torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    return torch.optim.Adam(network.parameters(), lr=config.rate)


def make_schedule(config: TrainConfig) -> Schedule:
    """The schedule of the configured optimiser."""
    schedules = {"adamw-cosine": Cosine, "adam-plateau": Plateau, "adam-flat": Schedule}
    return schedules[config.optimiser](config)


class Schedule:
    """A flat learning rate; the others differ from it."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self.finished = False
        """Nothing is left to gain: the run ends here."""

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self._config.rate

    def look(self, mean_recall: float) -> None:
        """Hear how the held-aside set fares, in percent."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"finished": self.finished}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` told."""
        vars(self).update(state)


class Cosine(Schedule):
    """A linear warm-up, then a cosine down to a hundredth of the peak."""

    def rate(self, step: int) -> float:
        steps = self._config.steps
        warm = min(1.0, (step + 1) / min(_WARM_UP_STEPS, max(1, steps // 10)))
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
        return self._config.rate * warm * (0.01 + 0.99 * cosine)


class Plateau(Schedule):
    """A tenth of the rate whenever mean recall stops rising, down to 1e-5 (section 4.1)."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        self.now, self.best, self.waited = config.rate, -math.inf, 0

    def rate(self, step: int) -> float:
        return self.now

    def look(self, mean_recall: float) -> None:
        if mean_recall > self.best + _BETTER:
            self.best, self.waited = mean_recall, 0
            return
        self.waited += 1
        if self.waited > self._config.patience:
            lower = self.now * _FALL
            self.finished = self._config.stop and lower < 0.999 * _LOWEST_RATE
            self.now, self.waited = max(lower, min(self.now, _LOWEST_RATE)), 0

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"now": self.now, "best": self.best, "waited": self.waited}
