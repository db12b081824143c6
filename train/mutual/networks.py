"""The networks of each stage: a parser of colour, a parser of depth, a translator and its discriminator."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import torch
from torch import nn

from engines.spec import ModelSpec
from train import models
from train.learn.learner import Learner, cosine, polynomial
from train.learn.log import Say
from train.learn.state import start_from
from train.models.pix2pix import PixelDiscriminator
from train.mutual.config import MutualConfig, Run, Stage

ROLES: dict[Stage, tuple[str, ...]] = {
    "rgb": ("rgb",),
    "depth": ("depth",),
    "translator": ("translator", "discriminator"),
    "joint": ("rgb", "depth", "translator", "discriminator"),
}
_PARSERS = ("rgb", "depth")
_TRANSLATOR, _DISCRIMINATOR = "rgb-to-depth", "discriminator"
_MOMENTUM, _SGD_DECAY, _ADAMW_DECAY = 0.9, 5e-4, 0.01
_GAN_BETAS = (0.5, 0.999)  # Pix2Pix, section 3.3
_ADAMW_RATE = 2e-3
_JOINT_RATE = 0.1  # section 4.2


def make_learners(run: Run, spec: ModelSpec, device: torch.device, say: Say) -> dict[str, Learner]:
    """The learners of a stage before its first step, by role. The joint training starts from the stages before it.

    Raises:
        DataError: their weights are missing or of other networks.
    """
    torch.manual_seed(run.seed)
    return {role: _learner(run, role, spec, device, say) for role in ROLES[run.stage]}


def model_of(role: str, config: MutualConfig) -> str:
    """The name in `train.models` of a role's network; the discriminator has none there."""
    parser = config.network
    names = {"rgb": parser, "depth": models.for_depth(parser), "translator": _TRANSLATOR}
    return names.get(role, _DISCRIMINATOR)


def rate_of(run: Run, role: str) -> float:
    """The peak of a network's learning rate in a stage: a tenth in the joint training."""
    config = run.config
    own = _ADAMW_RATE if config.optimiser == "adamw-cosine" else models.parsers()[config.network].sgd_rate
    rate = config.learning_rate or own if role in _PARSERS else config.translator_rate
    return rate * (_JOINT_RATE if run.stage == "joint" else 1)


def describe(run: Run, role: str, spec: ModelSpec, step: int) -> dict[str, Any]:
    """The description in a network's file of weights."""
    model = model_of(role, run.config)
    thresholds = {} if model == _DISCRIMINATOR else {"thresholds": asdict(models.spec(model).thresholds)}
    return thresholds | {
        "model": model,
        "sees": "depth" if role == "depth" else "colour",
        "width": run.config.translator_width if role == "translator" else run.config.width,
        "size_px": spec.size_px, "step": step, "samples": step * run.step_samples,
        "config": run.config.settings(run.stage),
    }  # fmt: skip


def spec_of(config: MutualConfig) -> ModelSpec:
    """What the networks of a run take, with the size of the crops."""
    spec = models.spec(config.network)
    return replace(spec, size_px=config.size_px or spec.size_px)


def _learner(run: Run, role: str, spec: ModelSpec, device: torch.device, say: Say) -> Learner:
    network, twin = _network(role, run.config, spec), _network(role, run.config, spec)
    if run.stage == "joint":
        # The discriminator was trained with the translator; each parser has a stage of its own name.
        stage = "translator" if role == _DISCRIMINATOR else role
        start_from(network, (run.config.pretrained or run.config.output) / stage / f"{role}.safetensors", say)
    elif run.config.start and role in _PARSERS:
        start_from(network, run.config.start, say)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
    optimizer = _optimizer(run, role, network)
    with_cosine = role in _PARSERS and run.config.optimiser == "adamw-cosine"
    schedule = (
        cosine(optimizer, run.steps) if with_cosine else polynomial(optimizer, run.steps, warm_up=run.config.warm_up)
    )
    return Learner.of(
        network, twin, optimizer, schedule,
        average_decay=run.config.average_decay,
        longest_gradient=run.config.longest_gradient if role in _PARSERS else None,
    )  # fmt: skip


def _network(role: str, config: MutualConfig, spec: ModelSpec) -> nn.Module:
    if role == _DISCRIMINATOR:
        # As wide as the translator, as in Pix2Pix: it runs on every pixel, and at 64 channels it would take several
        # times as long as a narrow translator.
        return PixelDiscriminator(config.translator_width or 64)
    width = config.translator_width if role == "translator" else config.width
    return models.create_model(model_of(role, config), width=width, size_px=spec.size_px)


def _optimizer(run: Run, role: str, network: nn.Module) -> torch.optim.Optimizer:
    """SGD for the parsers and Adam for the GAN (section 4.2); or AdamW for the parsers."""
    rate = rate_of(run, role)
    if role not in _PARSERS:
        return torch.optim.Adam(network.parameters(), lr=rate, betas=_GAN_BETAS)
    if run.config.optimiser == "adamw-cosine":
        return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=_ADAMW_DECAY)
    return torch.optim.SGD(network.parameters(), lr=rate, momentum=_MOMENTUM, weight_decay=_SGD_DECAY)
