"""What a network takes and returns (`ModelSpec`), and how to compile it (`BuildSpec`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, cast, get_args

from engines.errors import UsageError

Precision = Literal["fp32", "fp16", "bf16", "int8", "fp8"]
Modality = Literal["colour", "depth"]
"""What a network sees: RGB, or depth as gray (`realtime.frames.depth`)."""
CALIBRATED: tuple[Precision, ...] = ("int8", "fp8")
"""Precisions whose scales are measured on face crops."""

BACKGROUND, FACE, OCCLUSION = 0, 1, 2
CONSENSUS_LABELS = ("background", "face", "occlusion")
PART_LABELS = (
    "background", "skin", "left brow", "right brow", "left eye", "right eye", "left ear", "right ear", "nose",
    "mouth", "upper lip", "lower lip", "hair",
)  # fmt: skip
"""Left is the subject's left; mouth is what shows between the lips."""
DEPTH_LABELS = ("far", "near")
"""Labels of a network that estimates depth: the probability of "near" times 255 is depth as 8-bit gray."""


@dataclass(frozen=True)
class Thresholds:
    """How confident one network must be before a region counts as a face. All values are 0..1.

    They travel with the network: in its spec, its checkpoint and its engine's manifest. The defaults are for a network
    that states none.
    """

    unconfirmed: float = 0.78
    """Least confidence for a detection with a low score, and for a track that the detector does not confirm."""
    low_confidence: float | None = None
    """Least confidence for a low-confidence detection. None: such detections are ignored, because this network is as
    confident of other things as of faces there."""
    estimated_depth: float | None = None
    """`unconfirmed` of a network that sees depth, where the depth is estimated from colour. None: the same value."""
    presence: float | None = None
    """Least probability that a crop holds a face, for a network that returns one (`ModelSpec.presence`). It replaces
    the other thresholds. None: the network returns none, or nobody has chosen a threshold."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not 0 <= value <= 1:
                raise UsageError(f"threshold {field.name} is {value}; expected 0 to 1")

    def on_estimated_depth(self) -> Thresholds:
        """The thresholds of the same network on depth that was estimated from colour."""
        return self if self.estimated_depth is None else replace(self, unconfirmed=self.estimated_depth)


@dataclass(frozen=True)
class ModelSpec:
    """What a network takes and returns. The one definition of preprocessing, for training, building and run time.

    Every network takes square crops around a face, `(N, 3, size_px, size_px) float32 RGB`, each value
    `(rgb / 255 - mean) / std`, and returns logits `(N, len(labels), size_px, size_px) float32`.
    """

    name: str
    labels: tuple[str, ...]
    size_px: int = 128
    """Side of the square crop, in pixels of the network's input."""
    crop_scale: float = 1.5
    """Side of the square crop around a face, as a multiple of the longer side of its full-face box."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """With 0.5 and 0.5 the input is RGB in -1..1. Neither paper states a range."""
    modality: Modality = "colour"
    """What its crops show. Crops of depth have the same gray in all three channels."""
    thresholds: Thresholds = Thresholds()
    """When the tracker takes what it parsed for a face."""
    presence: bool = False
    """Whether the network also returns `(N, 3) float32`: the logit of the probability that the crop holds a face, and
    the cosine and sine of the face's upright direction, clockwise from the crop's."""

    def __post_init__(self) -> None:
        if len(self.labels) < 2:
            raise UsageError(f"model {self.name!r} has {len(self.labels)} label(s); expected 2 or more")
        if self.size_px < 16 or self.size_px % 16:
            raise UsageError(f"model {self.name!r} has size_px {self.size_px}; expected a multiple of 16, 16 or more")
        if self.crop_scale < 1:
            raise UsageError(f"model {self.name!r} has crop_scale {self.crop_scale}; expected 1 or more")
        if min(self.std) <= 0:
            raise UsageError(f"model {self.name!r} has std {self.std}; expected positive values")
        if self.modality not in get_args(Modality):
            known = " or ".join(get_args(Modality))
            raise UsageError(f"model {self.name!r} has modality {self.modality!r}; expected {known}")

    @property
    def sees_depth(self) -> bool:
        """Whether its crops show depth as gray, not colour."""
        return self.modality == "depth"

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary; `from_json` is its inverse."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ModelSpec:
        """The spec that `to_json` wrote. Raises UsageError where a field is missing, unknown or wrong."""
        try:
            return cls(
                name=str(values["name"]),
                labels=tuple(str(label) for label in values["labels"]),
                size_px=int(values["size_px"]),
                crop_scale=float(values["crop_scale"]),
                mean=_triple(values["mean"]),
                std=_triple(values["std"]),
                modality=values["modality"],
                thresholds=Thresholds(**values["thresholds"]),
                presence=bool(values.get("presence", False)),
            )
        except (KeyError, TypeError, ValueError) as e:
            raise UsageError(f"not a model spec ({type(e).__name__}: {e}); got {values!r}") from e


@dataclass(frozen=True)
class Batch:
    """How many crops a compiled graph takes in one call: least, best and most.

    The engine splits larger requests and fills up smaller ones.
    """

    min: int = 1
    opt: int = 1
    max: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.min <= self.opt <= self.max:
            raise UsageError(f"batch must be 1 or more, as MIN:OPT:MAX in rising order; got {self}")

    @property
    def static(self) -> bool:
        """One size only."""
        return self.min == self.max

    @classmethod
    def of(cls, words: str) -> Batch:
        """The batch that "8" (static) or "1:8:16" stands for. Raises UsageError."""
        parts = words.split(":")
        if len(parts) not in (1, 3) or not all(part.isdecimal() for part in parts):
            raise UsageError(f"batch must be a number, or MIN:OPT:MAX (1:8:16); got {words!r}")
        sizes = [int(part) for part in parts]
        return cls(*sizes) if len(sizes) == 3 else cls(sizes[0], sizes[0], sizes[0])

    def __str__(self) -> str:
        return str(self.opt) if self.static else f"{self.min}:{self.opt}:{self.max}"


@dataclass(frozen=True)
class BuildSpec:
    """How to compile a network."""

    backend: str = "openvino"
    """As in `engines.backends.BACKENDS`."""
    precision: Precision = "int8"
    batch: Batch = Batch()
    compatible: bool = False
    """Whether the engine must run on other GPUs, too, from Ampere on. Slower; only for TensorRT."""

    @classmethod
    def of(cls, backend: str, precision: str, batch: str = "1", compatible: bool = False) -> BuildSpec:
        """The build that the words of a command line ask for. Raises UsageError where the precision or batch is wrong.

        The backend checks the rest when it is asked to build (`engines.backends.base.Backend.check_request`).
        """
        if precision not in get_args(Precision):
            known = ", ".join(get_args(Precision))
            raise UsageError(f"precision {precision!r} is unknown; expected one of {known}")
        return cls(backend, cast(Precision, precision), Batch.of(batch), compatible)


def _triple(values: Any) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
