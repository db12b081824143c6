"""The tables that `unveil evaluate` prints."""

from __future__ import annotations

from typing import Any

_COLUMNS = (
    ("face_iou", "IoU face"),
    ("occlusion_iou", "IoU occlusion"),
    ("accuracy", "accuracy"),
    ("occlusion_taken_for_face", "occlusion as face"),
    ("face_taken_for_occlusion", "face as occlusion"),
    ("sparsity", "sparsity"),
    ("occluder_found", "occluder found"),
    ("occluder_taken_for_face", "occluder as face"),
)
_ROWS = (
    ("clean", "clean crops"),
    ("pasted", "one occluder pasted"),
    ("detected", "pasted, through detection"),
)


def evaluation_text(result: dict[str, Any]) -> str:
    """A table for people: percent, sparsity in components. The occluder's columns count its own pixels only."""
    width = max(len(title) for _, title in _ROWS)
    lines = [
        f"{result['model']} on {result['faces']} faces kept aside, with occluders kept aside (percent)",
        "",
        " " * width + "".join(f"{title:>19}" for _, title in _COLUMNS),
    ]
    for key, title in _ROWS:
        if key in result:
            values = (result[key].get(column, "-") for column, _ in _COLUMNS)
            lines.append(f"{title:<{width}}" + "".join(f"{value:>19}" for value in values))
    lines += ["", f"IoU face by occluder: {_listed(result['pasted_face_iou_by_occluder'])}"]
    lines.append(f"IoU face by set, pasted: {_listed(result['pasted_face_iou_by_set'])}")
    if "detected" in result:
        lines.append(f"faces found by the detector: {result['detected']['found']} %")
    return "\n".join(lines)


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{name or 'all'} {value}" for name, value in values.items())
