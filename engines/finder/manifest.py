"""What a finder's engine folder holds and how it was made: `manifest.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engines.errors import EngineDamaged, EngineMismatch
from engines.manifest import MANIFEST, sha256_of

_SCHEMA = 1


@dataclass(frozen=True)
class FinderManifest:
    """A finder and its engine."""

    name: str
    size_px: int
    """Side of the square pictures that it takes."""
    threshold: float
    """The least confidence of a face."""
    low_confidence: float
    """The least confidence of what may be a face, where nothing reaches `threshold`."""
    slope: float
    """The calibrated logit of the confidence is `slope` times the network's, plus `offset`."""
    offset: float
    precision: str
    """fp32 or int8."""
    files: dict[str, str]
    """File name -> SHA-256, in hexadecimal."""
    checkpoint_sha256: str
    versions: dict[str, str]
    """Package -> version, of all that took part in building it."""
    host: dict[str, str]
    largest_difference: float
    """The largest difference of a confidence, 0..1, between the engine and the network, over `compared` pictures."""
    compared: int
    built_at: str
    """ISO 8601, UTC."""
    kind: str = "finder"
    schema: int = _SCHEMA


def write_finder_manifest(folder: Path, manifest: FinderManifest) -> None:
    """Write manifest.json in one step: a reader sees all of it or none."""
    unfinished = folder / f"{MANIFEST}.part"
    unfinished.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    unfinished.replace(folder / MANIFEST)


def read_finder_manifest(folder: Path) -> FinderManifest:
    """The manifest of a finder's engine, whose files are compared with it.

    Raises:
        EngineDamaged: no manifest, one that cannot be understood, or a file that is not the one that was built.
        EngineMismatch: an engine of another kind or schema.
    """
    values = _values(folder)
    if values.get("kind") != "finder" or values.get("schema") != _SCHEMA:
        raise EngineMismatch(
            f"{folder} holds a {values.get('kind', 'parser')!r} of schema {values.get('schema')}; expected a face "
            f"finder of schema {_SCHEMA}"
        )
    known = {field.name for field in fields(FinderManifest)}
    if set(values) != known:
        odd = ", ".join(sorted(set(values) ^ known))
        raise EngineDamaged(f"{folder / MANIFEST} lacks these fields or does not know them: {odd}; build it again")
    manifest = FinderManifest(**values)
    for name, expected in manifest.files.items():
        path = folder / Path(name).name
        if not path.is_file() or sha256_of(path) != expected:
            raise EngineDamaged(f"{path} is missing or not the file that was built; build the engine again")
    return manifest


def _values(folder: Path) -> dict[str, Any]:
    try:
        values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise EngineDamaged(f"{folder} is no engine of a face finder ({e}); build it again") from e
    if not isinstance(values, dict):
        raise EngineDamaged(f"{folder / MANIFEST} holds a {type(values).__name__}, expected an object")
    return values
