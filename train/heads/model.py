"""The morphable head model: ICT-FaceKit's full head, read from the folder that `--head-model` names.

Units are centimetres; x to the subject's left, y up, z out of the face.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engines.errors import DataError
from engines.manifest import sha256_of

F32 = npt.NDArray[np.float32]

_ARRAYS, _INDICES = "ict_facekit.npz", "ict_vertex_indices.json"
_LANDMARKS = 68


@dataclass(frozen=True, eq=False)
class HeadModel:
    """The mean head, and the directions in which its shape varies."""

    neutral: F32
    """(V, 3)"""
    identity: F32
    """(I, V, 3): offset of each identity shape at one standard deviation."""
    expression: F32
    """(E, V, 3): offset of each expression at full strength."""
    expression_names: tuple[str, ...]
    landmark_vertices: npt.NDArray[np.int64]
    """(68,) vertices of the Multi-PIE landmarks."""


def load_head_model(folder: Path | None) -> HeadModel:
    """Read the head model. Raises DataError if it is not named, missing, or not ICT-FaceKit's."""
    arrays, indices = _files(folder)
    try:
        landmarks = np.array(json.loads(indices.read_text())["idx_to_landmark_verts"], np.int64)
        with np.load(arrays, allow_pickle=False) as read:
            neutral, identity, expression = (
                read[name].astype(np.float32) for name in ("neutral", "identity", "expression")
            )
            names = tuple(str(name) for name in read["expression_names"])
    except (ValueError, KeyError, OSError) as e:
        raise DataError(f"the head model in {arrays.parent} cannot be read ({e}); expected ICT-FaceKit's arrays") from e
    if landmarks.shape != (_LANDMARKS,) or neutral.ndim != 2 or landmarks.max() >= len(neutral):
        raise DataError(f"{indices} does not fit {arrays.name}: expected {_LANDMARKS} landmarks among its vertices")
    return HeadModel(neutral, identity, expression, names, landmarks)


def head_model_arrays(folder: Path | None) -> Path:
    """The file with the model's arrays. Raises DataError if it is not named or missing."""
    return _files(folder)[0]


def head_model_sha256(folder: Path | None) -> str:
    """SHA-256 of the model's arrays. Raises DataError if the model is not named or missing."""
    return sha256_of(head_model_arrays(folder))


def _files(folder: Path | None) -> tuple[Path, Path]:
    if folder is None or not all((folder / name).is_file() for name in (_ARRAYS, _INDICES)):
        where = "none was named" if folder is None else f"{folder} does not contain it"
        raise DataError(
            f"a fitted head needs the head model, and {where}; "
            f"expected a folder with {_ARRAYS} and {_INDICES}, name it with --head-model"
        )
    return folder / _ARRAYS, folder / _INDICES
