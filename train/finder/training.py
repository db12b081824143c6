"""The training of the face finder: `unveil train finder`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from train.finder.config import FinderConfig
from train.finder.pictures.compose import Compositions
from train.finder.pictures.sources import Sources
from train.finder.targets import loss_terms, targets
from train.finder.validation import Validation
from train.learn.distributed import Ranks, joined, start_worker
from train.learn.learner import Learner, cosine
from train.learn.log import Say
from train.learn.loop import Progress, run_training, silent
from train.learn.state import State, start_from
from train.models.finder import FaceFinder

ROLE = "network"
_LONGEST_GRADIENT = 5.0
_VALIDATION_PICTURES = 300


def train_finder(
    config: FinderConfig, say: Say = print, progress: Progress = lambda done, total: None, device: str | None = None
) -> dict[str, Any]:
    """Run a training to its end, from where an earlier run of the same folder stopped.

    Returns:
        The last evaluation on the validation set; of other processes than the first, an empty one.

    Raises:
        DataError: data are missing, or the folder holds another run's state.
        TrainingStopped: Ctrl-C or SIGTERM; the state is saved.
    """
    cv2.setNumThreads(0)  # a loader process that is forked while OpenCV's threads run would wait for them forever
    with joined(device) as ranks:
        return run_training(FinderTraining(config, ranks), say if ranks.first else silent, progress)


@dataclass(frozen=True)
class FinderTraining:
    """What the training loop asks of this training."""

    run: FinderConfig
    ranks: Ranks
    title = ""
    main_role = ROLE

    def learners(self, say: Say) -> dict[str, Learner]:
        """The network before the first step. Raises DataError where the starting weights do not fit."""
        config = self.run
        torch.manual_seed(config.seed)
        network, twin = (FaceFinder(config.width) for _ in range(2))
        if config.start:
            start_from(network, config.start, say)
        network.to(self.ranks.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
        optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        learner = Learner.of(
            network, twin, optimizer, cosine(optimizer, config.steps),
            average_decay=config.average_decay, longest_gradient=_LONGEST_GRADIENT,
        )  # fmt: skip
        return {ROLE: learner}

    def batches(self, first_step: int) -> Iterator[list[Tensor]]:
        """This rank's batch of each step: (n, S, S, 3) uint8 and (n, cells, TARGETS)."""
        config = self.run
        sources = Sources.load(config.portraits, config.occluders, config.without_faces, "train")
        if self.ranks.first:
            _ = self._validation  # missing data are noticed before the first step
        starts = range(first_step * config.batch_size, config.steps * config.batch_size, config.batch_size)
        order = [self.ranks.share(range(start, start + config.batch_size)) for start in starts]
        pictures = _Tensors(Compositions(sources, config.size_px, config.seed), config.samples)
        loader = DataLoader(
            pictures, batch_sampler=order,  # type: ignore[arg-type]
            num_workers=config.workers, worker_init_fn=start_worker, prefetch_factor=6 if config.workers else None,
        )  # fmt: skip
        return iter(loader)

    def step(self, state: State, batch: list[Tensor]) -> dict[str, Tensor]:
        """One step. Returns each term of the loss."""
        pictures, wanted = (part.to(self.ranks.device) for part in batch)
        terms = loss_terms(state.network(ROLE)(normalised(pictures)), wanted)
        state.learn(terms["total"], ROLE)
        return terms

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, Any]:
        """Metrics on the validation set."""
        return self._validation.evaluate(networks[ROLE])

    def weights(self, role: str, state: State) -> tuple[str, dict[str, Any]]:
        """The weights' file name and description."""
        config = self.run
        return "weights.safetensors", {
            "model": config.model, "width": config.width, "size_px": config.size_px,
            "step": state.step, "samples": state.step * config.step_samples, "config": config.settings(),
        }  # fmt: skip

    @cached_property
    def _validation(self) -> Validation:
        config = self.run
        sources = Sources.load(config.portraits, config.occluders, config.without_faces, "held out")
        return Validation(Compositions(sources, config.size_px, config.seed), _VALIDATION_PICTURES)


def normalised(pictures: Tensor) -> Tensor:
    """(N, S, S, 3) uint8 RGB -> (N, 3, S, S) float32 in -1..1, channels last."""
    return (pictures.float() / 127.5 - 1).permute(0, 3, 1, 2)


class _Tensors(Dataset[tuple[Tensor, Tensor]]):
    def __init__(self, pictures: Compositions, length: int) -> None:
        self._pictures, self._length = pictures, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        picture = self._pictures[index]
        return torch.from_numpy(np.ascontiguousarray(picture.rgb)), torch.from_numpy(targets(picture))
