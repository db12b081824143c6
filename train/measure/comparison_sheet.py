"""Qualitative sheets after figures 5 and 6: input, truth, baseline, ours; what is not face is masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engines.spec import ModelSpec
from realtime.frames.crop import crop_from_frame
from realtime.frames.resampling import warp
from realtime.frames.types import U8
from train.data.faces import warp_labels
from train.datasets import Example, region_of
from train.measure.label_pictures import write_grid
from train.measure.metrics import Confusion

_TILE_PX, _CAPTION_PX, _COLUMNS = 160, 16, 3
_MASKED = (58, 72, 104)  # a dull blue that no face has


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture, and what each column of the sheet says about it."""

    example: Example
    found: dict[str, U8]
    """(H, W) class ids by the column's title, in order."""


def write_sheet(path: Path, shown: Sequence[Shown], labels: tuple[str, ...], spec: ModelSpec) -> Path:
    """Write the pictures as one PNG. The percentages are IoU of the face in that picture.

    Args:
        labels: the names of the class ids.
        spec: the network whose crop is shown.
    """
    return write_grid([_group(one, labels, spec) for one in shown], path, _COLUMNS)


def _group(one: Shown, labels: tuple[str, ...], spec: ModelSpec) -> U8:
    affine = crop_from_frame(region_of(one.example, spec), _TILE_PX)
    rgb = warp(one.example.rgb, affine, _TILE_PX)
    truth, *found = (
        _face(warp_labels(ids, affine, _TILE_PX), labels) for ids in (one.example.labels, *one.found.values())
    )
    tiles = [captioned(rgb, "input"), captioned(_masked(rgb, truth), "truth")]
    for title, face in zip(one.found, found, strict=True):
        iou = Confusion.of(truth, face, ("rest", "face")).iou()["face"]
        tiles.append(captioned(_masked(rgb, face), title if np.isnan(iou) else f"{title} {100 * iou:.0f}%"))
    gap = np.zeros((_TILE_PX + _CAPTION_PX, 6, 3), np.uint8)
    return np.hstack([*tiles, gap])


def _face(ids: U8, labels: tuple[str, ...]) -> U8:
    """(S, S): 1 where the face is."""
    return (ids == labels.index("face")).astype(np.uint8)


def _masked(rgb: U8, face: U8) -> U8:
    return np.where(face[:, :, None] > 0, rgb, np.array(_MASKED, np.uint8))


def captioned(rgb: U8, caption: str) -> U8:
    """A tile with a line of text above it."""
    strip = np.zeros((_CAPTION_PX, rgb.shape[1], 3), np.uint8)
    cv2.putText(strip, caption, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
    return np.vstack([strip, rgb])
