"""The frozen network's features of many crops, written to a folder: the head then learns from them in minutes.

They come in shards of `SHARD` crops, `0000.npz`, `0001.npz`, ..., each of which depends on its number alone. A run that
was interrupted goes on with the first shard that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from engines.errors import DataError
from engines.spec import ModelSpec
from train.learn.interruption import TrainingStopped, stop_on_signals
from train.models.preprocess import normalise
from train.models.presence import HasTrunk
from train.presence.samples import PresenceSample, Shards

Progress = Callable[[int, int], None]
F32 = npt.NDArray[np.float32]
SHARD = 500
"""Crops of a shard."""
_BATCH = 25
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
        """The first or the second half: 0 or 1. No picture has crops in both."""
        chosen = slice(len(self) // 2) if which == 0 else slice(len(self) // 2, None)
        return Features(self.pooled[chosen], self.is_face[chosen], self.angle_deg[chosen], self.kinds[chosen])

    @property
    def upright(self) -> F32:
        """(N, 2) float32: cosine and sine of the upright direction."""
        radians = np.radians(self.angle_deg)
        return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def features_of(
    supply: Callable[[], Shards], shards: int, network: nn.Module, spec: ModelSpec, folder: Path, progress: Progress
) -> Features:
    """The features of the first shards of crops. Those that an earlier run has written are read from the folder.

    Args:
        supply: opens the crops, if any shard is missing.
        network: in its form for inference.

    Raises:
        TrainingStopped: Ctrl-C or SIGTERM; the shards that are done stay.
    """
    paths = [folder / f"{number:04}.npz" for number in range(shards)]
    missing = [number for number, path in enumerate(paths) if not path.is_file()]
    crops = supply() if missing else None
    with stop_on_signals() as stop:
        for number in missing:
            assert crops is not None
            _write(crops[number], network, spec, paths[number])
            progress((number + 1) * SHARD, shards * SHARD)
            if stop:
                raise TrainingStopped(folder, number + 1, shards, stop.signal_number)
    return _joined([_read(path) for path in paths])


def open_cache(folder: Path, made_with: Mapping[str, Any]) -> None:
    """Make the folder of the shards, or check that its shards are of the same crops and the same network.

    Raises:
        DataError: they are not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "made_with.json"
    if not record.is_file():
        record.write_text(json.dumps(made_with, indent=2) + "\n", encoding="utf-8")
    before = json.loads(record.read_text(encoding="utf-8"))
    differing = [
        f"{name} was {before.get(name)}, is {value}" for name, value in made_with.items() if before.get(name) != value
    ]
    if differing:
        raise DataError(f"{folder} holds features of another run ({'; '.join(differing)}); use another --output")


def pooled_features(network: nn.Module, spec: ModelSpec, samples: Sequence[PresenceSample]) -> npt.NDArray[np.float16]:
    """(N, channels, grid, grid) float16: the network's deepest features, averaged to at most 8 by 8 cells."""
    assert isinstance(network, HasTrunk)
    with torch.inference_mode():
        crops = torch.from_numpy(np.stack([sample.rgb for sample in samples]))
        deepest = network.encode(normalise(crops, spec))[-1]
        return F.adaptive_avg_pool2d(deepest, min(_LARGEST_GRID, deepest.shape[2])).half().numpy()


def _write(samples: Sequence[PresenceSample], network: nn.Module, spec: ModelSpec, path: Path) -> None:
    batches = [samples[first : first + _BATCH] for first in range(0, len(samples), _BATCH)]
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            pooled=np.concatenate([pooled_features(network, spec, batch) for batch in batches]),
            is_face=np.array([sample.is_face for sample in samples]),
            angle_deg=np.array([sample.angle_deg for sample in samples], np.float32),
            kinds=np.array([sample.kind for sample in samples]),
        )
    unfinished.replace(path)


def _read(path: Path) -> Features:
    with np.load(path) as shard:
        return Features(shard["pooled"], shard["is_face"], shard["angle_deg"], shard["kinds"])


def _joined(parts: Sequence[Features]) -> Features:
    return Features(
        np.concatenate([part.pooled for part in parts]),
        np.concatenate([part.is_face for part in parts]),
        np.concatenate([part.angle_deg for part in parts]),
        np.concatenate([part.kinds for part in parts]),
    )
