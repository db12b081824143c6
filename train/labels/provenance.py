"""How a folder of labels was made, beside the labels: written before the first one, read back before more are added."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engines.errors import DataError, UsageError

PROVENANCE = "provenance.json"
_MISSING = "nothing"


def check(output: Path, settings: dict[str, Any]) -> None:
    """Make sure that the labels in a folder, if there are any, were made as they would be now.

    Args:
        settings: JSON-ready; all that shapes the labels.

    Raises:
        UsageError: they were made differently; the message names each difference.
        DataError: its provenance cannot be read.
    """
    before = _read(output / PROVENANCE)
    if before is not None:
        _refuse_differences(output, before.get("settings"), settings)


def note(
    output: Path,
    settings: dict[str, Any],
    inputs: Sequence[Path],
    labels: Sequence[str] = ("background", "face", "occlusion"),
) -> None:
    """Write how the labels of a folder are made; `inputs` are added to those that are noted already."""
    known = (_read(output / PROVENANCE) or {}).get("inputs", [])
    provenance = {
        "made_by": "unveil label",
        "settings": settings,
        "inputs": list(dict.fromkeys([*known, *map(str, inputs)])),
        "labels": {str(number): name for number, name in enumerate(labels)},
    }
    partial = output / f"{PROVENANCE}.part"
    partial.write_text(json.dumps(provenance, indent=2) + "\n")
    partial.replace(output / PROVENANCE)


def _refuse_differences(output: Path, before: Any, now: dict[str, Any]) -> None:
    advice = "choose another --output, or go on with the same choices"
    if not isinstance(before, dict):
        raise UsageError(f"the labels in {output} do not note how they were made (an older version's); {advice}")
    differences = [
        f"{name} was {before.get(name, _MISSING)}, now {now.get(name, _MISSING)}"
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    ]
    if differences:
        raise UsageError(f"the labels in {output} were made differently: {'; '.join(differences)}. So {advice}")


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text())
    except ValueError as e:
        raise DataError(f"{path} cannot be read ({e}); delete the folder, or label into another one") from e
    if not isinstance(values, dict):
        raise DataError(f"{path} holds a {type(values).__name__}, expected an object; label into another folder")
    return values
