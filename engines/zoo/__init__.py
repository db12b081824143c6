"""The models that ship with the project: `zoo/<name>/{card.md, weights.safetensors, int8/, fp32/}`."""

from __future__ import annotations

from pathlib import Path

from engines.errors import UnknownModel
from engines.spec import Precision

ZOO = Path(__file__).parent
CALIBRATION = ZOO / "calibration.png"
"""A sheet of face crops, composed from the training data: int8 scales are measured on it."""
DEFAULT_MODEL = "consensus-lite"
_FASTEST_FIRST: tuple[Precision, ...] = ("int8", "fp32")  # on any CPU


def names() -> tuple[str, ...]:
    """The models that have weights here, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in ZOO.glob("*/weights.safetensors")))


def weights(name: str) -> Path:
    """The trained weights of a model. Raises UnknownModel."""
    return _model_folder(name) / "weights.safetensors"


def engine_folder(name: str, precision: Precision) -> Path:
    """The engine of a model at a precision. Raises UnknownModel where there is no such model or engine."""
    folder = _model_folder(name) / precision
    if not folder.is_dir():
        there = ", ".join(precisions(name)) or "none"
        raise UnknownModel(f"model '{name}' has no {precision} engine; it has: {there}")
    return folder


def precisions(name: str) -> tuple[Precision, ...]:
    """The precisions that a model has engines for, fastest first. Raises UnknownModel."""
    folder = _model_folder(name)
    return tuple(precision for precision in _FASTEST_FIRST if (folder / precision).is_dir())


def _model_folder(name: str) -> Path:
    if name not in names():
        known = ", ".join(names()) or "none"
        raise UnknownModel(f"no model named '{name}'; known models: {known} (or give the folder of an engine)")
    return ZOO / name
