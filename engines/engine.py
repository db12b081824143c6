"""A loaded engine: crops in, labels and probabilities out."""

from __future__ import annotations

import threading
from abc import abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from engines.closing import Closing
from engines.errors import UsageError
from engines.manifest import Manifest
from engines.spec import ModelSpec

U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Parsed:
    """What an engine returns for N crops."""

    labels: U8
    """(N, S, S) uint8: the id of the likeliest label."""
    probabilities: U8
    """(N, S, S, K) uint8: softmax probability of each label x 255, rounded."""


class Engine(Protocol):
    """A loaded network. Safe to call from several threads: one call runs at a time."""

    @property
    def spec(self) -> ModelSpec:
        """What the network takes and returns."""

    @property
    def manifest(self) -> Manifest:
        """How the engine was made."""

    @property
    def name(self) -> str:
        """What a user calls it: a model that ships ("consensus-lite"), a checkpoint's path or an engine's folder."""

    @property
    def description(self) -> str:
        """Which engine runs, and on what: "consensus, OpenVINO int8, CPU, 2 threads".

        Where the name is not that of the network, the network is named, too: "runs/mine/int8 (architecture consensus),
        OpenVINO int8, CPU, 2 threads".
        """

    def __call__(self, crops: U8) -> Parsed:
        """Parse crops: (N, S, S, 3) uint8 RGB, N from 0 up. Raises UsageError for another shape or type."""

    def close(self) -> None:
        """Give back memory and threads. A second call does nothing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BatchedEngine(Closing):
    """An `Engine` over a graph with a range of batches: checks requests, splits larger ones, fills up smaller ones.

    Args:
        name: as in `Engine`.
        runs_on: library, precision and device, for the description.
    """

    def __init__(self, manifest: Manifest, name: str, runs_on: str) -> None:
        self.manifest = manifest
        self.spec = manifest.spec
        self.name = name
        architecture = "" if name == self.spec.name else f" (architecture {self.spec.name})"
        self.description = f"{name}{architecture}, {runs_on}"
        size_px = self.spec.size_px
        self._crops: U8 = np.zeros((manifest.batch.max, size_px, size_px, 3), np.uint8)
        self._lock = threading.Lock()
        self._closed = False

    @abstractmethod
    def _infer(self, count: int) -> tuple[U8, U8]:
        """Run the graph on the first `count` of `self._crops`, as many as its batch allows.

        Returns:
            Their labels and probabilities, which the next run may overwrite.
        """

    @abstractmethod
    def _release(self) -> None:
        """Drop the compiled graph."""

    def __call__(self, crops: U8) -> Parsed:
        size_px, batch = self.spec.size_px, self.manifest.batch
        check_crops(crops, size_px)
        count = len(crops)
        labels = np.empty((count, size_px, size_px), np.uint8)
        probabilities = np.empty((count, size_px, size_px, len(self.spec.labels)), np.uint8)
        with self._lock:
            if self._closed:
                raise UsageError(f"the engine ({self.description}) was closed; load it again to use it")
            for first in range(0, count, batch.max):
                last = min(first + batch.max, count)
                self._crops[: last - first] = crops[first:last]
                batch_labels, batch_probabilities = self._infer(max(last - first, batch.min))
                labels[first:last] = batch_labels[: last - first]
                probabilities[first:last] = batch_probabilities[: last - first]
        return Parsed(labels, probabilities)

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._release()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.description})"


def check_crops(crops: U8, size_px: int, what: str = "crops") -> None:
    """Raises UsageError unless `crops` is (N, size_px, size_px, 3) uint8."""
    if not isinstance(crops, np.ndarray):
        raise UsageError(f"{what} must be a numpy array; got {type(crops).__name__}")
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (size_px, size_px, 3):
        expected = f"(N, {size_px}, {size_px}, 3) uint8 RGB"
        raise UsageError(f"{what} must be {expected}; got {crops.shape} {crops.dtype}")
