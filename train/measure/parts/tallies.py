"""What is added up picture by picture for the tables of parts and of depth (Cross-Domain Mutual Learning, 4.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from engines.errors import DataError
from engines.spec import DEPTH_LABELS, PART_LABELS, ModelSpec
from realtime.frames.crop import NO_WINDOW, probabilities_on_frame
from realtime.frames.depth import STEP_M
from realtime.frames.types import U8
from train.datasets import Example
from train.measure.metrics import Confusion, f1_row, helen_row, percent
from train.measure.parts.inputs import Cut, near


class Tally(Protocol):
    """The figures of one model on some pictures."""

    pictures: int

    def add(self, example: Example, one: Cut, probabilities: U8) -> U8:
        """One picture, its crop and (S, S, K) uint8 of it. Returns (S, S) uint8: what was found in the crop.

        Raises DataError where there is nothing to compare with.
        """

    def to_json(self, helen: bool) -> dict[str, Any]:
        """The row. `helen`: with the merged columns."""


def tally_of(spec: ModelSpec) -> Tally:
    """An empty tally that fits a model."""
    return DepthTally() if spec.labels == DEPTH_LABELS else PartsTally()


def _empty() -> Confusion:
    return Confusion(np.zeros((len(PART_LABELS),) * 2, np.int64), PART_LABELS)


@dataclass
class PartsTally:
    """Class ids against the truth: on the picture, to which probabilities go as at run time, and in the crop."""

    pictures: int = 0
    on_picture: Confusion = field(default_factory=_empty)
    in_crop: Confusion = field(default_factory=_empty)

    def add(self, example: Example, one: Cut, probabilities: U8) -> U8:
        height, width = example.labels.shape
        window, shares = probabilities_on_frame(probabilities, one.region, (width, height))
        if window == NO_WINDOW:
            raise DataError(f"{example.name}: its face's box lies outside the {width}x{height} picture")
        left, top, right, bottom = window
        truth = np.ascontiguousarray(example.labels[top:bottom, left:right])
        self.on_picture += Confusion.of(truth, shares.argmax(axis=2).astype(np.uint8), PART_LABELS)
        ids = probabilities.argmax(axis=2).astype(np.uint8)
        self.in_crop += Confusion.of(one.truth, ids, PART_LABELS)
        self.pictures += 1
        return ids

    def to_json(self, helen: bool) -> dict[str, Any]:
        """In percent."""
        row = {
            "pictures": self.pictures,
            **f1_row(self.on_picture),
            "accuracy": percent(self.on_picture.accuracy()),
            "mean_f1_in_crop": f1_row(self.in_crop)["mean_f1"],
        }
        return row | ({"helen": helen_row(self.on_picture)} if helen else {})


@dataclass
class DepthTally:
    """Distances between made and measured depth, in the crop."""

    pictures: int = 0
    _steps: int = 0
    _pixels: int = 0
    _steps_of_both: int = 0
    _pixels_of_both: int = 0

    def add(self, example: Example, one: Cut, probabilities: U8) -> U8:
        if one.depth is None:
            raise DataError(f"{example.name} has no depth to compare with; expected a set with depth, such as parts")
        made, true = near(probabilities), one.depth[:, :, 0]
        steps = np.abs(made.astype(np.int64) - true)
        both = (true > 0) & (made > 0)
        self.pictures += 1
        self._steps += int(steps.sum())
        self._pixels += steps.size
        self._steps_of_both += int(steps[both].sum())
        self._pixels_of_both += int(both.sum())
        return made

    def to_json(self, helen: bool) -> dict[str, Any]:
        """`l1` over all pixels in the network's -1..1 (table 4); `l1_mm` where both have depth."""
        millimetres = self._steps_of_both / max(1, self._pixels_of_both) * STEP_M * 1000
        return {
            "pictures": self.pictures,
            "l1": round(self._steps / max(1, self._pixels) / 127.5, 4),
            "l1_mm": round(millimetres, 2) if self._pixels_of_both else None,
        }
