"""The models that ship with the project: `zoo/<name>/{card.md, weights.safetensors, int8/, fp32/}`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.errors import UnknownModel, UsageError
from engines.spec import Modality, ModelSpec, Precision

ZOO = Path(__file__).parent
DEFAULT_MODEL = "consensus-lite"
WITH_CONSENSUS = "+consensus"
"""Suffix of a model's name: run it together with the default model, which marks what covers the face."""
FASTEST_FIRST: tuple[Precision, ...] = ("int8", "fp32")  # on any CPU


@dataclass(frozen=True)
class Sheet:
    """A picture of face crops, composed from the training data, on which int8 scales are measured."""

    path: Path
    size_px: int
    """Side of each crop."""
    crop_scale: float
    """As in `ModelSpec`."""
    modality: Modality
    """What the crops show."""


SHEETS = (
    Sheet(ZOO / "calibration.png", 128, 1.5, "colour"),
    Sheet(ZOO / "calibration_parts.jpg", 160, 2.0, "colour"),
    Sheet(ZOO / "calibration_parts-depth.png", 160, 2.0, "depth"),
)


def calibration(spec: ModelSpec) -> Sheet:
    """The sheet whose crops are framed as a network's are. Raises UsageError where none ships."""
    for sheet in SHEETS:
        if (sheet.crop_scale, sheet.modality) == (spec.crop_scale, spec.modality):
            return sheet
    raise UsageError(
        f"no calibration crops ship for {spec.name} (crop_scale {spec.crop_scale:g}, of {spec.modality}); "
        "make some with 'unveil calibrate' and give them"
    )


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
    return tuple(precision for precision in FASTEST_FIRST if (folder / precision).is_dir())


def _model_folder(name: str) -> Path:
    if name not in names():
        known = ", ".join(names()) or "none"
        raise UnknownModel(f"no model named '{name}'; known models: {known} (or give the folder of an engine)")
    return ZOO / name
