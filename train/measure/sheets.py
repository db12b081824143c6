"""Pictures of what models predict, as contact sheets: input, ground truth and prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import ModelSpec
from realtime.frames.crop import crop_from_frame
from realtime.frames.resampling import warp
from realtime.frames.types import U8
from train.data.faces import warp_labels
from train.datasets import Example, region_of
from train.measure.groups import EvaluatedGroup, Predictions, face_iou
from train.measure.held_out import HeldOutSet
from train.measure.label_pictures import overlay, parts_overlay, write_grid
from train.measure.metrics import Confusion

_HELD_OUT_FACES, _HELD_OUT_COLUMNS = 40, 4
_TITLE_PX = 20
_TILE_PX, _CAPTION_PX, _COLUMNS = 160, 16, 3
_PARTS_TILE_PX = 208
_MASKED = (58, 72, 104)  # a dull blue that no face has


# Held-out faces


def write_held_out_sheet(
    path: Path, held_out: HeldOutSet, predictions: Predictions, count: int = _HELD_OUT_FACES
) -> Path:
    """Write evenly spread faces with a pasted occluder: input | ground truth | prediction."""
    picked = np.linspace(0, len(held_out.names) - 1, min(count, len(held_out.names))).astype(int)
    tiles = [_triple(held_out.pasted[i], held_out.pasted_labels[i], predictions.pasted[i]) for i in picked]
    return write_grid(tiles, path, _HELD_OUT_COLUMNS)


def write_groups_sheet(path: Path, groups: Sequence[EvaluatedGroup]) -> Path:
    """Write a row for each group: its worst, middle and best face, unmodified and then occluded."""
    return write_grid([_group_row(group) for group in groups], path, columns=1)


def _group_row(evaluated: EvaluatedGroup) -> U8:
    held_out, predictions, indices = evaluated.held_out, evaluated.predictions, evaluated.group.indices
    row = np.hstack([
        *_worst_middle_best(held_out.clean, held_out.clean_labels, predictions.clean, indices),
        *_worst_middle_best(held_out.pasted, held_out.pasted_labels, predictions.pasted, indices),
    ])  # fmt: skip
    title = np.zeros((_TITLE_PX, row.shape[1], 3), np.uint8)
    text = f"{evaluated.group.name}: {len(indices)} faces; worst, middle and best, unmodified and occluded"
    cv2.putText(title, text, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([title, row])


def _worst_middle_best(rgb: U8, truth: U8, predicted: U8, indices: npt.NDArray[np.int64]) -> list[U8]:
    """Three faces by the face's IoU; in a group of fewer than three, some appear twice."""

    def iou(index: int) -> float:
        value = face_iou(truth[index], predicted[index])
        return 100.0 if value is None else value  # no face is visible, and none is predicted

    ordered = sorted(indices.tolist(), key=iou)
    picked = [ordered[0], ordered[len(ordered) // 2], ordered[-1]]
    return [_triple(rgb[i], truth[i], predicted[i]) for i in picked]


def _triple(rgb: U8, truth: U8, predicted: U8) -> U8:
    return np.hstack([rgb, overlay(rgb, truth), overlay(rgb, predicted)])


# Data sets with faces and occlusions, after figures 5 and 6 of Structure via Consensus


@dataclass(frozen=True, eq=False)
class Comparison:
    """A picture, and what each model predicts for it."""

    example: Example
    predicted: dict[str, U8]
    """(H, W) class ids by the title of their column, in order."""


def write_comparison_sheet(
    path: Path, comparisons: Sequence[Comparison], labels: tuple[str, ...], spec: ModelSpec
) -> Path:
    """Write pictures as one PNG: input | ground truth | each model. What is not face is masked.

    The percentages are the IoU of the face in that picture.

    Args:
        labels: the names of the class ids.
        spec: the network whose crop is shown.
    """
    return write_grid([_comparison_tiles(one, labels, spec) for one in comparisons], path, _COLUMNS)


def _comparison_tiles(comparison: Comparison, labels: tuple[str, ...], spec: ModelSpec) -> U8:
    affine = crop_from_frame(region_of(comparison.example, spec), _TILE_PX)
    rgb = warp(comparison.example.rgb, affine, _TILE_PX)

    def face_of(ids: U8) -> U8:
        return (warp_labels(ids, affine, _TILE_PX) == labels.index("face")).astype(np.uint8)

    truth = face_of(comparison.example.labels)
    tiles = [_captioned(rgb, "input"), _captioned(_masked(rgb, truth), "ground truth")]
    for title, ids in comparison.predicted.items():
        face = face_of(ids)
        iou = Confusion.of(truth, face, ("rest", "face")).iou()["face"]
        tiles.append(_captioned(_masked(rgb, face), title if np.isnan(iou) else f"{title} {100 * iou:.0f}%"))
    gap = np.zeros((_TILE_PX + _CAPTION_PX, 6, 3), np.uint8)
    return np.hstack([*tiles, gap])


def _masked(rgb: U8, face: U8) -> U8:
    return np.where(face[:, :, None] > 0, rgb, np.array(_MASKED, np.uint8))


# Parts and depth, after figures 4 to 6 of Cross-Domain Mutual Learning


@dataclass
class PartsComparison:
    """One picture in one light, and what each model predicts for it."""

    light: str
    rgb: U8
    """(S, S, 3)"""
    truth: U8
    """(S, S): class ids."""
    measured_depth: U8 | None
    """(S, S, 3): gray."""
    _predicted: list[tuple[str, U8]] = field(default_factory=list)

    def add_parts(self, title: str, background: U8, ids: U8) -> None:
        """Add predicted parts, (S, S) class ids, drawn over the (S, S, 3) picture `background`."""
        self._predicted.append((title, parts_overlay(background, ids)))

    def add_depth(self, title: str, gray: U8) -> None:
        """Add generated depth, (S, S) or (S, S, 3) gray."""
        self._predicted.append((title, gray if gray.ndim == 3 else np.repeat(gray[:, :, None], 3, axis=2)))

    def row(self) -> U8:
        """Input | measured depth | ground truth | predictions."""
        tiles = [(f"{self.light}: input", self.rgb)]
        tiles += [] if self.measured_depth is None else [("measured depth", self.measured_depth)]
        tiles += [("ground truth", parts_overlay(self.rgb, self.truth)), *self._predicted]
        size = (_PARTS_TILE_PX, _PARTS_TILE_PX)
        resized = [(title, cv2.resize(tile, size, interpolation=cv2.INTER_AREA)) for title, tile in tiles]
        return np.hstack([_captioned(tile.astype(np.uint8), title) for title, tile in resized])


def write_parts_sheet(path: Path, comparisons: Sequence[PartsComparison]) -> Path:
    """Write a row for each picture and light."""
    return write_grid([one.row() for one in comparisons], path, columns=1)


def _captioned(rgb: U8, caption: str) -> U8:
    """A tile with a line of text above it."""
    strip = np.zeros((_CAPTION_PX, rgb.shape[1], 3), np.uint8)
    cv2.putText(strip, caption, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
    return np.vstack([strip, rgb])
