"""Labelled faces in memory: square crops of a fixed size, with labels and landmarks in the crop's coordinates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from realtime.frames.crop import crop_from_frame, region_from_box
from realtime.frames.resampling import centres, warp
from realtime.frames.types import U8
from realtime.video.sources.image import read_rgb
from train.data.split import Split, face_split
from train.heads.landmarks import Points
from train.labels.label_folder import read_faces, read_labels

STORE_PX = 256
STORE_SCALE = 2.4  # in sides of the full-face box: room to rotate and shift a crop of 1.5 times the box


@dataclass(frozen=True, eq=False)
class Face:
    """One labelled face in a crop with a wide margin."""

    rgb: U8
    """(STORE_PX, STORE_PX, 3)"""
    labels: U8
    """(STORE_PX, STORE_PX): class ids."""
    inside: U8
    """(STORE_PX, STORE_PX): 255 inside the photograph, 0 beyond its border."""
    landmarks: Points
    """(478, 2) float32, in pixels of the stored crop."""
    name: str

    @property
    def box_side(self) -> float:
        """The longer side of the full-face box, in pixels of the stored crop."""
        return STORE_PX / STORE_SCALE


def load_faces(folder: Path, split: Split | None = None, threads: int = 2) -> list[Face]:
    """Load the faces that `unveil label` wrote into a folder: one side of the split, or all.

    Raises:
        DataError: the folder or a label file is missing.
        SourceError: a picture is missing.
    """
    rows = [row for row in read_faces(folder) if split is None or face_split(row["name"], folder) == split]
    if not rows:
        raise DataError(f"no {split or 'labelled'} face in {folder}; expected the output folder of `unveil label`")
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda row: _load(folder, row), rows))


def _load(folder: Path, row: dict[str, Any]) -> Face:
    rgb, labels = read_rgb(Path(row["image"])), read_labels(folder / row["labels"])
    affine = crop_from_frame(region_from_box(row["box_xyxy"], STORE_SCALE), STORE_PX)
    landmarks = np.asarray(row["landmarks"], np.float64)[:, :2] @ affine[:, :2].T + affine[:, 2]
    return Face(
        rgb=warp(rgb, affine, STORE_PX),
        labels=warp_labels(labels, affine, STORE_PX),
        inside=warp(np.full(labels.shape, 255, np.uint8), affine, STORE_PX),
        landmarks=landmarks.astype(np.float32),
        name=row["name"],
    )


def warp_labels(labels: U8, affine: npt.NDArray[np.float64], size_px: int) -> U8:
    """Warp class ids by an affine in continuous coordinates: (size_px, size_px) uint8, 0 outside."""
    return cv2.warpAffine(labels, centres(affine), (size_px, size_px), flags=cv2.INTER_NEAREST).astype(np.uint8)
