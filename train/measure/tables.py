"""The tables that `unveil evaluate` prints, from the JSON-ready results of the evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from realtime.run.report import table
from train.datasets.registry import Reader, Table, find_reader
from train.measure.groups import MARGIN, MIN_FACES

_HELD_OUT_COLUMNS = {
    "face_iou": "IoU face",
    "occlusion_iou": "IoU occlusion",
    "accuracy": "accuracy",
    "occlusion_taken_for_face": "occlusion as face",
    "face_taken_for_occlusion": "face as occlusion",
    "sparsity": "sparsity",
    "occluder_found": "occluder found",
    "occluder_taken_for_face": "occluder as face",
}
_HELD_OUT_ROWS = {"clean": "unmodified", "pasted": "occluded", "detected": "occluded, through detection"}
_GROUP_COLUMNS = {
    "basis": "by",
    "faces": "faces",
    "clean_face_iou": "IoU face",
    "pasted_face_iou": "occluded",
    "occluder_taken_for_face": "occluder as face",
}
_GROUPS_NOTE = (
    f"-: fewer than {MIN_FACES} faces, not evaluated. name: the file's name says so; computed: estimated from "
    "landmarks (yaw) or from the colours of the visible face; copy: all faces again, made harder. The ground truth of "
    "a face is a pseudo-label, so a group may score low because its labels are wrong."
)
_PARTS_COLUMNS = {
    "skin": "Skin", "nose": "Nose", "left eye": "L-Eye", "right eye": "R-Eye", "left brow": "L-Brow",
    "right brow": "R-Brow", "left ear": "L-Ear", "right ear": "R-Ear", "mouth": "I-Mouth", "upper lip": "U-Lip",
    "lower lip": "L-Lip", "hair": "Hair", "mean_f1": "Mean", "mean_f1_in_crop": "in crop",
}  # fmt: skip
"""The headings of tables 2 and 3 of Cross-Domain Mutual Learning."""
_DEPTH_COLUMNS = {"l1": "L1 (-1..1)", "l1_mm": "L1 mm"}
_L1_DIGITS = 4


def held_out_text(result: dict[str, Any]) -> str:
    """The tables of held-out faces, in percent; sparsity in components."""
    rows = [
        [title, *(result[key].get(column) for column in _HELD_OUT_COLUMNS)]
        for key, title in _HELD_OUT_ROWS.items()
        if key in result
    ]
    lines = [
        f"{result['model']} on {result['faces']} held-out faces, with held-out occluders (percent)",
        "",
        table(rows, ["", *_HELD_OUT_COLUMNS.values()]),
        "",
        f"IoU face by occluder: {_listed(result['pasted_face_iou_by_occluder'])}",
        f"IoU face by set, occluded: {_listed(result['pasted_face_iou_by_set'])}",
    ]
    if "detected" in result:
        lines.append(f"faces found by the detector: {result['detected']['found']} %")
    if "groups" in result:
        lines += ["", _groups_text(result["groups"])]
    return "\n".join(lines)


def _groups_text(groups: Sequence[dict[str, Any]]) -> str:
    rows = [[group["group"], *(group[key] for key in _GROUP_COLUMNS), _below_text(group["below"])] for group in groups]
    return f"{table(rows, ['group', *_GROUP_COLUMNS.values(), 'note'])}\n\n{_GROUPS_NOTE}"


def _below_text(columns: Sequence[str]) -> str:
    names = " and ".join(_HELD_OUT_ROWS[column] for column in columns)
    return f"{names}: more than {MARGIN:g} below all faces" if columns else ""


def dataset_text(result: dict[str, Any]) -> str:
    """The tables of a data set, in percent; sparsity in components, depth as L1."""
    reader = find_reader(result["data"])
    lines = [f"{result['pictures']} pictures of {result['data']}, {result['split']}"]
    sections = _parts_sections(result, reader) if "lights" in result else _consensus_sections(result, reader)
    return "\n\n".join(lines + sections)


def _consensus_sections(result: dict[str, Any], reader: Reader) -> list[str]:
    sections = []
    for one in reader.tables:
        if rows := [row for row in result["rows"] if one.scores in row]:
            columns = _columns_of(one, result["labels"])
            names = [f"{row['role']}: {row['model']}, {row['measured']}" for row in rows]
            sections.append(_section(one.title, names, [row | row[one.scores] for row in rows], columns))
    return sections


def _columns_of(one: Table, labels: Sequence[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for key, heading in one.columns.items():
        names = labels if "{label}" in key else [""]
        columns |= {key.format(label=name): heading.format(label=name) for name in names}
    return columns


def _parts_sections(result: dict[str, Any], reader: Reader) -> list[str]:
    """Tables for each light and group: F1 in percent, or L1 of depth."""
    sections = []
    for light in result["lights"]:
        for group in dict.fromkeys(row["group"] for row in result["rows"]):
            rows = [row for row in result["rows"] if (row["light"], row["group"]) == (light, group)]
            title = f"{light} light" + (f", {rows[0]['pictures']} {group}" if rows and group else "")
            if parts := [row for row in rows if "f1" in row]:
                cells = [row["f1"] | row for row in parts]
                sections.append(_section(f"{title}: F1 by part", _names(parts), cells, _PARTS_COLUMNS))
            if reader.merged and (merged := [row for row in rows if "merged" in row]):
                headings = {heading: heading for heading in (*reader.merged.columns, "overall")}
                cells = [row["merged"] for row in merged]
                sections.append(_section(f"{title}: {reader.merged.title}", _names(merged), cells, headings))
            if depth := [row for row in rows if "l1" in row]:
                cells = [row | {"l1": f"{row['l1']:.{_L1_DIGITS}f}"} for row in depth]
                sections.append(_section(f"{title}: depth", _names(depth), cells, _DEPTH_COLUMNS))
    return sections


def _names(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [f"{row['role']}: {row['model']}, sees {row['sees']}" for row in rows]


def _section(title: str, names: Sequence[str], cells: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    rows = [[name, *(values.get(key) for key in columns)] for name, values in zip(names, cells, strict=True)]
    return f"{title}\n{table(rows, ['', *columns.values()])}"


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{name or 'all'} {value}" for name, value in values.items())
