"""Caltech Occluded Faces in the Wild: pictures and boxes from its .mat files, masks of the segmentation benchmark.

    COFW_train_color.mat    IsTr (N cells: pictures), phisTr (N, 87), bboxesTr (N, 4)
    COFW_test_color.mat     IsT, phisT, bboxesT
    masks/train/*.png       one per labelled training picture, numbered in the order of the set; face 255, else 0
    masks/test/*.png

A row of phis is 29 x, 29 y and 29 flags for covered landmarks; a row of bboxes is left, top, width, height. MATLAB
counts pixels from 1. The first 845 training pictures are from LFPW and have no masks: the 500 masks belong to the last
500.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.installation import MissingExtra
from engines.spec import CONSENSUS_LABELS
from train.datasets.base import Example, chosen_splits, consensus_from_face, need, read_gray, same_size
from train.datasets.registry import FACE_TABLE, Reader, register

OBTAIN = (
    "COFW (colour) is at https://data.caltech.edu/records/20099; its face masks come from the authors of the "
    "segmentation benchmark (Jia et al., BMVC 2014), as numbered pictures in masks/train and masks/test"
)
SPLITS = ("train", "test")
_KEYS = {"train": ("IsTr", "phisTr", "bboxesTr"), "test": ("IsT", "phisT", "bboxesT")}
_LANDMARKS = 29


class Cofw:
    """The labelled pictures of a split. The set does not separate occlusion from background (`consensus_from_face`)."""

    name = "cofw"
    labels = CONSENSUS_LABELS

    def __init__(self, folder: Path, split: str) -> None:
        self._rows = [row for part in chosen_splits(split, SPLITS) for row in _rows(folder, part)]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Example:
        file, key, position, phi, box, mask = self._rows[index]
        rgb = _picture(file, key, position)
        face = read_gray(mask, OBTAIN) > 127
        same_size(f"the mask {mask}", face, rgb)
        points = np.stack([phi[:_LANDMARKS], phi[_LANDMARKS : 2 * _LANDMARKS]], axis=1).astype(np.float32) - 0.5
        left, top, width, height = (float(value) for value in box)
        return Example(
            rgb=rgb,
            # "Without applying the morphological operations to use the fine-grain human annotated masks" (section 4.1)
            labels=consensus_from_face(face, points, slivers=True),
            blobs=None,
            superpixels=None,
            box_xyxy=(left - 1, top - 1, left - 1 + width, top - 1 + height),
            name=f"{key}/{position + 1:04d}",
        )


_Row = tuple[Path, str, int, npt.NDArray[np.float64], npt.NDArray[np.float64], Path]


def _rows(folder: Path, split: str) -> list[_Row]:
    file = need(folder / f"COFW_{split}_color.mat", OBTAIN)
    pictures, *matrices = _KEYS[split]
    count, phis, boxes = _annotations(file, pictures, matrices)
    masks = sorted(
        (path for path in need(folder / "masks" / split, OBTAIN).iterdir() if path.suffix in (".png", ".bmp", ".jpg")),
        key=_number,
    )
    if phis.shape != (count, 3 * _LANDMARKS) or boxes.shape != (count, 4):
        raise DataError(
            f"{file}: {count} pictures with landmarks {phis.shape} and boxes {boxes.shape}; "
            f"expected ({count}, {3 * _LANDMARKS}) and ({count}, 4). {OBTAIN}"
        )
    if len(masks) not in (count, 500) or len(masks) > count:
        raise DataError(f"{len(masks)} masks in {folder / 'masks' / split} for {count} pictures; {OBTAIN}")
    first = count - len(masks)
    return [(file, pictures, i, phis[i], boxes[i], mask) for i, mask in enumerate(masks, first)]


def _number(path: Path) -> tuple[int, str]:
    digits = re.findall(r"\d+", path.stem)
    if not digits:
        raise DataError(f"the mask {path} has no number in its name; expected 0001.png, 0002.png, in the set's order")
    return int(digits[-1]), path.name


def _annotations(
    file: Path, pictures: str, matrices: list[str]
) -> tuple[int, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    with _Mat(file) as mat:
        phis, boxes = (np.asarray(mat.matrix(key), np.float64) for key in matrices)
        return mat.cells(pictures).size, phis, boxes


def _picture(file: Path, key: str, position: int) -> npt.NDArray[np.uint8]:
    with _Mat(file) as mat:
        pixels = mat.cell(key, position)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
        raise DataError(f"{file}: picture {position + 1} is {pixels.shape} {pixels.dtype}, expected (H, W, 3) uint8")
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(rgb)


class _Mat:
    """A .mat file: HDF5 (v7.3, as published), or older, through scipy."""

    def __init__(self, path: Path) -> None:
        try:
            import h5py
        except ImportError as e:
            raise MissingExtra("reading COFW", "train") from e
        self._path, self._h5 = path, h5py.is_hdf5(path)
        try:
            if self._h5:
                self._file: Any = h5py.File(path, "r")
            else:
                from scipy.io import loadmat

                self._file = loadmat(str(path))
        except (OSError, ValueError, NotImplementedError) as e:
            raise DataError(f"{path} is not a MATLAB file ({e}); {OBTAIN}") from e

    def cells(self, key: str) -> npt.NDArray[Any]:
        """The cells of an array, in order: their pixels, or references to them."""
        return np.asarray(self._get(key)).ravel(order="F")

    def cell(self, key: str, position: int) -> npt.NDArray[Any]:
        """One cell's matrix, rows first."""
        found = self.cells(key)[position]
        return np.asarray(self._file[found]).T if self._h5 else np.asarray(found)

    def matrix(self, key: str) -> npt.NDArray[Any]:
        """A matrix, rows first."""
        found = np.asarray(self._get(key))
        return found.T if self._h5 else found  # HDF5 files hold MATLAB's column-major order as it is

    def _get(self, key: str) -> Any:
        if key not in self._file:
            there = ", ".join(sorted(name for name in self._file if not name.startswith(("__", "#")))) or "nothing"
            raise DataError(f"{self._path} holds {there}, expected {key}; {OBTAIN}")
        return self._file[key]

    def __enter__(self) -> _Mat:
        return self

    def __exit__(self, *error: object) -> None:
        if self._h5:
            self._file.close()


register(Reader("cofw", Cofw, tables=(FACE_TABLE,)))  # its ground truth is binary
