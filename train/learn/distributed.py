"""Several training processes, as `torchrun` starts them. One process is the case of one rank.

Each rank takes its share of every batch; gradients are averaged over the ranks before a step, so all have the same
weights. BatchNorm normalises with the statistics of a rank's own share (so two ranks on a batch of 32 take the steps of
one process that accumulates two batches of 16), and the running statistics that are saved are the first rank's. The
mean over blobs in equation 8 is taken over a share, too.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import torch
from torch import distributed

from engines.errors import UsageError


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is, and its device."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process evaluates, logs and writes."""
        return self.rank == 0

    def share(self, indices: range) -> range:
        """This rank's part of a batch. Raises UsageError where it cannot be shared evenly."""
        if len(indices) % self.count:
            raise UsageError(f"batch {len(indices)} on {self.count} processes: expected a multiple of {self.count}")
        size = len(indices) // self.count
        return indices[self.rank * size : (self.rank + 1) * size]

    def from_first(self, value: float) -> float:
        """The first rank's value, on all ranks."""
        if self.count == 1:
            return value
        sent = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(sent, src=0)
        return float(sent)

    def any(self, value: bool) -> bool:
        """Whether the value is true on any rank."""
        if self.count == 1:
            return value
        sent = torch.tensor([float(value)], device=self.device)
        distributed.all_reduce(sent, op=distributed.ReduceOp.MAX)
        return bool(sent)


@contextmanager
def joined(device: str | None = None) -> Iterator[Ranks]:
    """Join the processes that torchrun started (none: alone).

    Args:
        device: `cpu` or `cuda`; None for a GPU where there is one. Each process has a GPU of its own.

    Raises:
        UsageError: there is no such device.
    """
    if device not in (None, "cpu", "cuda"):
        raise UsageError(f"device {device!r}: expected cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device 'cuda': torch finds no GPU here; expected cpu, or see `unveil doctor`")
    if distributed.is_initialized():  # within another `joined`
        yield Ranks(distributed.get_rank(), distributed.get_world_size(), _own_device(device))
        return
    rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    own = _own_device(device)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    if count == 1:
        yield Ranks(0, 1, own)
        return
    distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Ranks(rank, count, own)
    finally:
        distributed.destroy_process_group()


def _own_device(device: str | None) -> torch.device:
    if torch.cuda.is_available() and device != "cpu":
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    return torch.device("cpu")


def start_worker(_: int) -> None:
    """Set up a loader process: one thread, and Ctrl-C is left to the training process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
