"""Data sets in their published layouts, and our own: `docs/datasets.md` says where each comes from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from engines.errors import DataError, UsageError
from engines.spec import PART_LABELS
from train.datasets.base import DataSet, Example
from train.datasets.celebamask_hq import CelebAMaskHQ
from train.datasets.cofw import Cofw
from train.datasets.crops import on_picture, region_of, superpixels_on_crop, to_crop
from train.datasets.folder import LabelledFolder
from train.datasets.helen import Helen
from train.datasets.lapa import LaPa
from train.datasets.part_labels import PartLabels
from train.datasets.parts_folder import PartsFolder
from train.datasets.with_depth import WithDepth

__all__ = [
    "KINDS",
    "DataSet",
    "Example",
    "on_picture",
    "open_data",
    "open_dataset",
    "region_of",
    "superpixels_on_crop",
    "to_crop",
]

_WITHOUT_PARTS: dict[str, Callable[[Path, str], DataSet]] = {
    "cofw": Cofw,
    "part-labels": PartLabels,
    "folder": LabelledFolder,
}
_WITH_PARTS: dict[str, Callable[[Path, str, bool], DataSet]] = {
    "celebamask-hq": CelebAMaskHQ,
    "lapa": LaPa,
    "helen": Helen,
}
_OF_PARTS: dict[str, Callable[[Path, str], DataSet]] = {
    "parts": PartsFolder,
    "celebamask-hq-d": lambda folder, split: WithDepth(partial(CelebAMaskHQ, parts=True), folder, split),
    "lapa-d": lambda folder, split: WithDepth(partial(LaPa, parts=True), folder, split),
    "helen-d": lambda folder, split: WithDepth(partial(Helen, parts=True), folder, split, without_hair=True),
}
KINDS = frozenset({*_WITHOUT_PARTS, *_WITH_PARTS, *_OF_PARTS})
_PICTURES_CHECKED = 9


def open_data(data: str, split: str, *, parts: bool = False) -> DataSet:
    """`open_dataset` for a command line's KIND:FOLDER ("cofw:~/sets/cofw")."""
    kind, colon, folder = data.partition(":")
    if not colon or not folder:
        raise UsageError(f"data {data!r}: expected KIND:FOLDER with a KIND of {', '.join(sorted(KINDS))}")
    return open_dataset(kind, Path(folder).expanduser(), split, parts=parts)


def open_dataset(kind: str, folder: Path, split: str, *, parts: bool = False) -> DataSet:
    """A split of a data set.

    Args:
        split: train, val or test (COFW and our own folders have no val), or several joined by +.
        parts: with the 13 part labels instead of background, face and occlusion.

    Raises:
        UsageError: an unknown kind or split, parts of a set that has none, or a set that has nothing else without.
        DataError: files are missing or damaged, or left and right are not as published.
    """
    if kind not in KINDS:
        raise UsageError(f"data set {kind!r} is unknown; expected one of {', '.join(sorted(KINDS))}")
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; expected one that holds {kind} as docs/datasets.md shows it")
    if kind in _WITHOUT_PARTS:
        if parts:
            expected = ", ".join(sorted({*_WITH_PARTS, *_OF_PARTS}))
            raise UsageError(f"{kind} has no part labels; expected one of {expected}")
        return _WITHOUT_PARTS[kind](folder, split)
    if kind in _OF_PARTS and not parts:
        expected = ", ".join(sorted({*_WITHOUT_PARTS, *_WITH_PARTS}))
        raise UsageError(
            f"{kind} has part labels alone, which this model does not tell apart; expected one of {expected}"
        )
    dataset = _OF_PARTS[kind](folder, split) if kind in _OF_PARTS else _WITH_PARTS[kind](folder, split, parts)
    if parts:
        _check_sides(dataset)
    return dataset


def _check_sides(dataset: DataSet) -> None:
    """Left and right swapped would train a network that is wrong everywhere, and no figure would tell."""
    left, right = PART_LABELS.index("left eye"), PART_LABELS.index("right eye")
    verdicts = []
    for index in np.unique(np.linspace(0, len(dataset) - 1, _PICTURES_CHECKED).astype(int)):
        labels = dataset[int(index)].labels
        columns = [np.nonzero(labels == eye)[1] for eye in (left, right)]
        if all(found.size for found in columns):
            verdicts.append(columns[0].mean() > columns[1].mean())  # the subject's left is the picture's right
    if verdicts and sum(verdicts) * 2 < len(verdicts):
        raise DataError(
            f"{dataset.name}: the left eye lies on the left of the picture in {len(verdicts) - sum(verdicts)} of "
            f"{len(verdicts)} pictures, expected the subject's left; are the pictures mirrored, or the labels swapped?"
        )
