"""Crops for the output `presence` in shards. Each depends on its number alone: a stopped run goes on with the next."""

from __future__ import annotations

import numpy as np

from engines.spec import ModelSpec
from train.data.split import Split
from train.finder.pictures.sources import Sources
from train.presence.config import PresenceConfig
from train.presence.crops import PresenceCrops
from train.presence.pictures import PresencePictures
from train.presence.samples import PresenceSample

_SEED_OF: dict[Split, int] = {"train": 0, "held out": 1}


class PresenceSupply:
    """Endless shards of one side of the split: the same seed and number always give the same crops.

    Args:
        count: crops of a shard.
    """

    def __init__(self, config: PresenceConfig, spec: ModelSpec, split: Split, count: int) -> None:
        sources = Sources.load(config.portraits, config.occluders, config.without_faces, split)
        self._seed, self._count = (config.seed, _SEED_OF[split]), count
        self._pictures = PresencePictures(sources, 2 * config.seed + _SEED_OF[split])
        self._crops = PresenceCrops(spec)

    def __getitem__(self, number: int) -> list[PresenceSample]:
        samples: list[PresenceSample] = []
        index = number * self._count  # a picture has at least one crop of each kind, mostly
        while len(samples) < self._count:
            samples += self._crops.of(self._pictures[index], np.random.default_rng((*self._seed, index)))
            index += 1
        return samples[: self._count]
