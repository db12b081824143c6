"""Reading a folder of labels: what `unveil label` writes.

    faces.jsonl         one line per face: image, label file, full-face box, landmarks
    labels/NAME.png     (H, W) uint8 class ids at the size of the picture: 0 background, 1 face, 2 occlusion
    blobs/NAME.png      (H, W) uint8: 0 background, 1 face, then one id for each connected occlusion (equation 2)
    images/NAME.png     frames taken from videos; photographs stay where they are
    skipped.txt         pictures without a usable face, each with the reason
    provenance.json     how the labels were made; a run that would make them differently is refused
    sheet.png           a sample of the labels over their pictures

With `--parts --depth` there is more: see `train/parts/folder.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engines.errors import DataError
from realtime.frames.types import U8

FACES = "faces.jsonl"
SKIPPED = "skipped.txt"


def read_faces(folder: Path) -> list[dict[str, Any]]:
    """The lines of `faces.jsonl`, without a last one that a kill cut short. Raises DataError if there is no such file.

    Keys: `name`, `image` (a path), `labels` and `blobs` (paths below the folder), `box_xyxy` and `landmarks` (478 times
    x, y, z), both in pixels of the picture.
    """
    path = folder / FACES
    if not path.is_file():
        raise DataError(f"no {FACES} in {folder}; expected the output folder of `unveil label`")
    faces = []
    for line in path.read_text().splitlines():
        try:
            faces.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return faces


def read_labels(path: Path) -> U8:
    """(H, W) uint8 class ids. Raises DataError if the file is missing or is not an image."""
    labels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if labels is None:
        raise DataError(f"cannot read {path}; expected an 8-bit PNG of class ids. Label again with `unveil label`")
    return labels.astype(np.uint8)


def finished_names(folder: Path) -> set[str]:
    """Names of the pictures that were labelled or skipped by earlier runs."""
    names = {face["name"] for face in read_faces(folder)} if (folder / FACES).is_file() else set()
    skipped = folder / SKIPPED
    if skipped.is_file():
        names |= {line.split("\t")[0] for line in skipped.read_text().splitlines()}
    return names


def drop_incomplete_line(path: Path) -> None:
    """Remove a last line that a kill cut short, so that the next one does not join it. A missing file is no error."""
    if not path.is_file():
        return
    content = path.read_bytes()
    complete = content[: content.rfind(b"\n") + 1]
    if complete != content:
        path.write_bytes(complete)


def write_png(path: Path, pixels: np.ndarray[Any, Any]) -> None:
    """Write an image and the folders above it. Raises DataError if that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), pixels):
        raise DataError(f"cannot write {path}; is the disk full or the folder read-only?")
