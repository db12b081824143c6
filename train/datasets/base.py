"""The interface of data sets, and what their readers share: lists, pictures, and the mapping to our labels.

The readers follow the published layouts. The docstring of each shows the contents of the folder, and its `OBTAIN` says
where to get them: nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import DataError, SourceError, UsageError
from engines.spec import FACE, OCCLUSION
from realtime.frames.types import U8
from realtime.video.sources.image import read_rgb

Box = tuple[float, float, float, float]
F32 = npt.NDArray[np.float32]
Points = F32
Mask = npt.NDArray[np.bool_]

_SLIVER_RATIO = 0.04  # in sides of the face: thinner areas lie between a face and its hull, and nothing covers them


@dataclass(frozen=True, eq=False)
class Example:
    """One picture with its ground truth."""

    rgb: U8
    """(H, W, 3)"""
    labels: U8
    """(H, W): class ids, indices into the data set's `labels`."""
    blobs: U8 | None
    """(H, W): ids of the blobs of equation 2; None if the set has none of its own."""
    superpixels: npt.NDArray[np.int32] | None
    """(H, W): the id of each pixel's superpixel, from 0; None if the set has none."""
    box_xyxy: Box | None
    """The face's box in pixels; None if the whole picture is the crop (aligned sets)."""
    name: str
    depth_m: F32 | None = None
    """(H, W): metres from the camera, 0 where nothing was measured; None if the set has no depth."""
    group: str = ""
    """A part of the set that is evaluated separately ("synthetic heads"); "" if all pictures are of one kind."""


class DataSet(Protocol):
    """One split of a data set. Pictures are read on demand."""

    @property
    def name(self) -> str:
        """The kind, as in KIND:FOLDER."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the class ids."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Example:
        """Raises IndexError, and DataError if a file is missing or damaged."""


class PictureSet(DataSet, Protocol):
    """A data set that knows each picture's file without reading it."""

    def picture(self, index: int) -> Path:
        """The file of a picture."""


def chosen_splits(split: str, known: Sequence[str]) -> list[str]:
    """The splits of "test" or "train+val". Raises UsageError if the set has no such split."""
    chosen = split.split("+")
    if unknown := [name for name in chosen if name not in known]:
        raise UsageError(f"split {unknown[0]!r} is unknown here; expected {', '.join(known)}, or several joined by +")
    return chosen


def need(path: Path, obtain: str) -> Path:
    """Return the path if it exists. Raises DataError, which says where to get the set."""
    if not path.exists():
        raise DataError(f"{path} is missing; {obtain}. The layout: docs/datasets.md")
    return path


def read_lines(path: Path, obtain: str) -> list[str]:
    """The lines of a text file that are not blank. Raises DataError if there are none."""
    lines = [line for line in need(path, obtain).read_text(errors="replace").splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty; {obtain}")
    return lines


def read_picture(path: Path, obtain: str) -> U8:
    """(H, W, 3) uint8 RGB. Raises DataError if the file is missing or damaged."""
    try:
        return read_rgb(need(path, obtain))
    except SourceError as e:
        raise DataError(f"{e}; {obtain}") from e


def read_gray(path: Path, obtain: str) -> U8:
    """(H, W) uint8 of an 8-bit picture. Raises DataError if the file is missing or damaged."""
    data = np.frombuffer(need(path, obtain).read_bytes(), np.uint8)
    gray = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if gray is None:
        raise DataError(f"{path} is damaged: {data.size} bytes that are not a picture; {obtain}")
    return np.asarray(gray, np.uint8)


def same_size(what: str, pixels: npt.NDArray[np.generic], rgb: U8) -> None:
    """Raise DataError unless labels, masks or superpixels have the size of their picture."""
    if pixels.shape[:2] != rgb.shape[:2]:
        height, width = rgb.shape[:2]
        raise DataError(
            f"{what} is {pixels.shape[1]}x{pixels.shape[0]}, expected {width}x{height}, the size of its picture; "
            "the files of two versions of the set may be mixed"
        )


def box_of(face: Mask, name: str, points: Points | None = None) -> Box:
    """The full-face box of a labelled face: around its pixels and, if given, its landmarks (covered ones, too).

    Raises DataError if there is neither.
    """
    ys, xs = np.nonzero(face.any(axis=1))[0], np.nonzero(face.any(axis=0))[0]
    corners = [np.array([[xs[0], ys[0]], [xs[-1] + 1, ys[-1] + 1]], np.float32)] if xs.size else []
    corners += [points] if points is not None and len(points) else []
    if not corners:
        raise DataError(f"{name} has no pixel of a face; expected at least one. Leave the picture out of the list")
    points_xy = np.concatenate(corners)
    (left, top), (right, bottom) = points_xy.min(axis=0), points_xy.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def consensus_from_face(
    face: Mask, points: Points | None = None, covers: Mask | None = None, *, slivers: bool = False
) -> U8:
    """Class ids 0 background, 1 face, 2 occlusion for sets that label the face, but not what covers it.

    As in equation 1, the occlusion is the full face without the visible face. The full face is the convex hull of the
    labelled pixels and of the landmarks.

    Args:
        face: (H, W): visible face.
        points: (N, 2): landmarks in continuous coordinates, covered ones included.
        covers: (H, W): what the set itself labels as covering the face (glasses).
        slivers: keep the thin areas between an outline and its hull, which nothing covers, as occlusion. Else a
            morphological opening removes them.
    """
    ys, xs = np.nonzero(face)
    outline = np.stack([xs, ys], axis=1).astype(np.float32)
    outline = outline if points is None else np.concatenate([outline, points.astype(np.float32) - 0.5])
    labels = np.where(face, FACE, 0).astype(np.uint8)
    if len(outline):
        full = np.zeros(face.shape, np.uint8)
        cv2.fillConvexPoly(full, cv2.convexHull(outline.round().astype(np.int32)), 1)
        hidden = (full > 0) & ~face
        if not slivers:
            hidden &= _opened(hidden, float(np.ptp(outline, axis=0).max()) * _SLIVER_RATIO)
        labels[hidden] = OCCLUSION
    if covers is not None:
        labels[covers & ~face] = OCCLUSION
    return labels


def _opened(mask: Mask, width_px: float) -> Mask:
    """A mask without what is thinner than so many pixels, 3 at least."""
    width = max(3, round(width_px) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0)
