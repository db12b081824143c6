"""The frozen network's features of many crops, written to a folder: the head then learns from them in minutes.

features.npy    (N, channels, grid, grid) float16
crops.json      N lines' worth of kind, is_face and angle_deg; written last
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from engines.spec import ModelSpec
from train.models.preprocess import normalise
from train.models.presence import HasTrunk
from train.presence.faces import PresenceSample
from train.presence.supply import Samples

Progress = Callable[[int, int], None]
F32 = npt.NDArray[np.float32]
_BATCH = 32
_LARGEST_GRID = 8


@dataclass(frozen=True, eq=False)
class Features:
    """The features of N crops, and what each crop shows."""

    pooled: npt.NDArray[np.float16]
    """(N, channels, grid, grid): the network's deepest features, averaged to a grid."""
    is_face: npt.NDArray[np.bool_]
    """(N,)"""
    angle_deg: F32
    """(N,): the face's upright direction, clockwise; 0 where there is no face."""
    kinds: npt.NDArray[np.str_]
    """(N,): how each crop was made."""

    def __len__(self) -> int:
        return len(self.is_face)

    def half(self, which: int) -> Features:
        """The first or the second of every two pairs of a face and another crop: 0 or 1."""
        chosen = np.arange(len(self)) // 2 % 2 == which
        return Features(self.pooled[chosen], self.is_face[chosen], self.angle_deg[chosen], self.kinds[chosen])

    @property
    def upright(self) -> F32:
        """(N, 2) float32: cosine and sine of the upright direction."""
        radians = np.radians(self.angle_deg)
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def features_of(
    supply: Callable[[], Samples], count: int, network: nn.Module, spec: ModelSpec, folder: Path, progress: Progress
) -> Features:
    """The features of the first `count` crops, read from the folder if an earlier run has written them.

    Args:
        supply: opens the crops.
        network: in its form for inference.
    """
    described = folder / "crops.json"
    if not described.is_file() or len(json.loads(described.read_text())) != count:
        folder.mkdir(parents=True, exist_ok=True)
        rows = _write(supply(), count, network, spec, folder / "features.npy", progress)
        described.write_text(json.dumps(rows))
    kinds, is_face, angles = zip(*json.loads(described.read_text()), strict=True)
    pooled = np.load(folder / "features.npy", mmap_mode="r")
    return Features(pooled, np.array(is_face), np.array(angles, np.float32), np.array(kinds))


def pooled_features(network: nn.Module, spec: ModelSpec, samples: Sequence[PresenceSample]) -> npt.NDArray[np.float16]:
    """(N, channels, grid, grid) float16: the network's deepest features, averaged to at most 8 by 8 cells."""
    assert isinstance(network, HasTrunk)
    with torch.inference_mode():
        crops = torch.from_numpy(np.stack([sample.rgb for sample in samples]))
        deepest = network.encode(normalise(crops, spec))[-1]
        return F.adaptive_avg_pool2d(deepest, min(_LARGEST_GRID, deepest.shape[2])).half().numpy()


def _write(
    samples: Samples, count: int, network: nn.Module, spec: ModelSpec, path: Path, progress: Progress
) -> list[Any]:
    rows: list[Any] = []
    shape = pooled_features(network, spec, [samples[0]]).shape[1:]
    written = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(count, *shape))
    for first in range(0, count, _BATCH):
        batch = [samples[index] for index in range(first, min(first + _BATCH, count))]
        written[first : first + len(batch)] = pooled_features(network, spec, batch)
        rows += [(sample.kind, sample.is_face, round(sample.angle_deg, 2)) for sample in batch]
        progress(len(rows), count)
    written.flush()
    return rows
