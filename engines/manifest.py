"""The readable half of an engine: `manifest.json` states what the folder holds, how it was made and how well it agrees.

It is written last, so a folder without one is an unfinished build.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from engines.errors import EngineDamaged, EngineMismatch, UsageError
from engines.spec import CALIBRATED, Batch, ModelSpec, Precision

MANIFEST = "manifest.json"
SCHEMA = 4
"""4 adds to 3: the output `presence`, its threshold and its parity. 3 adds to 2: the spec's modality and thresholds,
and `checkpoint`. Nothing in a manifest of schema 2 states what the network sees, so its engine is refused."""
READABLE = (3, SCHEMA)
"""An engine of schema 3 has no output `presence`."""
INPUT = "crops"
OUTPUTS = ("labels", "probabilities", "presence")
"""In this order. `presence` is there if the spec has it."""
_HASH = re.compile("[0-9a-f]{64}")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "schema": int,
    "spec": dict,
    "backend": str,
    "flavour": (str, type(None)),
    "precision": str,
    "batch": dict,
    "tensors": list,
    "recipe": dict,
    "files": dict,
    "checkpoint": str,
    "checkpoint_sha256": str,
    "versions": dict,
    "host": dict,
    "gpu": (dict, type(None)),
    "calibration": (dict, type(None)),
    "parity": dict,
    "built_at": str,
    "build_seconds": (int, float),
}


@dataclass(frozen=True)
class Calibration:
    """The crops that the scales of int8 or fp8 were measured on."""

    count: int
    sha256: str
    """SHA-256 of the crops' bytes, in order."""


@dataclass(frozen=True)
class Parity:
    """How far a compiled engine is from the network it was built from, run eagerly in float32."""

    max_error: float
    """Largest difference of a probability, 0..1."""
    mean_error: float
    """Mean difference of a probability, 0..1."""
    pixel_agreement: float
    """Share of the pixels with the same label, 0..1."""
    samples: int
    """Crops compared."""
    presence_error: float | None = None
    """Largest difference of the probability that a crop holds a face, 0..1; None where the engine returns none."""


@dataclass(frozen=True)
class TensorInfo:
    """An input or an output of the compiled graph, as read back from it."""

    name: str
    shape: tuple[int, ...]
    """-1 where the batch varies."""
    type: str = "uint8"

    def __str__(self) -> str:
        return f"{self.name} {'x'.join('N' if side < 0 else str(side) for side in self.shape)} {self.type}"


@dataclass(frozen=True)
class Gpu:
    """A graphics card."""

    name: str
    capability: str
    """CUDA compute capability: "8.9"."""


@dataclass(frozen=True)
class Manifest:
    """What an engine folder holds and how it was made."""

    spec: ModelSpec
    backend: str
    flavour: str | None
    """The library, of a backend that has several: TensorRT has stock and rtx. None for a backend that has one."""
    precision: Precision
    batch: Batch
    """As read back from the compiled graph."""
    tensors: tuple[TensorInfo, ...]
    recipe: dict[str, Any]
    """What else was chosen in compiling it."""
    files: dict[str, str]
    """File name -> SHA-256, in hexadecimal."""
    checkpoint: str
    """Path of the weights that were compiled, as the builder was given it; empty where it was given none."""
    checkpoint_sha256: str
    """SHA-256 of those weights."""
    versions: dict[str, str]
    """Package -> version, of all that took part in building it."""
    host: dict[str, str]
    """The machine that built it: os, machine (architecture), cpu."""
    gpu: Gpu | None
    """What it was built for; None where any machine can run it."""
    calibration: Calibration | None
    """None for float engines."""
    parity: Parity
    built_at: str
    """ISO 8601, UTC."""
    build_seconds: float
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary; `read_manifest` reads it back."""
        return asdict(self)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json in one step: a reader sees all of it or none."""
    unfinished = folder / f"{MANIFEST}.part"
    unfinished.write_text(json.dumps(manifest.to_json(), indent=2) + "\n", encoding="utf-8")
    unfinished.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an engine folder.

    Raises:
        EngineDamaged: no manifest, or one that cannot be understood; the message names each problem.
        EngineMismatch: a manifest of another schema.
    """
    values = _read_values(folder)
    schema = values.get("schema")
    if isinstance(schema, int) and schema not in READABLE:
        raise EngineMismatch(
            f"{folder} has a manifest of schema {schema}; this version reads {' and '.join(map(str, READABLE))}; build "
            f"the engine again from its checkpoint: unveil compile CHECKPOINT --output {folder}"
        )
    problems = _problems(values)
    if problems:
        raise _damaged(folder, problems)
    try:
        return Manifest(
            **values
            | {
                "spec": ModelSpec.from_json(values["spec"]),
                "batch": Batch(**values["batch"]),
                "tensors": tuple(_tensor(entry) for entry in values["tensors"]),
                "gpu": values["gpu"] and Gpu(**values["gpu"]),
                "calibration": values["calibration"] and Calibration(**values["calibration"]),
                "parity": Parity(**values["parity"]),
            }
        )
    except (TypeError, KeyError, UsageError) as e:
        raise _damaged(folder, [str(e)]) from e


def verify(folder: Path, manifest: Manifest) -> None:
    """Raises EngineDamaged naming every file that is missing or is not the one that was built."""
    problems = []
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif (found := sha256_of(path)) != expected:
            problems.append(f"{name} has SHA-256 {found[:12]}..., the manifest states {expected[:12]}...")
    if problems:
        raise _damaged(folder, problems)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_values(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise _damaged(folder, [f"it has no {MANIFEST}, so it is an unfinished build or no engine"]) from e
    except (OSError, ValueError) as e:
        raise _damaged(folder, [f"{MANIFEST} cannot be read ({e})"]) from e
    if not isinstance(values, dict):
        raise _damaged(folder, [f"{MANIFEST} holds a {type(values).__name__}, expected an object"])
    return values


def _tensor(values: dict[str, Any]) -> TensorInfo:
    return TensorInfo(str(values["name"]), tuple(int(side) for side in values["shape"]), str(values["type"]))


def _problems(values: dict[str, Any]) -> list[str]:
    problems = [f"field '{name}' is missing" for name in _TYPES if name not in values]
    problems += [f"field '{name}' is unknown" for name in values if name not in _TYPES]
    wrong = [name for name, kind in _TYPES.items() if name in values and not isinstance(values[name], kind)]
    problems += [f"field '{name}' has the value {values[name]!r}" for name in wrong]
    if problems:
        return problems
    if values["precision"] not in get_args(Precision):
        problems.append(f"precision is {values['precision']!r}, expected one of {', '.join(get_args(Precision))}")
    if not _HASH.fullmatch(values["checkpoint_sha256"]):
        problems.append(f"checkpoint_sha256 is {values['checkpoint_sha256']!r}, expected 64 hexadecimal digits")
    if values["precision"] in CALIBRATED and values["calibration"] is None:
        problems.append(f"calibration is missing, without which nothing is {values['precision']}")
    if not values["files"]:
        problems.append("files is empty")
    # A name with a folder in it could make us read outside the engine.
    problems += [f"{name!r} is not a plain file name" for name in values["files"] if Path(name).name != name]
    return problems


def _damaged(folder: Path, problems: list[str]) -> EngineDamaged:
    return EngineDamaged(f"{folder} is not a sound engine: {'; '.join(problems)}; build it again")
