"""A look at what models make of parts and of depth: input, truth, prediction (figures 4 to 6 of Cross-Domain Mutual
Learning)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from engines.spec import DEPTH_LABELS
from realtime.frames.types import U8
from train.measure.comparison_sheet import captioned
from train.measure.label_pictures import parts_overlay, write_grid
from train.measure.parts.inputs import COLOUR, MADE, View

_TILE_PX = 208


@dataclass
class Look:
    """One picture in one light."""

    light: str
    rgb: U8
    """(S, S, 3)"""
    truth: U8
    """(S, S): class ids."""
    depth: U8 | None
    """(S, S, 3): what was measured."""
    _found: list[tuple[str, U8]] = field(default_factory=list)

    def add(self, title: str, shown: U8, found: U8, view: View) -> None:
        """What a view made of it: (S, S) class ids over what it was shown, or gray."""
        if view.model.spec.labels == DEPTH_LABELS:
            self._found.append((title, np.repeat(found[:, :, None], 3, axis=2)))
            return
        if view.sees == MADE:
            self._found.append((MADE, shown))
        # Over the picture in its own light, where the model sees it: what is right can be judged there alone.
        self._found.append((title, parts_overlay(self.rgb if view.sees == COLOUR else shown, found)))

    def strip(self) -> U8:
        """Input | measured depth | truth | what was made of it."""
        tiles = [(f"{self.light}: input", self.rgb)]
        tiles += [("measured depth", self.depth)] if self.depth is not None else []
        tiles += [("truth", parts_overlay(self.rgb, self.truth)), *self._found]
        return np.hstack([captioned(_fitted(tile), title) for title, tile in tiles])


def write_sheet(path: Path, looks: Sequence[Look]) -> Path:
    """Write a row for each picture and light."""
    return write_grid([look.strip() for look in looks], path, columns=1)


def _fitted(tile: U8) -> U8:
    return cv2.resize(tile, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_AREA).astype(np.uint8)
