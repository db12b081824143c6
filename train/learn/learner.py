"""One network and all that trains it: its optimiser, the schedule of its learning rate, the average of its weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, SupportsFloat

import torch
from torch import Tensor, distributed, nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel

from train.learn.distributed import Ranks

_WARM_UP_STEPS = 200
_LOWEST_SHARE = 0.01  # of the peak, at a cosine's end
_POWER = 0.9  # of the polynomial decay
_LOWEST_RATE, _PLATEAU_FACTOR = 1e-5, 0.1  # Structure via Consensus, section 4.1
_LEAST_PROGRESS = 0.01  # percentage points of the validation score
_LEAST_FALL = 0.01  # of the lowest training loss

Schedule = LambdaLR | ReduceLROnPlateau


@dataclass
class Learner:
    """One network and all that changes while it is trained."""

    network: nn.Module
    average: AveragedModel
    """Running average of the weights: what is evaluated and ships."""
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    scaler: torch.amp.GradScaler
    """Keeps float16 gradients from underflow; does nothing at other precisions."""
    longest_gradient: float | None = None
    """Gradients are clipped to this length; None for no clipping."""

    @classmethod
    def of(
        cls,
        network: nn.Module,
        twin: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        *,
        average_decay: float,
        longest_gradient: float | None = None,
        float16: bool = False,
    ) -> Learner:
        """A learner before its first step.

        Args:
            network: on its device.
            twin: the same network again, of any weights: the average is made of it.
            average_decay: share of the average that each step keeps; 0 for the last weights.
            float16: activations are float16, so the loss is scaled.
        """
        device = next(network.parameters()).device
        twin.load_state_dict(network.state_dict())
        scaler = torch.amp.GradScaler(device.type, enabled=float16)
        return cls(network, averaged(twin.to(device), average_decay), optimizer, schedule, scaler, longest_gradient)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def finished(self) -> bool:
        """Whether the schedule expects no further progress."""
        return isinstance(self.schedule, Plateau | Saturation) and self.schedule.finished

    def update(self, ranks: Ranks) -> None:
        """One step of the optimiser down the gradients, averaged over the ranks."""
        average_gradients(self.network.parameters(), ranks)
        self.scaler.unscale_(self.optimizer)
        if self.longest_gradient is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.longest_gradient)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def advance(self) -> None:
        """After a step: update the average, and the learning rate where it follows the steps."""
        self.average.update_parameters(self.network)
        if isinstance(self.schedule, LambdaLR):
            self.schedule.step()

    def trained(self, loss: float) -> None:
        """After a step: note the training loss, where the schedule follows it."""
        if isinstance(self.schedule, Saturation):
            self.schedule.note(loss)

    def scored(self, score: float, ranks: Ranks) -> None:
        """After an evaluation: update the schedule where it follows the validation score, or the training loss."""
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(score)
        elif isinstance(self.schedule, Saturation):
            self.schedule.compare(ranks.from_first(self.schedule.mean_loss))

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        names = ("network", "average", "optimizer", "schedule", "scaler")
        return {name: getattr(self, name) for name in names}


class Plateau(ReduceLROnPlateau):
    """A tenth of the learning rate whenever mean recall stops rising, down to 1e-5 (section 4.1).

    Args:
        patience: evaluations in a row without progress that do not lower the rate.
        stop: `finished` becomes true where the rate would fall below the lowest.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, patience: int, stop: bool) -> None:
        super().__init__(
            optimizer, mode="max", factor=_PLATEAU_FACTOR, patience=patience,
            threshold=_LEAST_PROGRESS, threshold_mode="abs", min_lr=_LOWEST_RATE,
        )  # fmt: skip
        self.stop, self.finished = stop, False

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]  # as in torch
        rate, best, waited = self.optimizer.param_groups[0]["lr"], self.best, self.num_bad_epochs
        super().step(metrics, epoch)
        if self.best == best and waited + 1 > self.patience:
            self.finished = self.stop and rate * _PLATEAU_FACTOR < 0.999 * _LOWEST_RATE


class Saturation(LambdaLR):
    """The same learning rate at every step, "until convergence reaches saturation on the training set" (section 4.1).

    Args:
        patience: evaluations in a row before which the mean training loss did not fall, and that do not end the run.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, patience: int) -> None:
        super().__init__(optimizer, _constant)
        self.patience, self.finished = patience, False
        self.lowest, self.waited = math.inf, 0
        self.loss_sum, self.losses = 0.0, 0  # since the last evaluation

    @property
    def mean_loss(self) -> float:
        """The mean training loss since the last evaluation."""
        return self.loss_sum / max(1, self.losses)

    def note(self, loss: float) -> None:
        """Count the training loss of a step."""
        self.loss_sum, self.losses = self.loss_sum + loss, self.losses + 1

    def compare(self, mean_loss: float) -> None:
        """End an evaluation: compare the mean loss before it with the lowest one."""
        self.waited = 0 if mean_loss < (1 - _LEAST_FALL) * self.lowest else self.waited + 1
        self.lowest = min(self.lowest, mean_loss)
        self.finished = self.waited > self.patience
        self.loss_sum, self.losses = 0.0, 0


def flat(optimizer: torch.optim.Optimizer) -> LambdaLR:
    """The same learning rate at every step."""
    return LambdaLR(optimizer, _constant)


def cosine(optimizer: torch.optim.Optimizer, steps: int) -> LambdaLR:
    """A linear warm-up, then a cosine down to a hundredth of the peak."""

    def factor(step: int) -> float:
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
        return _warm_up(step, steps) * (_LOWEST_SHARE + (1 - _LOWEST_SHARE) * fall)

    return LambdaLR(optimizer, factor)


def polynomial(optimizer: torch.optim.Optimizer, steps: int, *, warm_up: bool = True) -> LambdaLR:
    """A polynomial decay to 0 (Cross-Domain Mutual Learning, section 4.2), after a linear warm-up, which is ours."""

    def factor(step: int) -> float:
        decay = (1 - min(1.0, step / steps)) ** _POWER
        return decay * _warm_up(step, steps) if warm_up else decay

    return LambdaLR(optimizer, factor)


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """The running average of a network's weights. It moves faster at first, so that it forgets the start."""

    @torch.no_grad()
    def follow(averages: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
        kept = min(decay, float(count) / (9 + float(count)))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(list(averages), list(values), 1 - kept)
        else:  # BatchNorm's counts of batches
            torch._foreach_copy_(list(averages), list(values))

    average = AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
    average.n_averaged.fill_(1)  # the weights before the first step count as the first ones
    return average


def average_gradients(parameters: Iterable[nn.Parameter], ranks: Ranks) -> None:
    """Replace gradients by their means over the ranks.

    Not by DistributedDataParallel, which hooks into one forward pass of one network.
    """
    if ranks.count == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat_gradients = torch.cat([gradient.flatten() for gradient in gradients]) / ranks.count
    distributed.all_reduce(flat_gradients)
    for gradient, mean in zip(gradients, flat_gradients.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def _constant(_step: int) -> float:
    return 1.0


def _warm_up(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / min(_WARM_UP_STEPS, max(1, steps // 10)))
