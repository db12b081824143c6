"""A loaded engine: crops in, labels and probabilities out."""

from __future__ import annotations

import threading
from abc import abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from engines.closing import Closing
from engines.errors import UsageError
from engines.manifest import Manifest
from engines.spec import ModelSpec

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Outputs = tuple[npt.NDArray[Any], ...]
"""What a graph returns, in the order of `engines.manifest.OUTPUTS`: labels, probabilities and, for a spec with it,
presence (N, 3) float32: the probability of a face, and the cosine and sine of its upright direction."""


@dataclass(frozen=True, eq=False)
class Parsed:
    """What an engine returns for N crops."""

    labels: U8
    """(N, S, S) uint8: the id of the likeliest label."""
    probabilities: U8
    """(N, S, S, K) uint8: softmax probability of each label x 255, rounded."""
    presence: F32 | None = None
    """(N,) float32: the calibrated probability that the crop holds a face, 0..1; None where the network returns none.
    A face under a hand counts; an animal, a cartoon, an icon and a skull do not."""
    angle_deg: F32 | None = None
    """(N,) float32: the face's upright direction in the crop, clockwise from up, -180..180; None as `presence`. Without
    a face it means nothing."""

    @classmethod
    def from_outputs(cls, outputs: Outputs) -> Parsed:
        """What a graph returned for N crops."""
        labels, probabilities, *rest = outputs
        if not rest:
            return cls(labels, probabilities)
        presence, cosine, sine = rest[0].T
        return cls(labels, probabilities, presence, np.degrees(np.arctan2(sine, cosine)))


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
    def _infer(self, count: int) -> Outputs:
        """Run the graph on the first `count` of `self._crops`, as many as its batch allows.

        Returns:
            The outputs, which the next run may overwrite.
        """

    @abstractmethod
    def _release(self) -> None:
        """Drop the compiled graph."""

    def __call__(self, crops: U8) -> Parsed:
        size_px, batch = self.spec.size_px, self.manifest.batch
        check_crops(crops, size_px)
        count = len(crops)
        _, *tensors = self.manifest.tensors
        outputs = tuple(np.empty((count, *tensor.shape[1:]), tensor.type) for tensor in tensors)
        with self._lock:
            if self._closed:
                raise UsageError(f"the engine ({self.description}) was closed; load it again to use it")
            for first in range(0, count, batch.max):
                last = min(first + batch.max, count)
                self._crops[: last - first] = crops[first:last]
                for whole, part in zip(outputs, self._infer(max(last - first, batch.min)), strict=True):
                    whole[first:last] = part[: last - first]
        return Parsed.from_outputs(outputs)

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
