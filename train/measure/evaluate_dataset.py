"""Evaluates a model of three classes on a data set: tables 1 to 4 (Structure via Consensus, sections 4.3 and 4.4).

Models of parts and of depth have tables of their own (`train.measure.evaluate_parts`).

The network's labels are mapped back to the picture by nearest neighbour and compared there: inside the face's box if
the set has one (COFW's protocol), else on the whole picture (aligned sets, such as Part Labels). Aligned sets are also
evaluated at the network's own size, as in tables 2 and 4.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import DataError, UsageError
from engines.spec import DEPTH_LABELS, PART_LABELS
from realtime.frames.types import U8
from train.datasets import DataSet, Example, on_picture, region_of, superpixels_on_crop, to_crop
from train.datasets.registry import reader_and_folder
from train.measure.evaluate_parts import Progress, evaluate_parts
from train.measure.metrics import ScoreTotals
from train.measure.open_model import Model, Predict, open_model
from train.measure.sheets import Comparison, write_comparison_sheet

_BATCH = 32
_TIMED_CROPS, _WARM_UP = 40, 5
_SHEET_PICTURES = 24


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
    """Evaluate a model, and a baseline to compare it with, on a data set. Returns a JSON-ready object.

    Args:
        data: KIND:FOLDER.
        limit: use only that many pictures, evenly spread over the split.
        translator: generates depth from colour, for models of parts that see depth.
        lights: names of `train.measure.light`, for models of parts and depth; none for the pictures as they are.
        sheet: where to write pictures with ground truth and predictions.

    Raises:
        UsageError: the model's labels are not the data set's, or it takes no translator or light.
        DataError: the data set is damaged or incomplete.
    """
    reader, folder = reader_and_folder(data)
    with ExitStack() as stack:
        names = {"baseline": baseline, "ours": model} if baseline else {"ours": model}
        models = {role: stack.enter_context(open_model(name)) for role, name in names.items()}
        parts = models["ours"].spec.labels in (PART_LABELS, DEPTH_LABELS)
        dataset = reader.open(folder, split, parts=parts)
        indices = _spread(len(dataset), limit)
        if parts:
            opened_translator = stack.enter_context(open_model(translator)) if translator else None
            result = evaluate_parts(
                models, dataset, indices, opened_translator, lights or ("normal",), sheet, progress, reader.merged,
                reader.whole_picture,
            )  # fmt: skip
            return {"data": reader.kind, "split": split} | result
        if translator or lights:
            raise UsageError(
                f"{models['ours'].name} has the labels {', '.join(models['ours'].spec.labels)}; a translator and "
                "lights are for models of parts and of depth: leave them out"
            )
        evaluations = {role: ModelScores(one, dataset) for role, one in models.items()}
        on_sheet = set(_spread(len(indices), _SHEET_PICTURES)) if sheet else set()
        comparisons = _score_all(dataset, indices, evaluations, on_sheet, progress)
        if sheet:
            write_comparison_sheet(sheet, comparisons, dataset.labels, models["ours"].spec)
        rows = [{"role": role} | row for role, scores in evaluations.items() for row in scores.rows()]
    return {
        "data": reader.kind,
        "split": split,
        "pictures": len(indices),
        "labels": list(dataset.labels),
        "rows": rows,
    }


@dataclass
class ModelScores:
    """The scores of one model, added up picture by picture."""

    model: Model
    dataset: DataSet
    _totals: dict[str, ScoreTotals] = field(default_factory=dict)
    _timed: list[U8] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.model.spec.labels) != len(self.dataset.labels):
            raise UsageError(
                f"{self.model.name} has the labels {', '.join(self.model.spec.labels)}, the data set "
                f"{self.dataset.name} has {', '.join(self.dataset.labels)}; choose a model and a set of the same labels"
            )

    def add(self, examples: Sequence[Example]) -> list[U8]:
        """Score some pictures. Returns the (H, W) class ids that are predicted for each."""
        spec = self.model.spec
        crops = [to_crop(example, spec) for example in examples]
        rgb = np.stack([crop for crop, _, _ in crops])
        self._timed += list(rgb[: _TIMED_CROPS - len(self._timed)])
        predicted = []
        for example, (_, truth, _), on_crop in zip(examples, crops, self.model.predict(rgb), strict=True):
            height, width = example.labels.shape
            predicted.append(on_picture(on_crop, region_of(example, spec), (width, height)))
            if example.box_xyxy is None and max(width, height) != spec.size_px:
                self._totals_at(f"at {spec.size_px} px").add(truth, on_crop, superpixels_on_crop(example, spec))
            self._add_on_picture(example, predicted[-1])
        return predicted

    def rows(self) -> list[dict[str, Any]]:
        """One row for each place where labels are compared."""
        fps = frames_per_second(self.model.predict, self._timed)
        return [
            {"model": self.model.name, "measured": where, "fps": fps, "classes": totals.class_row()}
            | ({"face": totals.face_row()} if totals.face in totals.labels else {})
            for where, totals in self._totals.items()
        ]

    def _add_on_picture(self, example: Example, predicted: U8) -> None:
        (rows, columns), where = _window(example)
        superpixels = None if example.superpixels is None else example.superpixels[rows, columns]
        self._totals_at(where).add(example.labels[rows, columns], predicted[rows, columns], superpixels)

    def _totals_at(self, where: str) -> ScoreTotals:
        return self._totals.setdefault(where, ScoreTotals(self.dataset.labels))


def frames_per_second(predict: Predict, crops: Sequence[U8]) -> int:
    """Speed of the network alone, one crop at a time: 1 / the median time."""
    seconds = []
    for index in range(_WARM_UP + len(crops)):
        started = time.perf_counter()
        predict(crops[index % len(crops)][None])
        seconds.append(time.perf_counter() - started)
    return round(1 / statistics.median(seconds[_WARM_UP:]))


def _score_all(
    dataset: DataSet,
    indices: list[int],
    evaluations: dict[str, ModelScores],
    on_sheet: set[int],
    progress: Progress | None,
) -> list[Comparison]:
    """Score every picture for every model. Returns the pictures at the positions `on_sheet`, with all predictions."""
    comparisons = []
    with ThreadPoolExecutor(2) as pool:
        for first in range(0, len(indices), _BATCH):
            examples = list(pool.map(dataset.__getitem__, indices[first : first + _BATCH]))
            predicted = {role: scores.add(examples) for role, scores in evaluations.items()}
            comparisons += [
                Comparison(example, {role: labels[i] for role, labels in predicted.items()})
                for i, example in enumerate(examples)
                if first + i in on_sheet
            ]
            if progress:
                progress(first + len(examples), len(indices))
    return comparisons


def _window(example: Example) -> tuple[tuple[slice, slice], str]:
    """The rows and columns of a picture in which labels are compared, and a name for them."""
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
