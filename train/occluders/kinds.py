"""The kinds of occluders, how often training uses each, and the class that makes them.

A new kind is a function (scene, rng) or (scene, cut-outs, rng) -> Patch in a file of its own, and a line of
`OCCLUDER_KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.data.split import Split
from train.occluders import clothing, drawn_hand, glasses, photographed, shapes
from train.occluders.cutouts import Cutouts
from train.occluders.scene import Patch, Scene

Rng = np.random.Generator
MakePatch = Callable[[Scene, Cutouts, Rng], Patch]


@dataclass(frozen=True)
class OccluderKind:
    """One kind of occluder."""

    name: str
    share: float
    """Share of the occluders in training, 0..1. The shares of all kinds add up to 1."""
    make: MakePatch
    """Makes a random occluder of this kind, placed on the scene's face."""
    evaluated: bool = False
    """Whether evaluation pastes this kind, too."""


def _drawn(make: Callable[[Scene, Rng], Patch]) -> MakePatch:
    """A kind that needs no cut-outs."""
    return lambda scene, _cutouts, rng: make(scene, rng)


OCCLUDER_KINDS = (
    OccluderKind("hand", 0.27, photographed.hand, evaluated=True),
    OccluderKind("mask", 0.08, photographed.medical_mask, evaluated=True),
    OccluderKind("object", 0.11, photographed.random_object, evaluated=True),
    OccluderKind("shape", 0.07, _drawn(shapes.shape), evaluated=True),
    OccluderKind("microphone", 0.04, _drawn(shapes.microphone), evaluated=True),
    OccluderKind("sunglasses", 0.06, _drawn(glasses.sunglasses), evaluated=True),
    OccluderKind("headwear", 0.03, _drawn(clothing.headwear)),
    OccluderKind("scarf", 0.03, _drawn(clothing.scarf)),
    OccluderKind("eyewear", 0.04, _drawn(glasses.eyewear)),
    OccluderKind("fingers", 0.05, photographed.fingers),
    OccluderKind("sleeved", 0.04, photographed.sleeved_hand),
    OccluderKind("drawn hand", 0.18, _drawn(drawn_hand.drawn_hand)),
)
TRAINED_KINDS = tuple(kind.name for kind in OCCLUDER_KINDS)
EVALUATED_KINDS = tuple(kind.name for kind in OCCLUDER_KINDS if kind.evaluated)
_MAKE = {kind.name: kind.make for kind in OCCLUDER_KINDS}
_SHARES = [kind.share for kind in OCCLUDER_KINDS]


class Occluders:
    """Makes occluders from the cut-outs of one side of the split, which are loaded once.

    Args:
        folder: contains the folders `hands`, `masks` and `objects` with RGBA pictures.
        split: "train" or "held out".

    Raises:
        DataError: a folder is missing or empty.
    """

    def __init__(self, folder: Path, split: Split) -> None:
        self._cutouts = Cutouts.load(folder, split)

    def make(self, kind: str, scene: Scene, rng: Rng) -> Patch:
        """A random occluder of a kind (one of TRAINED_KINDS), placed on the scene's face."""
        return _MAKE[kind](scene, self._cutouts, rng)


def random_kind(rng: Rng) -> str:
    """The name of a random kind, drawn by the shares of training."""
    return str(rng.choice(TRAINED_KINDS, p=_SHARES))
