"""The networks of a stage with all that changes while they are trained, and how it survives a kill."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

from engines.errors import DataError
from engines.spec import ModelSpec
from train import models
from train.learn.checkpoint import load_state, save_state, save_weights
from train.learn.distributed import Ranks
from train.learn.log import Say
from train.learn.state import MAY_CHANGE, follow, refuse_another_run, start_from
from train.models.pix2pix import PixelDiscriminator
from train.mutual.config import PARSERS, TRANSLATOR, MutualConfig, Run, Stage

ROLES: dict[Stage, tuple[str, ...]] = {
    "rgb": ("rgb",),
    "depth": ("depth",),
    "translator": ("translator", "discriminator"),
    "joint": ("rgb", "depth", "translator", "discriminator"),
}
_LEARNED_IN: dict[str, Stage] = {
    "discriminator": "translator",
    "translator": "translator",
    "rgb": "rgb",
    "depth": "depth",
}
_DISCRIMINATOR = "discriminator"
_PARSERS = ("rgb", "depth")
_WARM_UP_STEPS = 200
_POWER = 0.9  # of the polynomial decay
_MOMENTUM, _SGD_DECAY, _ADAMW_DECAY = 0.9, 5e-4, 0.01
_GAN_BETAS = (0.5, 0.999)  # Pix2Pix, section 3.3
_LONGEST_GRADIENT = 5.0  # of a parser


@dataclass
class Learner:
    """One network and what trains it."""

    network: nn.Module
    average: nn.Module
    """The running average of its weights: what is evaluated and ships."""
    optimizer: torch.optim.Optimizer

    def state_dict(self) -> dict[str, Any]:
        """All of it."""
        return {name: part.state_dict() for name, part in vars(self).items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` told."""
        for name, part in vars(self).items():
            part.load_state_dict(state[name])


@dataclass
class Learners:
    """A stage at the start of a step. No random state: every step seeds its own (`train.mutual.loop`)."""

    run: Run
    ranks: Ranks
    by_role: dict[str, Learner]
    step: int = 0

    @classmethod
    def fresh(cls, run: Run, spec: ModelSpec, ranks: Ranks, say: Say) -> Learners:
        """Before the first step. The joint training starts from the stages before it.

        Raises:
            DataError: their weights are missing or of other networks.
        """
        torch.manual_seed(run.config.seed)
        made = {role: _learner(run, role, spec, ranks.device, say) for role in ROLES[run.stage]}
        return cls(run, ranks, made)

    def network(self, role: str) -> Any:
        """The network that is trained as `rgb`, `depth`, `translator` or `discriminator`."""
        return self.by_role[role].network

    def learn(self, loss: Tensor, *roles: str) -> None:
        """One step of some networks down the gradient of a loss, averaged over the ranks."""
        learners = [self.by_role[role] for role in roles]
        for learner in learners:
            learner.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for role, learner in zip(roles, learners, strict=True):
            _average_gradients(learner.network.parameters(), self.ranks)
            if role in _PARSERS:
                nn.utils.clip_grad_norm_(learner.network.parameters(), _LONGEST_GRADIENT)
            for group in learner.optimizer.param_groups:
                group["lr"] = self.rate(role)
            learner.optimizer.step()

    def rate(self, role: str) -> float:
        """A network's learning rate in this step: a short warm-up, then polynomial decay or a cosine."""
        start, done = self.run.config.rate_of(role, self.run.stage), self.step / self.run.steps
        warm = min(1.0, (self.step + 1) / min(_WARM_UP_STEPS, max(1, self.run.steps // 10)))
        if role in _PARSERS and self.run.config.optimiser == "adamw-cosine":
            return start * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
        return start * warm * (1 - done) ** _POWER

    def move_averages(self) -> None:
        """Let each average follow its network by one step."""
        for learner in self.by_role.values():
            follow(learner.average, learner.network, self.run.config.average_decay, self.step)

    def save(self, spec: ModelSpec) -> None:
        """Write state and weights so that a kill at any moment leaves the old ones or the new ones."""
        parts = {role: learner.state_dict() for role, learner in self.by_role.items()}
        save_state(self.run.output / "state.pt", {"step": self.step} | parts)
        self.write_weights(spec)

    def write_weights(self, spec: ModelSpec) -> None:
        """Write the averages, one file each, into the folder of the stage, which exists."""
        for role, learner in self.by_role.items():
            weights = learner.average.state_dict()
            save_weights(self.run.output / f"{role}.safetensors", weights, self._about(role, spec))

    def resume(self, say: Say) -> None:
        """Go on where an earlier run of the same folder stopped. Raises DataError where it was another run."""
        folder = self.run.output
        path, record = folder / "state.pt", folder / "config.json"
        now = {key: value for key, value in self.run.config.to_json(self.run.stage).items() if key not in MAY_CHANGE}
        if not path.is_file():
            if self.ranks.first:
                folder.mkdir(parents=True, exist_ok=True)
                record.write_text(json.dumps(now, indent=2) + "\n")
            return
        refuse_another_run(folder, json.loads(record.read_text()), now)
        state = load_state(path)
        try:
            for role, learner in self.by_role.items():
                learner.load_state_dict(state[role])
            self.step = int(state["step"])
        except (KeyError, RuntimeError, ValueError) as e:
            raise DataError(f"{path} is of another version ({e!r}); name another --output or delete it") from e
        say(f"{self.run.stage}: resuming at step {self.step} of {self.run.steps}")

    def _about(self, role: str, spec: ModelSpec) -> dict[str, Any]:
        return {
            "model": model_of(role, self.run.config),
            "sees": "depth" if role == "depth" else "colour", "thresholds": asdict(spec.thresholds),
            "width": self.run.config.translator_width if role == "translator" else self.run.config.width,
            "size_px": spec.size_px, "step": self.step, "samples": self.step * self.run.step_samples,
            "config": self.run.config.settings(self.run.stage),
        }  # fmt: skip


def model_of(role: str, config: MutualConfig) -> str:
    """The name in `train.models` of a role's network; the discriminator has none there."""
    of_rgb, of_depth = PARSERS[config.network]
    return {"rgb": of_rgb, "depth": of_depth, "translator": TRANSLATOR}.get(role, _DISCRIMINATOR)


def _learner(run: Run, role: str, spec: ModelSpec, device: torch.device, say: Say) -> Learner:
    network, average = _network(role, run.config, spec), _network(role, run.config, spec)
    if run.stage == "joint":
        stage = _LEARNED_IN[role]
        start_from(network, (run.config.pretrained or run.config.output) / stage / f"{role}.safetensors", say)
    elif run.config.start and role in _PARSERS:
        start_from(network, run.config.start, say)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
    average.load_state_dict(network.state_dict())
    return Learner(network, average.to(device), _optimizer(run, role, network))


def _network(role: str, config: MutualConfig, spec: ModelSpec) -> nn.Module:
    if role == _DISCRIMINATOR:
        # As wide as the translator, as in Pix2Pix: on every pixel, at 64 it costs a narrow one several times over.
        return PixelDiscriminator(config.translator_width or 64)
    width = config.translator_width if role == "translator" else config.width
    return models.create_model(model_of(role, config), width=width, size_px=spec.size_px)


def _optimizer(run: Run, role: str, network: nn.Module) -> torch.optim.Optimizer:
    """Section 4.2: SGD for the parsers and Adam for the GAN; or AdamW for the parsers."""
    rate = run.config.rate_of(role, run.stage)
    if role not in _PARSERS:
        return torch.optim.Adam(network.parameters(), lr=rate, betas=_GAN_BETAS)
    if run.config.optimiser == "adamw-cosine":
        return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=_ADAMW_DECAY)
    return torch.optim.SGD(network.parameters(), lr=rate, momentum=_MOMENTUM, weight_decay=_SGD_DECAY)


def _average_gradients(parameters: Iterable[nn.Parameter], ranks: Ranks) -> None:
    """Averaged here and not by DistributedDataParallel, which hooks into one forward pass of one network."""
    if ranks.count == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients]) / ranks.count
    distributed.all_reduce(flat)
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
