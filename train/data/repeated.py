"""Repeats a set of crops endlessly: in another order in each epoch, with small random changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from realtime.frames.types import U8
from train.data.augment import random_look
from train.data.sample import Sample

Rng = np.random.Generator
_TURN_DEGREES, _ZOOM, _SHIFT_RATIO = 8.0, 0.08, 0.03  # standard deviations
_LOOK_SHARE = 0.5


class Samples(Protocol):
    """Crops by index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


class Repeated:
    """Endless samples of a set by index: the same seed and index always give the same sample.

    Args:
        samples: the set.
        labels: the names of the class ids; left and right are swapped in a mirrored crop.
        flips: mirror every other crop.
        augment: rotate, scale and shift every crop a little, and change the light of half of them.

    Raises:
        DataError: the set is empty.
    """

    def __init__(
        self, samples: Samples, labels: Sequence[str], seed: int, *, flips: bool = False, augment: bool = False
    ) -> None:
        if not len(samples):
            raise DataError("the training split is empty; expected at least one labelled face")
        self._samples, self._seed, self._flips, self._augment = samples, seed, flips, augment
        self._mirrored_ids = mirrored_ids(labels)

    def __getitem__(self, index: int) -> Sample:
        count = len(self._samples)
        order = _order(self._seed, index // count, count)
        sample = self._samples[int(order[index % count])]
        rng = np.random.default_rng((self._seed, index))
        if self._flips and rng.random() < 0.5:
            sample = mirrored(sample, self._mirrored_ids)
        return _moved(sample, rng) if self._augment else sample


def mirrored_ids(labels: Sequence[str]) -> U8:
    """(256,) uint8: class id -> class id in a mirrored picture, where the subject's left ear becomes a right one."""
    table = np.arange(256, dtype=np.uint8)
    for number, name in enumerate(labels):
        side, _, part = name.partition(" ")
        other = {"left": "right", "right": "left"}.get(side)
        if other and f"{other} {part}" in labels:
            table[number] = list(labels).index(f"{other} {part}")
    return table


def mirrored(sample: Sample, ids: U8) -> Sample:
    """The mirror image of a sample, with class ids from `mirrored_ids`. Blobs that are the labels stay the labels."""
    labels = np.ascontiguousarray(ids[sample.labels[:, ::-1]])
    same = sample.blobs is sample.labels
    blobs = labels if same else np.ascontiguousarray(sample.blobs[:, ::-1])
    return Sample(np.ascontiguousarray(sample.rgb[:, ::-1]), labels, blobs, sample.kinds)


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng((seed, epoch, count)).permutation(count)


def _moved(sample: Sample, rng: Rng) -> Sample:
    size = sample.labels.shape[0]
    middle = ((size - 1) / 2, (size - 1) / 2)
    affine = cv2.getRotationMatrix2D(middle, rng.normal(0, _TURN_DEGREES), math.exp(rng.normal(0, _ZOOM)))
    affine[:, 2] += rng.normal(0, _SHIFT_RATIO * size, 2)

    def nearest(ids: U8) -> U8:
        return cv2.warpAffine(ids, affine, (size, size), flags=cv2.INTER_NEAREST).astype(np.uint8)

    rgb = cv2.warpAffine(sample.rgb, affine, (size, size), flags=cv2.INTER_LINEAR).astype(np.uint8)
    labels = nearest(sample.labels)
    blobs = labels if sample.blobs is sample.labels else nearest(sample.blobs)
    return Sample(random_look(rgb, rng) if rng.random() < _LOOK_SHARE else rgb, labels, blobs, sample.kinds)
