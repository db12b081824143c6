"""Several training processes, as `torchrun` starts them. One process is the case of one rank.

Each rank takes its share of every batch; gradients are averaged over the ranks before a step, so all have the same
weights. BatchNorm normalises with the statistics of a rank's own share (so two ranks on a batch of 32 take the steps of
one process that accumulates two batches of 16), and the running averages that are kept are the first rank's:
DistributedDataParallel sends them to the others before each forward pass. The mean over blobs in equation 8 is of a
share, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from engines.errors import UsageError


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is, and where it computes."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """The one that evaluates, logs and writes."""
        return self.rank == 0

    def share(self, indices: range) -> range:
        """This rank's part of a batch. Raises UsageError where it cannot be shared evenly."""
        if len(indices) % self.count:
            raise UsageError(f"batch {len(indices)} on {self.count} processes: expected a multiple of {self.count}")
        size = len(indices) // self.count
        return indices[self.rank * size : (self.rank + 1) * size]

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network with gradients averaged over the ranks."""
        if self.count == 1:
            return network
        return DistributedDataParallel(network, device_ids=[self.device] if self.device.type == "cuda" else None)

    def from_first(self, value: float) -> float:
        """The first rank's value, on all ranks."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(told, src=0)
        return float(told)


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the processes that torchrun started (none: alone), on a GPU each where there are any."""
    rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if count == 1:
        yield Ranks(0, 1, device)
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Ranks(rank, count, device)
    finally:
        distributed.destroy_process_group()


def without_averaging(network: nn.Module) -> AbstractContextManager[None]:
    """Within it a backward pass only adds to this rank's gradients: for all but the last batch of a step."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()
