"""Batches of each stage: which samples a step has, and how they become tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from engines.spec import ModelSpec
from train.learn.distributed import Ranks, start_worker
from train.models.preprocess import normalise
from train.mutual.config import Run
from train.mutual.samples import PartsSupply, Stream


@dataclass(frozen=True, eq=False)
class Batch:
    """n samples on the device where the networks are."""

    rgb: Tensor
    """(n, 3, S, S) float32 in -1..1: x_R"""
    parts: Tensor
    """(n, S, S) int64: y"""
    depth: Tensor
    """(n, 1, S, S) float32 in -1..1: x_D, the ground truth of the translator"""
    seen: Tensor
    """(n, 3, S, S) float32 in -1..1: x_D as a camera might measure it"""

    @classmethod
    def of(cls, samples: list[Tensor], spec: ModelSpec, device: torch.device) -> Batch:
        """A batch from stacked bytes in the order of the fields."""
        rgb, parts, depth, seen = (part.to(device) for part in samples)
        return cls(normalise(rgb, spec), parts.long(), _gray(depth, spec)[:, :1], _gray(seen, spec))

    def __len__(self) -> int:
        return len(self.rgb)

    def split(self, first: int) -> tuple[Batch, Batch]:
        """The first samples, as many as given, and the others."""
        parts = (self.rgb, self.parts, self.depth, self.seen)
        return Batch(*(part[:first] for part in parts)), Batch(*(part[first:] for part in parts))


def batches(run: Run, supply: PartsSupply, spec: ModelSpec, ranks: Ranks, first_step: int) -> Iterator[Batch]:
    """This rank's share of each step's samples, from `first_step` on. The joint training's pairs come last."""
    order = [step_items(run, ranks, step) for step in range(first_step, run.steps)]
    workers = run.config.workers
    loader = DataLoader(
        _Tensors(supply), batch_sampler=order,
        num_workers=workers, worker_init_fn=start_worker, prefetch_factor=6 if workers else None,
    )  # fmt: skip
    return (Batch.of(samples, spec, ranks.device) for samples in loader)


def step_items(run: Run, ranks: Ranks, step: int) -> list[tuple[Stream, int]]:
    """Which samples this rank takes in a step. Raises UsageError where they cannot be shared evenly."""
    measured: dict[str, int] = {"rgb": 0, "joint": run.pairs}
    counts: dict[Stream, int] = {
        "all": run.batch_size if run.stage in ("rgb", "joint") else 0,
        "measured": measured.get(run.stage, run.batch_size),
    }
    return [
        (stream, index)
        for stream, count in counts.items()
        for index in ranks.share(range(step * count, (step + 1) * count))
    ]


class _Tensors(Dataset[tuple[Tensor, ...]]):
    def __init__(self, supply: PartsSupply) -> None:
        self._supply = supply

    def __getitem__(self, item: tuple[Stream, int]) -> tuple[Tensor, ...]:
        sample = self._supply[item]
        parts = (sample.rgb, sample.parts, sample.depth, sample.seen)
        return tuple(torch.from_numpy(np.ascontiguousarray(part)) for part in parts)


def _gray(values: Tensor, spec: ModelSpec) -> Tensor:
    """(n, S, S) uint8 -> (n, 3, S, S) float32 with three equal channels, as an engine of depth takes it."""
    return normalise(values[..., None].expand(-1, -1, -1, 3), spec)
