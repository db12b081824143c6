"""Reads the folder that `unveil label` writes. `train.labels.label` documents its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import DataError
from realtime.frames.types import U8


def read_faces(folder: Path) -> list[dict[str, Any]]:
    """The lines of `faces.jsonl`. A last line that a kill cut short is left out."""
    path = folder / "faces.jsonl"
    if not path.is_file():
        raise DataError(f"no faces.jsonl in {folder}; expected the output folder of `unveil label`")
    rows = []
    for line in path.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def read_labels(path: Path) -> U8:
    """(H, W) uint8 class ids. Raises DataError where the file is missing or no picture."""
    labels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if labels is None:
        raise DataError(f"cannot read {path}; expected an 8-bit PNG of class ids. Label again with `unveil label`")
    return labels.astype(np.uint8)
