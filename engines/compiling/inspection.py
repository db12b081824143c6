"""What an engine is, and whether it runs here."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines import zoo
from engines.errors import EngineMismatch
from engines.installation import MissingExtra
from engines.load import open_engine
from engines.manifest import Manifest, read_manifest, sha256_of, verify


@dataclass(frozen=True)
class Inspection:
    """An engine whose files are the ones that were built."""

    folder: Path
    manifest: Manifest
    why_not: str | None
    """Why it does not run on this machine, each difference named; None where it does."""
    rebuild: str
    """The command that builds it for this machine."""

    def to_json(self) -> dict[str, Any]:
        """The manifest's fields with `runs_here`, `why_not` and `rebuild`."""
        return self.manifest.to_json() | {
            "runs_here": self.why_not is None, "why_not": self.why_not, "rebuild": self.rebuild,
        }  # fmt: skip


def inspect_engine(folder: Path) -> Inspection:
    """Check an engine's files and open it.

    Raises:
        EngineDamaged: no engine, or files missing or not the ones that were built.
    """
    manifest = read_manifest(folder)
    verify(folder, manifest)
    why_not = None
    try:
        open_engine(folder, manifest, None).close()
    except (EngineMismatch, MissingExtra) as e:
        why_not = str(e)
    return Inspection(folder, manifest, why_not, rebuild_command(folder, manifest))


def rebuild_command(folder: Path, manifest: Manifest) -> str:
    """`unveil compile ...` with this engine's recipe.

    Its checkpoint is named where it ships or lies where it was built from, else by its hash.
    """
    candidates = [*map(zoo.weights, zoo.names()), Path(manifest.checkpoint)]
    found = next((path for path in candidates if _is_checkpoint(path, manifest)), None)
    checkpoint = shlex.quote(str(found)) if found else f"CHECKPOINT (SHA-256 {manifest.checkpoint_sha256[:12]}...)"
    recipe = (
        f"--backend {manifest.backend} --precision {manifest.precision} --batch {manifest.batch} "
        f"--size {manifest.spec.size_px}"
    )
    if manifest.recipe.get("hardware_compatibility"):
        recipe += " --compatible"
    return f"unveil compile {checkpoint} {recipe} --output {shlex.quote(str(folder))}"


def _is_checkpoint(weights: Path, manifest: Manifest) -> bool:
    return weights.is_file() and sha256_of(weights) == manifest.checkpoint_sha256
