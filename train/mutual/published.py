"""Faces of a published set with part labels, and with depth where it has some. Each is read from its files on demand:
such a set is too large for the memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.errors import DataError
from engines.spec import ModelSpec
from realtime.frames.types import U16
from train.data.split import Split
from train.datasets import DataSet, open_data, region_of
from train.datasets.base import F32
from train.mutual.faces import PartsFace, Picture

_SPLITS: dict[Split, str] = {"train": "train", "held out": "val"}
_DEEPEST = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class PublishedFace:
    """One face of a published set."""

    dataset: DataSet
    index: int
    spec: ModelSpec
    synthetic: bool = False

    @property
    def name(self) -> str:
        """Its place in the split: the set's own names are known only once a picture is read."""
        return f"{self.dataset.name} {self.index}"

    def load(self) -> PartsFace:
        """Its pixels. Raises DataError where a file is missing or damaged."""
        example = self.dataset[self.index]
        picture = Picture(example.rgb, example.labels, *_in_steps(example.depth_m, example.labels.shape))
        return PartsFace.cut(self.name, picture, region_of(example, self.spec), self.spec)


def published_faces(data: str, split: Split, spec: ModelSpec, *, with_depth: bool) -> list[PublishedFace]:
    """The faces of one side of a set's own split: `train`, or `val` as the held out one.

    Args:
        data: KIND:FOLDER.
        with_depth: depth is needed.

    Raises:
        DataError: files are missing or damaged, or depth is needed and the set has none.
        UsageError: the kind is unknown, or has no part labels.
    """
    dataset = open_data(data, _SPLITS[split], parts=True)
    if with_depth and dataset[0].depth_m is None:
        raise DataError(
            f"{dataset.name} has no depth, which the stages depth, translator and joint need; expected a set with "
            f"depth, such as {dataset.name}-d, or --stage rgb"
        )
    return [PublishedFace(dataset, index, spec) for index in range(len(dataset))]


def _in_steps(depth_m: F32 | None, shape: tuple[int, ...]) -> tuple[U16, float]:
    """(H, W) uint16 steps, and the metres of one, as fine as the deepest pixel allows; 0 where there is no depth."""
    if depth_m is None or not depth_m.any():
        return np.zeros(shape, np.uint16), 1.0
    scale_m = float(depth_m.max()) / _DEEPEST
    return np.rint(depth_m / scale_m).astype(np.uint16), scale_m
