"""Faces with part labels and depth in memory: generous square crops as bytes, so that training waits for no file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.spec import ModelSpec
from realtime.frames.crop import crop_from_frame, region_from_box
from realtime.frames.resampling import warp, warp_depth
from realtime.frames.types import U8, U16, Region
from train.data.faces import warp_labels
from train.data.split import Split, face_split, share_of
from train.heads.landmarks import Points
from train.parts.folder import Row, read_parts

_ROOM = 1.5  # a stored crop is so much larger than the network's: it is turned, shrunk and shifted in it


@dataclass(frozen=True, eq=False)
class Picture:
    """A whole picture with its ground truth; the fields are those of `PartsFace`, at the picture's size."""

    rgb: U8
    parts: U8
    depth: U16
    depth_scale_m: float


@dataclass(frozen=True, eq=False)
class PartsFace:
    """One face, cut out generously; P is the store's side, with the network's pixels."""

    name: str
    synthetic: bool
    """Rendered: depth and labels are exact."""
    rgb: U8
    """(P, P, 3)"""
    parts: U8
    """(P, P): ids of PART_LABELS."""
    depth: U16
    """(P, P): distance from the camera in units of `depth_scale_m`; 0 where nothing was measured."""
    depth_scale_m: float
    inside: U8
    """(P, P): 255 where the picture is, 0 beyond its border."""
    landmarks: Points | None
    """(478, 2) float32, in pixels of the store; None of a synthetic head."""

    @classmethod
    def cut(
        cls, name: str, picture: Picture, region: Region, spec: ModelSpec, *,
        synthetic: bool = False, landmarks: npt.ArrayLike | None = None,
    ) -> PartsFace:  # fmt: skip
        """Cut a face out of its picture.

        Args:
            region: what the network would see; the store holds more around it.
            landmarks: (478, 2 or 3), in pixels of the picture.
        """
        size = store_px(spec)
        affine = crop_from_frame(replace(region, side=region.side * _ROOM), size)
        return cls(
            name=name,
            synthetic=synthetic,
            rgb=warp(picture.rgb, affine, size),
            parts=warp_labels(picture.parts, affine, size),
            depth=warp_depth(picture.depth, affine, size),
            depth_scale_m=picture.depth_scale_m,
            inside=warp(np.full(picture.parts.shape, 255, np.uint8), affine, size),
            landmarks=None if landmarks is None else moved(landmarks, affine),
        )

    def load(self) -> PartsFace:
        """Itself: its pixels are in memory."""
        return self


class TrainingFace(Protocol):
    """A face of a training set: in memory, or read on demand (`train.mutual.published`)."""

    @property
    def name(self) -> str: ...

    @property
    def synthetic(self) -> bool: ...

    def load(self) -> PartsFace:
        """Its pixels. Raises DataError where they cannot be read."""


Face = TypeVar("Face", bound=TrainingFace)


def load_faces(
    folders: Iterable[Path],
    split: Split,
    spec: ModelSpec,
    threads: int = 2,
    *,
    most: int | None = None,
    leave_out: Sequence[str] = (),
) -> list[PartsFace]:
    """The faces of some folders on one side of the split.

    Args:
        most: of each folder only so many, evenly spread.
        leave_out: words; faces whose names hold one, in any case, are passed over.

    Raises:
        DataError: a folder is missing or damaged, or there is no face.
        SourceError: a picture is missing.
    """
    folders = list(folders)
    words = [word.lower() for word in leave_out]
    kept = (
        [row for row in read_parts(folder) if face_split(row.name, folder) == split and not _holds(row.name, words)]
        for folder in folders
    )
    rows = [row for some in kept for row in _spread(some, most or len(some))]
    if not rows:
        raise DataError(
            f"no face of the split {split!r} in {_listed(folders)}; expected faces of `unveil label --parts`"
        )
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda row: _load(row, spec), rows))


def with_depth(faces: Sequence[Face], share: float) -> list[Face]:
    """The share of the faces whose depth is taken as known, at least one. A smaller share lies within a larger one."""
    by_lot = sorted(faces, key=lambda face: share_of(f"depth of {face.name}"))
    return by_lot[: math.ceil(share * len(faces))]


def store_px(spec: ModelSpec) -> int:
    """P, the side of a stored crop."""
    return round(spec.size_px * _ROOM)


def crop_from_store(spec: ModelSpec, framing: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(2, 3) affine: pixels of the store -> pixels of the network's crop.

    Args:
        framing: (3, 3) in units of the face's box about its centre; the identity for the crop that a perfect
            detector would give, a negative determinant for a mirrored one.
    """
    box_px = spec.size_px / spec.crop_scale  # of the face's box, in the store as in the crop
    unit_from_store = np.diag([1 / box_px, 1 / box_px, 1.0])
    unit_from_store[:2, 2] = -store_px(spec) / 2 / box_px
    crop_from_unit = np.array([[box_px, 0, spec.size_px / 2], [0, box_px, spec.size_px / 2], [0, 0, 1]])
    return (crop_from_unit @ framing @ unit_from_store)[:2]


def _load(row: Row, spec: ModelSpec) -> PartsFace:
    picture = Picture(row.load_rgb(), row.load_parts(), row.load_depth(), row.depth_scale_m)
    region = region_from_box(row.box_xyxy, spec.crop_scale)
    synthetic = row.source == "synthetic"
    return PartsFace.cut(row.name, picture, region, spec, synthetic=synthetic, landmarks=row.landmarks)


def moved(points: npt.ArrayLike, affine: npt.NDArray[np.float64]) -> Points:
    """(K, 2 or 3) points by a (2, 3) affine: (K, 2) float32."""
    return (np.asarray(points, np.float64)[:, :2] @ affine[:, :2].T + affine[:, 2]).astype(np.float32)


def _holds(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def _spread(rows: list[Row], most: int) -> list[Row]:
    picked = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)
    return [rows[i] for i in picked]


def _listed(folders: Iterable[Path]) -> str:
    return ", ".join(str(folder) for folder in folders)
