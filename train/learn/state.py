"""All that changes while a network is trained, and how it survives a kill."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engines.errors import DataError
from engines.spec import ModelSpec
from train import models
from train.learn.checkpoint import load_state, load_weights, save_state, save_weights
from train.learn.config import TrainConfig
from train.learn.distributed import Ranks
from train.learn.log import Say
from train.learn.optim import Schedule, make_optimizer, make_schedule

MAY_CHANGE = ("workers", "checkpoint_minutes")  # between a run and its resumption, without another result


@dataclass
class State:
    """A run at the start of a step. No random state: every step seeds its own (`train.learn.loop.train_step`)."""

    network: nn.Module
    average: nn.Module
    """The running average of the weights: what is evaluated and ships."""
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    scaler: torch.amp.GradScaler
    """Keeps float16 gradients from underflow; does nothing at other precisions."""
    step: int = 0

    @classmethod
    def fresh(cls, config: TrainConfig, spec: ModelSpec, device: torch.device, say: Say) -> State:
        """The state before the first step. Raises DataError where the starting weights do not fit."""
        torch.manual_seed(config.seed)
        network, average = (
            models.create_model(
                config.model, width=config.width, regularised=config.regularised, labels=len(spec.labels)
            )
            for _ in range(2)
        )
        if config.start:
            start_from(network, config.start, say)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
        average.load_state_dict(network.state_dict())
        average.to(device)
        scaler = torch.amp.GradScaler(device.type, enabled=precision(config, device) == torch.float16)
        return cls(network, average, make_optimizer(config, network), make_schedule(config), scaler)

    def move_average(self, decay: float) -> None:
        """Let the average follow the network by one step."""
        follow(self.average, self.network, decay, self.step)

    def save(self, config: TrainConfig, spec: ModelSpec) -> None:
        """Write state and weights so that a kill at any moment leaves the old ones or the new ones."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        save_state(config.output / "state.pt", {"step": self.step} | parts)
        metadata = {
            "model": config.model, "width": config.width, "regularised": config.regularised,
            "labels": list(spec.labels), "thresholds": asdict(spec.thresholds),
            "step": self.step, "samples": self.step * config.step_samples,
            "config": config.settings(),
        }  # fmt: skip
        save_weights(config.output / "weights.safetensors", self.average.state_dict(), metadata)

    def resume(self, config: TrainConfig, ranks: Ranks, say: Say) -> None:
        """Go on where an earlier run of the same folder stopped. Raises DataError where it was another run."""
        path, record = config.output / "state.pt", config.output / "config.json"
        now = {key: value for key, value in config.to_json().items() if key not in MAY_CHANGE}
        if not path.is_file():
            if ranks.first:
                config.output.mkdir(parents=True, exist_ok=True)
                record.write_text(json.dumps(now, indent=2) + "\n")
            return
        refuse_another_run(config.output, json.loads(record.read_text()), now)
        state = load_state(path)
        try:
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
            self.step = int(state["step"])
        except (KeyError, RuntimeError, ValueError) as e:
            raise DataError(f"{path} is of another version ({e!r}); name another --output or delete it") from e
        say(f"resuming at step {self.step} of {config.steps}")

    def _parts(self) -> dict[str, Any]:
        names = ("network", "average", "optimizer", "schedule", "scaler")
        return {name: getattr(self, name) for name in names}


def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Let an average of weights follow a network by one step; at first faster, so that it forgets the start."""
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for own, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if own.dtype.is_floating_point:
                own.lerp_(new, 1 - decay)
            else:
                own.copy_(new)


def precision(config: TrainConfig, device: torch.device) -> torch.dtype:
    """What activations are computed in."""
    if not config.bf16:
        return torch.float32
    return torch.bfloat16 if device.type == "cpu" or torch.cuda.is_bf16_supported() else torch.float16


def start_from(network: nn.Module, path: Path, say: Say) -> None:
    """Load weights; a layer of another shape (a head for other labels) keeps its fresh ones. Raises DataError."""
    weights, metadata = load_weights(path)
    own = network.state_dict()
    other = sorted(name for name, value in weights.items() if name in own and own[name].shape != value.shape)
    if set(weights) != set(own) or len(other) > 2:  # a head is a weight and a bias
        raise DataError(
            f"{path} holds {metadata.get('model')!r} of width {metadata.get('width')}; expected the network that is "
            "trained; name the same --model and --width"
        )
    if other:
        say(f"fresh weights for {', '.join(other)}: the labels are others than those of {path.name}")
    network.load_state_dict(own | {name: value for name, value in weights.items() if name not in other})


def refuse_another_run(output: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise DataError, naming each difference, where a folder's record is of another run."""
    differences = [
        f"{key}: {before.get(key)!r} before, {value!r} now" for key, value in now.items() if before.get(key) != value
    ]
    if differences:
        raise DataError(f"{output} holds another run ({'; '.join(differences)}); name another --output or delete it")
