"""The file `provenance.json` of a folder of labels: how they are made.

It is written before the first label and compared before more are added.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engines.errors import DataError, UsageError

PROVENANCE = "provenance.json"
_MISSING = "nothing"


def refuse_other_settings(output: Path, settings: dict[str, Any]) -> None:
    """Check that the labels in a folder, if there are any, were made with the same settings.

    Args:
        settings: JSON-ready; everything that shapes the labels.

    Raises:
        UsageError: the settings differ; the message names each difference.
        DataError: `provenance.json` cannot be read.
    """
    earlier = _read(output / PROVENANCE)
    if earlier is not None:
        _refuse_differences(output, earlier.get("settings"), settings)


def write_provenance(
    output: Path,
    settings: dict[str, Any],
    inputs: Sequence[Path],
    labels: Sequence[str] = ("background", "face", "occlusion"),
) -> None:
    """Write `provenance.json`. The inputs are added to those of earlier runs."""
    earlier = (_read(output / PROVENANCE) or {}).get("inputs", [])
    provenance = {
        "made_by": "unveil label",
        "settings": settings,
        "inputs": list(dict.fromkeys([*earlier, *map(str, inputs)])),
        "labels": {str(number): name for number, name in enumerate(labels)},
    }
    partial = output / f"{PROVENANCE}.part"
    partial.write_text(json.dumps(provenance, indent=2) + "\n")
    partial.replace(output / PROVENANCE)


def _refuse_differences(output: Path, earlier: Any, now: dict[str, Any]) -> None:
    advice = "choose another --output, or continue with the same settings"
    if not isinstance(earlier, dict):
        raise UsageError(f"the labels in {output} have no record of how they were made (an older version's); {advice}")
    differences = [
        f"{name} was {earlier.get(name, _MISSING)}, now {now.get(name, _MISSING)}"
        for name in dict.fromkeys([*earlier, *now])
        if earlier.get(name) != now.get(name)
    ]
    if differences:
        raise UsageError(f"the labels in {output} were made differently: {'; '.join(differences)}; {advice}")


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
