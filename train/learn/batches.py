"""Training batches: endless composed crops, or a small or published set, repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from engines.spec import ModelSpec
from train.data.composites import Composites
from train.data.faces import load_faces
from train.data.repeated import Repeated
from train.data.sample import Sample
from train.datasets import DataSet, open_data, to_crop
from train.learn.config import TrainConfig
from train.learn.distributed import Ranks, start_worker
from train.occluders.kinds import Occluders

_KEPT_IN_MEMORY = 5_000  # crops, 80 kB each


class Supply(Protocol):
    """Samples by their running number: the same number always gives the same sample."""

    def __getitem__(self, index: int) -> Sample: ...


class Crops:
    """The crops of a data set, each read on demand."""

    def __init__(self, dataset: DataSet, spec: ModelSpec) -> None:
        self._dataset, self._spec = dataset, spec

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        return Sample(*to_crop(self._dataset[index], self._spec))


def open_supply(config: TrainConfig, spec: ModelSpec) -> Supply:
    """The samples of a run. Raises DataError where data are missing or damaged."""
    if config.data is None:
        assert config.labels is not None and config.occluders is not None  # the record has checked it
        occluders = Occluders(config.occluders, "train")
        composites = Composites(load_faces(config.labels, "train"), occluders, spec, config.seed)
        if config.distinct is None:
            return composites
        samples: Sequence[Sample] | Crops = [composites[index] for index in range(config.distinct)]
        names = spec.labels
    else:
        dataset = open_data(config.data, config.split)
        samples, names = Crops(dataset, spec), dataset.labels
        count = min(len(samples), config.distinct or len(samples))
        if count <= _KEPT_IN_MEMORY or config.distinct:
            samples = [samples[index] for index in range(count)]
    return Repeated(samples, names, config.seed, flips=config.flips or config.regularised, augment=config.augment)


def batches(config: TrainConfig, spec: ModelSpec, ranks: Ranks, first_step: int) -> Iterator[list[list[Tensor]]]:
    """For each step from `first_step` on, this rank's share of its `accumulate` batches.

    Each batch: crops (n, S, S, 3), labels (n, S, S) and blobs (n, S, S), all uint8.
    """
    starts = range(first_step * config.step_samples, config.steps * config.step_samples, config.batch_size)
    order = [ranks.share(range(start, start + config.batch_size)) for start in starts]
    loader = DataLoader(
        _Tensors(open_supply(config, spec), config.samples), batch_sampler=order,  # type: ignore[arg-type]
        num_workers=config.workers, worker_init_fn=start_worker,
        prefetch_factor=6 if config.workers else None, persistent_workers=False,
    )  # fmt: skip
    return _grouped(loader, config.accumulate)


def _grouped(loader: DataLoader[tuple[Tensor, Tensor, Tensor]], size: int) -> Iterator[list[list[Tensor]]]:
    found = iter(loader)
    while group := list(islice(found, size)):
        yield group


class _Tensors(Dataset[tuple[Tensor, Tensor, Tensor]]):
    def __init__(self, supply: Supply, length: int) -> None:
        self._supply, self._length = supply, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        sample = self._supply[index]
        crop, labels, blobs = (np.ascontiguousarray(x) for x in (sample.rgb, sample.labels, sample.blobs))
        return torch.from_numpy(crop), torch.from_numpy(labels), torch.from_numpy(blobs)
