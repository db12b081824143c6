"""Evaluates models of parts and of depth: tables 2 to 6 (Cross-Domain Mutual Learning, section 4).

Parts: the probabilities are mapped back to the picture as at run time, and the most likely class is compared there,
wherever the network looks; and before that in the network's own crop. All pictures share one confusion matrix.
Depth: the depth that is generated from a crop's colour is compared with the measured depth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from engines.errors import DataError, UsageError
from engines.spec import DEPTH_LABELS, PART_LABELS, ModelSpec
from realtime.frames.crop import NO_WINDOW, probabilities_on_frame
from realtime.frames.depth import STEP_M
from realtime.frames.types import U8
from train.datasets import DataSet, Example
from train.datasets.registry import MergedClasses
from train.measure.light import LIGHTS
from train.measure.metrics import Confusion, f1_row, merged_f1_row, percent
from train.measure.open_model import Model
from train.measure.parts_inputs import COLOUR, GENERATED, Crop, ModelInput, crop_of, depth_from, in_light, model_inputs
from train.measure.sheets import PartsComparison, write_parts_sheet

Progress = Callable[[int, int], None]
"""Receives the number of pictures that are done, and of all."""

_BATCH = 16
_SHEET_PICTURES = 12


def evaluate_parts(
    models: Mapping[str, Model],
    dataset: DataSet,
    indices: Sequence[int],
    translator: Model | None,
    lights: Sequence[str],
    sheet: Path | None = None,
    progress: Progress | None = None,
    merged: MergedClasses | None = None,
    whole_picture: bool = False,
) -> dict[str, Any]:
    """Evaluate models in each light, by group (photographs, synthetic heads). Returns a JSON-ready object.

    Args:
        models: by role; of parts or of depth.
        indices: the pictures of the data set to use.
        translator: generates depth from colour; models that see depth are also evaluated with it.
        lights: names of `train.measure.light`.
        sheet: where to write some pictures with the predictions.
        merged: merged classes, which are scored in addition.
        whole_picture: also compare what lies beyond the crop, where a network finds nothing.

    Raises:
        UsageError: a light is unknown, or the models do not belong together.
        DataError: depth is needed, and the data set has none.
    """
    if unknown := [light for light in lights if light not in LIGHTS]:
        raise UsageError(f"light {unknown[0]!r} is unknown; expected {', '.join(LIGHTS)}")
    inputs = model_inputs(models, translator, dataset.name, dataset[0].depth_m is not None)
    evaluations = [_InputScores(one, light, merged, whole_picture) for light in lights for one in inputs]
    on_sheet: set[int] = set()
    if sheet:
        on_sheet = {indices[int(i)] for i in np.linspace(0, len(indices) - 1, min(_SHEET_PICTURES, len(indices)))}
    comparisons: list[PartsComparison] = []
    with ThreadPoolExecutor(2) as pool:
        for first in range(0, len(indices), _BATCH):
            numbers = indices[first : first + _BATCH]
            examples = list(pool.map(dataset.__getitem__, numbers))
            results = [scores.add(examples, numbers) for scores in evaluations]
            for position, number in enumerate(numbers):
                if number in on_sheet:
                    comparisons += _compare(results, position)
            if progress:
                progress(first + len(examples), len(indices))
    if sheet:
        write_parts_sheet(sheet, comparisons)
    rows = [row for scores in evaluations for row in scores.rows()]
    return {"pictures": len(indices), "labels": list(dataset.labels), "lights": list(lights), "rows": rows}


@dataclass(frozen=True, eq=False)
class _BatchResult:
    """The input of one model for a batch of pictures, and its predictions."""

    input: ModelInput
    light: str
    crops: Sequence[Crop]
    lit: U8
    images: U8
    predicted: Sequence[U8]
    """(S, S) for each picture: class ids, or gray depth."""


@dataclass
class _InputScores:
    """The scores of a model with one kind of input in one light, by group."""

    input: ModelInput
    light: str
    merged: MergedClasses | None
    whole_picture: bool
    _groups: dict[str, Scores] = field(default_factory=dict)

    def add(self, examples: Sequence[Example], numbers: Sequence[int]) -> _BatchResult:
        spec = self.input.model.spec
        crops = [crop_of(example, spec) for example in examples]
        lit = in_light(crops, self.light, numbers)
        images = self.input.images(crops, lit)
        probabilities = self.input.model.probabilities(images)
        predicted = [
            self._scores_of(example.group).add(example, crop, shares)
            for example, crop, shares in zip(examples, crops, probabilities, strict=True)
        ]
        return _BatchResult(self.input, self.light, crops, lit, images, predicted)

    def rows(self) -> list[dict[str, Any]]:
        one = self.input
        about = {"role": one.role, "model": one.model.name, "sees": one.sees, "light": self.light}
        return [about | {"group": group} | scores.row() for group, scores in self._groups.items()]

    def _scores_of(self, group: str) -> Scores:
        if group not in self._groups:
            self._groups[group] = empty_scores(self.input.model.spec, self.merged, self.whole_picture)
        return self._groups[group]


def _compare(results: Sequence[_BatchResult], position: int) -> list[PartsComparison]:
    """One picture of a batch in each light, with what every model predicts for it."""
    by_light: dict[str, PartsComparison] = {}
    for result in results:
        crop, lit = result.crops[position], result.lit[position]
        comparison = by_light.setdefault(result.light, PartsComparison(result.light, lit, crop.truth, crop.depth))
        image, predicted, sees = result.images[position], result.predicted[position], result.input.sees
        title = f"{result.input.role}, {sees}"
        if result.input.model.spec.labels == DEPTH_LABELS:
            comparison.add_depth(title, predicted)
            continue
        if sees == GENERATED:
            comparison.add_depth(GENERATED, image)
        # A model that sees colour is drawn over the picture in its own light: only there can the parts be judged.
        comparison.add_parts(title, comparison.rgb if sees == COLOUR else image, predicted)
    return list(by_light.values())


class Scores(Protocol):
    """The scores of one model, added up picture by picture."""

    def add(self, example: Example, crop: Crop, probabilities: U8) -> U8:
        """Score one picture.

        Args:
            probabilities: (S, S, K) uint8, the model's output for the crop.

        Returns:
            (S, S) uint8: the prediction in the crop, class ids or gray depth.

        Raises:
            DataError: the picture has nothing to compare with.
        """

    def row(self) -> dict[str, Any]:
        """The scores, JSON-ready."""


def empty_scores(spec: ModelSpec, merged: MergedClasses | None, whole_picture: bool = False) -> Scores:
    """The scores that fit a model, before the first picture."""
    return DepthScores() if spec.labels == DEPTH_LABELS else PartsScores(merged, whole_picture)


def _no_pixels() -> Confusion:
    return Confusion(np.zeros((len(PART_LABELS),) * 2, np.int64), PART_LABELS)


@dataclass
class PartsScores:
    """Parts against ground truth, on the picture and in the network's crop."""

    merged: MergedClasses | None = None
    whole_picture: bool = False
    """Whether pixels beyond the network's crop count: to it they are background."""
    pictures: int = 0
    on_picture: Confusion = field(default_factory=_no_pixels)
    in_crop: Confusion = field(default_factory=_no_pixels)

    def add(self, example: Example, crop: Crop, probabilities: U8) -> U8:
        """Score one picture; see `Scores`."""
        height, width = example.labels.shape
        window, shares = probabilities_on_frame(probabilities, crop.region, (width, height))
        if window == NO_WINDOW:
            raise DataError(f"{example.name}: its face's box lies outside the {width}x{height} picture")
        left, top, right, bottom = window
        predicted = np.zeros_like(example.labels)
        predicted[top:bottom, left:right] = shares.argmax(axis=2)
        rows = columns = slice(None)
        if not self.whole_picture:
            rows, columns = slice(top, bottom), slice(left, right)
        self.on_picture += Confusion.of(example.labels[rows, columns], predicted[rows, columns], PART_LABELS)
        ids = probabilities.argmax(axis=2).astype(np.uint8)
        self.in_crop += Confusion.of(crop.truth, ids, PART_LABELS)
        self.pictures += 1
        return ids

    def row(self) -> dict[str, Any]:
        """F1 and accuracy in percent."""
        row = {
            "pictures": self.pictures,
            **f1_row(self.on_picture),
            "accuracy": percent(self.on_picture.accuracy()),
            "mean_f1_in_crop": f1_row(self.in_crop)["mean_f1"],
        }
        if self.merged:
            row["merged"] = merged_f1_row(self.on_picture, self.merged.columns, self.merged.overall)
        return row


@dataclass
class DepthScores:
    """Generated against measured depth, in the crop."""

    pictures: int = 0
    _steps: int = 0
    _pixels: int = 0
    _steps_of_both: int = 0
    _pixels_of_both: int = 0

    def add(self, example: Example, crop: Crop, probabilities: U8) -> U8:
        """Score one picture; see `Scores`."""
        if crop.depth is None:
            raise DataError(f"{example.name} has no depth to compare with; expected a set with depth, such as parts")
        generated, measured = depth_from(probabilities), crop.depth[:, :, 0]
        steps = np.abs(generated.astype(np.int64) - measured)
        both = (measured > 0) & (generated > 0)
        self.pictures += 1
        self._steps += int(steps.sum())
        self._pixels += steps.size
        self._steps_of_both += int(steps[both].sum())
        self._pixels_of_both += int(both.sum())
        return generated

    def row(self) -> dict[str, Any]:
        """`l1` over all pixels in the network's -1..1 (table 4); `l1_mm` over the pixels where both have depth."""
        millimetres = self._steps_of_both / max(1, self._pixels_of_both) * STEP_M * 1000
        return {
            "pictures": self.pictures,
            "l1": round(self._steps / max(1, self._pixels) / 127.5, 4),
            "l1_mm": round(millimetres, 2) if self._pixels_of_both else None,
        }
