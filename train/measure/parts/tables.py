"""The rows of tables 2 to 6 (Cross-Domain Mutual Learning, section 4) for any model and data set with part labels.

Parts: the probabilities are brought back to the picture as at run time, and the likeliest class is compared there,
wherever the network looks; and in the network's own crop, before that. All pictures share one confusion matrix.
Depth: the gray crop that is made of colour against the measured one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engines.errors import UsageError
from realtime.frames.types import U8
from train.datasets import DataSet, Example
from train.measure.light import LIGHTS
from train.measure.open_model import Model
from train.measure.parts.inputs import Cut, View, cut, in_light, views_of
from train.measure.parts.sheet import Look, write_sheet
from train.measure.parts.tallies import Tally, tally_of

Progress = Callable[[int, int], None]

_BATCH = 16
_SHOWN = 12
_HELEN = ("helen", "helen-d")


def evaluate_parts(
    models: Mapping[str, Model],
    dataset: DataSet,
    indices: Sequence[int],
    translator: Model | None,
    lights: Sequence[str],
    sheet: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The rows of some models, as JSON: for each light and group (photographs, synthetic heads).

    Args:
        models: by role; of parts or of depth.
        translator: makes depth from colour for those that see depth: a row more for each.
        lights: names of `train.measure.light`.
        sheet: where to write some pictures with what the models make of them.

    Raises:
        UsageError: an unknown light, or models that do not belong together.
        DataError: depth is needed, and the set has none.
    """
    if unknown := [light for light in lights if light not in LIGHTS]:
        raise UsageError(f"light {unknown[0]!r} is unknown; expected {', '.join(LIGHTS)}")
    views = views_of(models, translator, dataset.name, dataset[0].depth_m is not None)
    tables = [_Rows(view, light) for light in lights for view in views]
    picked = {indices[int(i)] for i in np.linspace(0, len(indices) - 1, min(_SHOWN, len(indices)))} if sheet else set()
    looks: list[Look] = []
    with ThreadPoolExecutor(2) as pool:
        for first in range(0, len(indices), _BATCH):
            numbers = indices[first : first + _BATCH]
            examples = list(pool.map(dataset.__getitem__, numbers))
            said = [rows.add(examples, numbers) for rows in tables]
            looks += [look for i, number in enumerate(numbers) if number in picked for look in _looks(said, i)]
            if progress:
                progress(first + len(examples), len(indices))
    if sheet:
        write_sheet(sheet, looks)
    rows = [row for table in tables for row in table.to_json(dataset.name in _HELEN)]
    return {"pictures": len(indices), "labels": list(dataset.labels), "lights": list(lights), "rows": rows}


@dataclass(frozen=True, eq=False)
class _Said:
    """What one view was shown of a batch, and what it made of it."""

    view: View
    light: str
    cuts: Sequence[Cut]
    lit: U8
    shown: U8
    found: Sequence[U8]
    """(S, S) of each: class ids, or gray."""


@dataclass
class _Rows:
    """The figures of one view in one light, by group."""

    view: View
    light: str
    _tallies: dict[str, Tally] = field(default_factory=dict)

    def add(self, examples: Sequence[Example], numbers: Sequence[int]) -> _Said:
        spec = self.view.model.spec
        cuts = [cut(example, spec) for example in examples]
        lit = in_light(cuts, self.light, numbers)
        shown = self.view.shown(cuts, lit)
        probabilities = self.view.model.probabilities(shown)
        found = [
            self._tally(example.group).add(example, one, shares)
            for example, one, shares in zip(examples, cuts, probabilities, strict=True)
        ]
        return _Said(self.view, self.light, cuts, lit, shown, found)

    def to_json(self, helen: bool) -> list[dict[str, Any]]:
        view = self.view
        about = {"role": view.role, "model": view.model.name, "sees": view.sees, "light": self.light}
        return [about | {"group": group} | tally.to_json(helen) for group, tally in self._tallies.items()]

    def _tally(self, group: str) -> Tally:
        if group not in self._tallies:
            self._tallies[group] = tally_of(self.view.model.spec)
        return self._tallies[group]


def _looks(said: Sequence[_Said], index: int) -> list[Look]:
    """One picture in each light: what was shown, and what each view made of it."""
    looks: dict[str, Look] = {}
    for one in said:
        here = one.cuts[index]
        look = looks.setdefault(one.light, Look(one.light, one.lit[index], here.truth, here.depth))
        look.add(f"{one.view.role}, {one.view.sees}", one.shown[index], one.found[index], one.view)
    return list(looks.values())
