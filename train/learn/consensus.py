"""The training of a network of face, occlusion and background: `unveil train` with a recipe such as consensus-lite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property
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
from train.learn.distributed import Ranks, joined
from train.learn.learner import Learner, Plateau, Saturation, Schedule, cosine, flat
from train.learn.log import Say
from train.learn.loop import Progress, run_training, silent
from train.learn.state import State, start_from
from train.learn.validation import Evaluate, open_validation
from train.losses.consensus import ConsensusLoss, blob_balanced_cross_entropy
from train.models.preprocess import normalise

ROLE = "network"
StepBatches = list[list[Tensor]]
"""The batches whose gradients make one step; see `train.learn.batches`."""


def train_consensus(
    config: TrainConfig, say: Say = print, progress: Progress = lambda done, total: None, device: str | None = None
) -> dict[str, Any]:
    """Run a training to its end, from where an earlier run of the same folder stopped.

    Under torchrun all processes call it; the first one evaluates, logs and writes.

    Args:
        device: `cpu` or `cuda`; None for a GPU where there is one.

    Returns:
        The last evaluation on the validation set; of other processes than the first, an empty one.

    Raises:
        DataError: data are missing, or the folder holds another run's state.
        UsageError: the batch cannot be shared among the processes.
        TrainingStopped: Ctrl-C or SIGTERM; the state is saved.
    """
    cv2.setNumThreads(0)  # a loader process that is forked while OpenCV's threads run would wait for them forever
    with joined(device) as ranks:
        training = ConsensusTraining(config, spec_of(config), ranks)
        return run_training(training, say if ranks.first else silent, progress)


@dataclass(frozen=True)
class ConsensusTraining:
    """What the training loop asks of this training."""

    run: TrainConfig
    spec: ModelSpec
    ranks: Ranks
    title = ""
    main_role = ROLE

    def learners(self, say: Say) -> dict[str, Learner]:
        """The network before the first step. Raises DataError where the starting weights do not fit."""
        config = self.run
        torch.manual_seed(config.seed)
        network, twin = (
            models.create_model(
                config.model, width=config.width, regularised=config.regularised, labels=len(self.spec.labels)
            )
            for _ in range(2)
        )
        if config.start:
            start_from(network, config.start, say)
        network.to(self.ranks.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
        optimizer = make_optimizer(config, network)
        learner = Learner.of(
            network, twin, optimizer, make_schedule(config, optimizer),
            average_decay=config.average_decay, longest_gradient=config.longest_gradient,
            float16=precision(config, self.ranks.device) == torch.float16,
        )  # fmt: skip
        return {ROLE: learner}

    def batches(self, first_step: int) -> Iterator[StepBatches]:
        """This rank's batches of each step from `first_step` on."""
        if self.ranks.first:
            _ = self._evaluate  # missing data are noticed before the first step
        return batches(self.run, self.spec, self.ranks, first_step)

    def step(self, state: State, batch: StepBatches) -> dict[str, Tensor]:
        """One step over the batches whose gradients make it. Returns the mean of each term of the loss."""
        learner, means = state.learners[ROLE], dict[str, Tensor]()
        state.clear_gradients(ROLE)
        for part in batch:
            terms = self._loss(learner.network, part)
            learner.scaler.scale(terms["total"] / len(batch)).backward()
            for name, value in terms.items():
                means[name] = means.get(name, 0.0) + value.detach() / len(batch)
        state.update(ROLE)
        return means

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, Any]:
        """Metrics on the validation set."""
        return self._evaluate(networks[ROLE])

    def weights(self, role: str, state: State) -> tuple[str, dict[str, Any]]:
        """The weights' file name and description."""
        config = self.run
        return "weights.safetensors", {
            "model": config.model, "width": config.width, "regularised": config.regularised,
            "labels": list(self.spec.labels), "thresholds": asdict(self.spec.thresholds),
            "step": state.step, "samples": state.step * config.step_samples,
            "config": config.settings(),
        }  # fmt: skip

    @cached_property
    def _evaluate(self) -> Evaluate:
        return open_validation(self.run, self.spec)

    def _loss(self, network: nn.Module, batch: list[Tensor]) -> dict[str, Tensor]:
        crops, labels, blobs = (part.to(self.ranks.device) for part in batch)
        dtype = precision(self.run, self.ranks.device)
        with torch.autocast(crops.device.type, dtype) if dtype != torch.float32 else nullcontext():
            logits = network(normalise(crops, self.spec))
        labels = labels.long()
        return loss_terms(self.run, logits.float(), labels, labels if self.run.blobs == "class" else blobs.long())


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
    """The model's spec, with the size of the crops and the labels of the data set that are trained on."""
    spec = models.spec(config.model)
    spec = replace(spec, size_px=config.size_px or spec.size_px)
    return replace(spec, labels=open_data(config.data, config.split).labels) if config.data else spec


def make_optimizer(config: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    """AdamW, or the paper's Adam."""
    if config.optimiser == "adamw-cosine":
        return torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    return torch.optim.Adam(network.parameters(), lr=config.rate)


def make_schedule(config: TrainConfig, optimizer: torch.optim.Optimizer) -> Schedule:
    """The schedule of the configured optimiser's learning rate."""
    if config.optimiser == "adamw-cosine":
        return cosine(optimizer, config.steps)
    if config.optimiser == "adam-plateau":
        return Plateau(optimizer, config.patience, config.stop)
    return Saturation(optimizer, config.patience) if config.stop else flat(optimizer)


def precision(config: TrainConfig, device: torch.device) -> torch.dtype:
    """The type of activations."""
    if not config.bf16:
        return torch.float32
    return torch.bfloat16 if device.type == "cpu" or torch.cuda.is_bf16_supported() else torch.float16
