"""The teacher `masks`: a folder of masks that another program or a person made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import DataError
from engines.spec import FACE, OCCLUSION
from train.labels.morphology import overlapping_components
from train.labels.teachers.base import Portrait, VisibleFace


class MaskTeacher:
    """Reads the mask FOLDER/NAME.png, where NAME is the picture's path below the input folder without its suffix.

    A mask is an 8-bit PNG of the picture's size. If it contains a value above 2, it shows the visible face bright on
    dark, and is thresholded at half its maximum. Otherwise it holds class ids: 0 background, 1 face, 2 occlusion. If
    there are several faces in it, those that overlap the contour count.

    Raises:
        DataError: there is no such folder.
    """

    max_occluded_share = 0.9

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DataError(f"no folder of masks at {folder}; expected {folder}/NAME.png for each picture NAME")
        self._folder = folder

    def visible_face(self, portrait: Portrait) -> VisibleFace:
        """The picture's mask. Raises DataError if it is missing or does not fit."""
        path = self._folder / f"{portrait.name}.png"
        if not path.is_file():
            raise DataError(f"no mask {path} for the picture {portrait.name}; add it, or label without that picture")
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if mask is None or mask.shape != portrait.full.shape:
            got = "unreadable" if mask is None else f"{mask.shape[1]}x{mask.shape[0]}"
            height, width = portrait.full.shape
            raise DataError(f"the mask {path} is {got}, expected an 8-bit PNG of the picture's {width}x{height}")
        if mask.max() > OCCLUSION:
            bright = (mask > mask.max() // 2).astype(np.uint8)
            return VisibleFace(overlapping_components(bright, portrait.full))
        mask = mask * overlapping_components((mask > 0).astype(np.uint8), portrait.full)
        occlusion = (mask == OCCLUSION).astype(np.uint8)
        return VisibleFace((mask == FACE).astype(np.uint8), occlusion if occlusion.any() else None)

    def provenance(self) -> dict[str, Any]:
        """JSON-ready: the folder."""
        return {"teacher": f"masks:{self._folder.resolve()}"}
