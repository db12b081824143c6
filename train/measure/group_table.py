"""The table of held-aside faces by group, made copies among them, and a look at each group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import FACE
from realtime.frames.types import U8
from train.data.faces import Face
from train.measure.groups import Group, groups_of
from train.measure.held_out import Held
from train.measure.label_pictures import overlay, write_grid
from train.measure.metrics import Confusion, percent
from train.occluders.kinds import Occluders

LEAST_FACES = 8
"""Smaller groups are counted, not judged."""
MARGIN = 3.0
"""Percentage points below the mean from which on a group is marked."""

_SMALL_FACE_PX = 40
_TURN_DEGREES = 30
_TITLE_PX = 20


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a model made of a set: (N, S, S) class ids of its clean and of its pasted crops."""

    clean: U8
    pasted: U8


@dataclass(frozen=True, eq=False)
class Shown:
    """A group in the set that it is measured in."""

    group: Group
    held: Held
    predicted: Predicted


def made_copies(held: Held, faces: Sequence[Face], library: Occluders) -> dict[str, Held]:
    """Every face again, made harder; the truth stays."""

    def changed(change: Callable[[U8], U8]) -> Held:
        clean, pasted = (np.stack([change(crop) for crop in crops]) for crops in (held.clean, held.pasted))
        return replace(held, clean=clean, pasted=pasted)

    small_px = round(_SMALL_FACE_PX * held.spec.crop_scale)
    return {
        "darkened, a sixteenth of the light": changed(lambda crop: exposed(crop, -4)),
        "over-exposed, four times the light": changed(lambda crop: exposed(crop, 2)),
        "made grey": changed(lambda crop: cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)),
        f"small, {_SMALL_FACE_PX} px": changed(lambda crop: coarse(crop, small_px)),
        f"turned by {_TURN_DEGREES} degrees in the plane": Held.compose(faces, library, held.spec, _TURN_DEGREES),
    }


def exposed(rgb: U8, stops: float) -> U8:
    """The picture with 2 ** stops times the light, at a gamma of 2.2; what is too bright is clipped."""
    values = np.arange(256) * 2 ** (stops / 2.2)
    return cv2.LUT(rgb, np.clip(np.round(values), 0, 255).astype(np.uint8))


def coarse(rgb: U8, size_px: int) -> U8:
    """The picture at `size_px`, brought back to its own size."""
    small = cv2.resize(rgb, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def grouped(held: Held, predicted: Predicted, copies: dict[str, tuple[Held, Predicted]]) -> list[Shown]:
    """All faces, then each group, then each made copy of all faces."""
    everyone = np.arange(len(held.names))
    shown = [Shown(group, held, predicted) for group in (Group("all faces", "all", everyone), *groups_of(held))]
    return shown + [Shown(Group(name, "copy", everyone), *copy) for name, copy in copies.items()]


def group_rows(shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """The table, in percent; the first group is the mean that the others are held against.

    A group of fewer than LEAST_FACES has None for its figures. `below` names the columns (`clean`, `pasted`) in
    which the face's IoU is more than MARGIN points below the mean.
    """
    rows = [_row(one) for one in shown]
    mean = rows[0]
    for row in rows:
        row["below"] = [
            column
            for column in ("clean", "pasted")
            if None not in (row[f"{column}_face_iou"], mean[f"{column}_face_iou"])
            and row[f"{column}_face_iou"] < mean[f"{column}_face_iou"] - MARGIN
        ]
    return rows


def write_groups_sheet(path: Path, shown: Sequence[Shown]) -> Path:
    """A row for each group: input | truth | prediction of its worst, middle and best face, clean and then pasted."""
    return write_grid([_strip(one) for one in shown], path, columns=1)


def _row(shown: Shown) -> dict[str, Any]:
    at, held, predicted = shown.group.indices, shown.held, shown.predicted
    judged = len(at) >= LEAST_FACES
    figures = {
        "clean_face_iou": _face_iou(held.clean_labels[at], predicted.clean[at]),
        "pasted_face_iou": _face_iou(held.pasted_labels[at], predicted.pasted[at]),
        "occluder_taken_for_face": _taken_for_face(held.covered[at], predicted.pasted[at]),
    }
    return {
        "group": shown.group.name,
        "basis": shown.group.basis,
        "faces": len(at),
        **{name: value if judged else None for name, value in figures.items()},
    }


def _taken_for_face(covered: npt.NDArray[np.bool_], predicted: U8) -> float | None:
    return percent(float((predicted[covered] == FACE).mean())) if covered.any() else None


def _face_iou(truth: U8, predicted: U8) -> float | None:
    masks = ((ids == FACE).astype(np.uint8) for ids in (truth, predicted))
    return percent(Confusion.of(next(masks), next(masks), ("other", "face")).iou()["face"])


def _strip(shown: Shown) -> U8:
    held, predicted = shown.held, shown.predicted
    tiles = [
        *_tiles(held.clean, held.clean_labels, predicted.clean, shown.group.indices),
        *_tiles(held.pasted, held.pasted_labels, predicted.pasted, shown.group.indices),
    ]
    strip = np.hstack(tiles)
    title = np.zeros((_TITLE_PX, strip.shape[1], 3), np.uint8)
    text = f"{shown.group.name}: {len(shown.group.indices)} faces; worst, middle and best, clean and pasted"
    cv2.putText(title, text, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([title, strip])


def _tiles(rgb: U8, truth: U8, predicted: U8, indices: npt.NDArray[np.int64]) -> list[U8]:
    """The worst, the middle and the best (of fewer than three faces some twice): picture, truth and prediction."""

    def iou(index: int) -> float:
        value = _face_iou(truth[index], predicted[index])
        return 100.0 if value is None else value  # no visible face, and none found

    ordered = sorted(indices.tolist(), key=iou)
    picked = [ordered[0], ordered[len(ordered) // 2], ordered[-1]]
    return [np.hstack([rgb[i], overlay(rgb[i], truth[i]), overlay(rgb[i], predicted[i])]) for i in picked]
