"""The rows of tables 1 to 4 (Structure via Consensus, 4.3 and 4.4) for any checkpoint or engine and data set.

Networks of parts and of depth have tables of their own (`train.measure.parts.tables`).

The network's labels are brought back to the picture by nearest neighbour and compared there: inside the face's box
where the set has one (COFW's protocol), on the whole picture where it is aligned (Part Labels). Aligned sets are
measured at the network's own size, too, as in tables 2 and 4.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import DataError, UsageError
from engines.spec import DEPTH_LABELS, PART_LABELS
from realtime.frames.types import U8
from train.datasets import DataSet, Example, on_picture, open_data, region_of, superpixels_on_crop, to_crop
from train.measure.comparison_sheet import Shown, write_sheet
from train.measure.evaluate import Predict
from train.measure.metrics import Tally
from train.measure.open_model import Model, open_model
from train.measure.parts.tables import evaluate_parts

Progress = Callable[[int, int], None]

_BATCH = 32
_TIMED_CROPS, _WARM_UP = 40, 5


def evaluate_data(
    model: str,
    data: str,
    *,
    split: str = "test",
    limit: int | None = None,
    baseline: str | None = None,
    translator: str | None = None,
    lights: Sequence[str] = (),
    sheet: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The tables' rows of a model, and of a baseline above it, as JSON.

    Args:
        data: KIND:FOLDER.
        limit: only that many pictures, evenly spread over the split.
        translator: makes depth from colour, for models of parts that see depth.
        lights: of `train.measure.light`, for models of parts and depth; none for the pictures as they are.
        sheet: where to write a look at it: input, truth, baseline, ours.

    Raises:
        UsageError: the model's labels are not the data set's, or it takes no translator or light.
        DataError: the data set is not what it should be.
    """
    with ExitStack() as stack:
        names = {"baseline": baseline, "ours": model} if baseline else {"ours": model}
        models = {role: stack.enter_context(open_model(name)) for role, name in names.items()}
        parts = models["ours"].spec.labels in (PART_LABELS, DEPTH_LABELS)
        dataset = open_data(data, split, parts=parts)
        indices = _spread(len(dataset), limit)
        if parts:
            depth_of = stack.enter_context(open_model(translator)) if translator else None
            result = evaluate_parts(models, dataset, indices, depth_of, lights or ("normal",), sheet, progress)
            return {"data": dataset.name, "split": split} | result
        if translator or lights:
            raise UsageError(
                f"{models['ours'].name} tells {', '.join(models['ours'].spec.labels)} apart; a translator and lights "
                "are for models of parts and of depth: leave them out"
            )
        columns = {role: Column(one, dataset) for role, one in models.items()}
        shown = _run(dataset, indices, columns, set(_spread(len(indices), 24)) if sheet else set(), progress)
        if sheet:
            write_sheet(sheet, shown, dataset.labels, models["ours"].spec)
        rows = [{"role": role} | row for role, column in columns.items() for row in column.rows()]
    return {
        "data": dataset.name,
        "split": split,
        "pictures": len(indices),
        "labels": list(dataset.labels),
        "rows": rows,
    }


@dataclass
class Column:
    """The figures of one model, added up."""

    model: Model
    dataset: DataSet
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _timed: list[U8] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.model.spec.labels) != len(self.dataset.labels):
            raise UsageError(
                f"{self.model.name} tells {', '.join(self.model.spec.labels)} apart, the data set "
                f"{self.dataset.name} {', '.join(self.dataset.labels)}; choose a model and a set of the same labels"
            )

    def add(self, examples: Sequence[Example]) -> list[U8]:
        """Count some pictures; returns the (H, W) class ids that were predicted for each."""
        spec = self.model.spec
        crops = [to_crop(example, spec) for example in examples]
        rgb = np.stack([crop for crop, _, _ in crops])
        self._timed += list(rgb[: _TIMED_CROPS - len(self._timed)])
        found = []
        for example, (_, truth, _), on_crop in zip(examples, crops, self.model.predict(rgb), strict=True):
            height, width = example.labels.shape
            found.append(on_picture(on_crop, region_of(example, spec), (width, height)))
            if example.box_xyxy is None and max(width, height) != spec.size_px:
                self._tally(f"at {spec.size_px} px").add(truth, on_crop, superpixels_on_crop(example, spec))
            self._add_on_picture(example, found[-1])
        return found

    def rows(self) -> list[dict[str, Any]]:
        """One row for each place where the figures were taken."""
        fps = frames_per_second(self.model.predict, self._timed)
        return [
            {"model": self.model.name, "measured": where, "fps": fps, "classes": tally.class_row()}
            | ({"face": tally.binary_row()} if tally.face in tally.labels else {})
            for where, tally in self._tallies.items()
        ]

    def _add_on_picture(self, example: Example, predicted: U8) -> None:
        (rows, columns), where = _window(example)
        superpixels = None if example.superpixels is None else example.superpixels[rows, columns]
        self._tally(where).add(example.labels[rows, columns], predicted[rows, columns], superpixels)

    def _tally(self, where: str) -> Tally:
        return self._tallies.setdefault(where, Tally(self.dataset.labels))


def frames_per_second(predict: Predict, crops: Sequence[U8]) -> int:
    """Of the network alone, a crop at a time: 1 / the median."""
    seconds = []
    for index in range(_WARM_UP + len(crops)):
        started = time.perf_counter()
        predict(crops[index % len(crops)][None])
        seconds.append(time.perf_counter() - started)
    return round(1 / statistics.median(seconds[_WARM_UP:]))


def _run(
    dataset: DataSet, indices: list[int], columns: dict[str, Column], picked: set[int], progress: Progress | None
) -> list[Shown]:
    """Count every picture in every column; returns those that were picked, by their position, with all labels."""
    shown = []
    with ThreadPoolExecutor(2) as pool:
        for first in range(0, len(indices), _BATCH):
            examples = list(pool.map(dataset.__getitem__, indices[first : first + _BATCH]))
            found = {role: column.add(examples) for role, column in columns.items()}
            shown += [
                Shown(example, {role: labels[i] for role, labels in found.items()})
                for i, example in enumerate(examples)
                if first + i in picked
            ]
            if progress:
                progress(first + len(examples), len(indices))
    return shown


def _window(example: Example) -> tuple[tuple[slice, slice], str]:
    """Where a picture's labels are compared, as rows and columns, and what that is called."""
    height, width = example.labels.shape
    if example.box_xyxy is None:
        return (slice(0, height), slice(0, width)), f"at {max(width, height)} px"
    left, top, right, bottom = example.box_xyxy
    rows = slice(max(0, math.floor(top)), max(0, min(height, math.ceil(bottom))))
    columns = slice(max(0, math.floor(left)), max(0, min(width, math.ceil(right))))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        raise DataError(f"{example.name}: the face's box {example.box_xyxy} lies outside the {width}x{height} picture")
    return (rows, columns), "in the face box"


def _spread(count: int, limit: int | None) -> list[int]:
    """At most `limit` of `count` indices, evenly spread."""
    return [int(i) for i in np.linspace(0, count - 1, min(count, limit or count))]
