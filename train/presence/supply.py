"""Crops for the output `presence` by index: half of them hold a face."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from engines.spec import ModelSpec
from train.data.faces import load_faces
from train.data.split import Split
from train.occluders.kinds import Occluders
from train.presence.config import PresenceConfig
from train.presence.faces import FaceCrops, PresenceSample
from train.presence.others import OtherCrops, surroundings

_SEED_OF = {"train": 0, "held out": 1}


class Samples(Protocol):
    """Crops by index."""

    def __getitem__(self, index: int) -> PresenceSample: ...


class PresenceSupply:
    """Endless crops of one side of the split: the same seed and index always give the same one."""

    def __init__(self, config: PresenceConfig, spec: ModelSpec, split: Split) -> None:
        occluders = Occluders(config.occluders, split)
        faces = [face for folder in config.folders for face in load_faces(folder, split)]
        around = surroundings(config.folders, split)
        self._faces = FaceCrops(faces, occluders, spec)
        self._others = OtherCrops(around, config.without_faces, occluders, spec, split)
        self._seed = (config.seed, _SEED_OF[split])

    def __getitem__(self, index: int) -> PresenceSample:
        rng = np.random.default_rng((*self._seed, index))
        return self._faces.sample(rng) if index % 2 == 0 else self._others.sample(rng)
