"""The kinds of data sets: how each is opened, and which tables it is evaluated with.

A new kind is one file, which ends in `register(Reader(...))`, and one import in `train/datasets/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.errors import DataError, UsageError
from engines.spec import PART_LABELS
from train.datasets.base import DataSet

Opener = Callable[[Path, str], DataSet]
"""(folder, split) -> the pictures of the split."""

_PICTURES_CHECKED = 9


@dataclass(frozen=True)
class Table:
    """A table of scores of face, occlusion and background."""

    title: str
    scores: str
    """The part of a result's row with the columns: "face" or "classes" (`train.measure.metrics`)."""
    columns: Mapping[str, str]
    """Key -> heading. A key or heading with {label} stands for one column per label of the data set."""


FACE_TABLE = Table(
    "Table 1: face against all else",
    "face",
    {
        "iou_face": "IoU face",
        "accuracy": "accuracy",
        "recall_face": "recall face",
        "mean_recall": "mean recall",
        "sparsity": "sparsity",
        "fps": "fps",
    },
)
CLASS_TABLES = (
    Table(
        "Tables 2 and 3: by class",
        "classes",
        {
            "iou_{label}": "IoU {label}",
            "mean_iou": "mean IoU",
            "mean_recall": "mean recall",
            "accuracy": "accuracy",
            "superpixel_accuracy": "superpixel accuracy",
            "sparsity": "sparsity",
        },
    ),
    Table("Table 4: F1", "classes", {"f1_{label}": "F1 {label}", "accuracy": "accuracy"}),
)
"""FACE_TABLE and these are the tables of Structure via Consensus, sections 4.3 and 4.4."""


@dataclass(frozen=True)
class MergedClasses:
    """A table of F1 in which several parts count as one class."""

    title: str
    columns: Mapping[str, tuple[str, ...]]
    """Heading -> the parts that it merges."""
    overall: tuple[str, ...]
    """Headings whose classes together are one class in one more column, `overall`."""


@dataclass(frozen=True)
class Reader:
    """A kind of data set."""

    kind: str
    """As in KIND:FOLDER."""
    consensus: Opener | None = None
    """Opens it with labels of three classes; None if the set has part labels only."""
    parts: Opener | None = None
    """Opens it with the 13 part labels; None if the set has none."""
    tables: tuple[Table, ...] = (FACE_TABLE, *CLASS_TABLES)
    """What a model of three classes is evaluated with."""
    merged: MergedClasses | None = None
    """A table of merged parts, in addition to the one of all parts."""
    whole_picture: bool = True
    """Whether the labels of parts are complete, so that a network is also scored beyond its crop."""

    def open(self, folder: Path, split: str, *, parts: bool = False) -> DataSet:
        """Open a split.

        Args:
            split: train, val or test (COFW and our own folders have no val), or several joined by +.
            parts: open it with the 13 part labels.

        Raises:
            UsageError: the split is unknown, or the set does not have these labels.
            DataError: files are missing or damaged, or left and right are swapped.
        """
        if not folder.is_dir():
            raise DataError(
                f"{folder} is not a folder; expected one that holds {self.kind} as docs/datasets.md shows it"
            )
        opener = self.parts if parts else self.consensus
        if opener is None:
            suitable = sorted(r.kind for r in READERS.values() if (r.parts if parts else r.consensus))
            has = "no part labels" if parts else "only part labels, which this model does not have"
            raise UsageError(f"{self.kind} has {has}; expected one of {', '.join(suitable)}")
        dataset = opener(folder, split)
        if parts:
            _check_sides(dataset)
        return dataset


READERS: dict[str, Reader] = {}


def register(reader: Reader) -> Reader:
    """Add a kind of data set."""
    READERS[reader.kind] = reader
    return reader


def find_reader(kind: str) -> Reader:
    """The reader of a kind. Raises UsageError if it is unknown."""
    if kind not in READERS:
        raise UsageError(f"data set {kind!r} is unknown; expected one of {', '.join(sorted(READERS))}")
    return READERS[kind]


def reader_and_folder(data: str) -> tuple[Reader, Path]:
    """Parse the command line's KIND:FOLDER ("cofw:~/sets/cofw"). Raises UsageError if it is something else."""
    kind, colon, folder = data.partition(":")
    if not colon or not folder:
        raise UsageError(f"data {data!r}: expected KIND:FOLDER with a KIND of {', '.join(sorted(READERS))}")
    return find_reader(kind), Path(folder).expanduser()


def open_data(data: str, split: str, *, parts: bool = False) -> DataSet:
    """Open a split of KIND:FOLDER. Errors: as `Reader.open`, and UsageError for an unknown kind."""
    reader, folder = reader_and_folder(data)
    return reader.open(folder, split, parts=parts)


def open_dataset(kind: str, folder: Path, split: str, *, parts: bool = False) -> DataSet:
    """Open a split of a data set. Errors: as `Reader.open`, and UsageError for an unknown kind."""
    return find_reader(kind).open(folder, split, parts=parts)


def _check_sides(dataset: DataSet) -> None:
    """Raise DataError if left and right are swapped: a network would learn them wrong, and no score would show it."""
    left, right = PART_LABELS.index("left eye"), PART_LABELS.index("right eye")
    correct = []
    for index in np.unique(np.linspace(0, len(dataset) - 1, _PICTURES_CHECKED).astype(int)):
        labels = dataset[int(index)].labels
        columns = [np.nonzero(labels == eye)[1] for eye in (left, right)]
        if all(pixels.size for pixels in columns):
            correct.append(columns[0].mean() > columns[1].mean())  # the subject's left is on the picture's right
    if correct and sum(correct) * 2 < len(correct):
        raise DataError(
            f"{dataset.name}: the left eye lies on the left of the picture in {len(correct) - sum(correct)} of "
            f"{len(correct)} pictures, expected the subject's left; are the pictures mirrored, or the labels swapped?"
        )
