"""The tables that `unveil evaluate` prints: of faces kept aside, and of data sets."""

from __future__ import annotations

from typing import Any

from train.measure.group_table import LEAST_FACES, MARGIN
from train.measure.parts.report import parts_text

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
_GROUP_COLUMNS = {
    "clean_face_iou": ("IoU face", 10),
    "pasted_face_iou": ("pasted", 8),
    "occluder_taken_for_face": ("occluder as face", 18),
}
_GROUP_BASES = (
    "name: the file's name says so; computed: a proxy, from the landmarks (yaw) or the visible face's colours; copy: "
    "all faces again, made harder. The truth of a face is a pseudo-label: a group may be low because its truth is."
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
    if "groups" in result:
        lines += ["", *_groups_table(result["groups"])]
    return "\n".join(lines)


def tables_text(result: dict[str, Any]) -> str:
    """The rows of the papers' tables that fit the data set, for people: percent, sparsity in components."""
    if "lights" in result:
        return parts_text(result)
    lines = [f"{result['pictures']} pictures of {result['data']}, {result['split']}"]
    for title, part, columns in _tables_of(result["data"], result["labels"]):
        rows = [row for row in result["rows"] if part in row]
        if rows:
            lines += ["", title, *_table(rows, part, columns)]
    return "\n".join(lines)


_Columns = list[tuple[str, str]]


def _tables_of(data: str, labels: list[str]) -> list[tuple[str, str, _Columns]]:
    """(title, part of the row, columns) of each table."""
    face: _Columns = [
        ("iou_face", "IoU face"), ("accuracy", "acc."), ("recall_face", "rec. face"), ("mean_recall", "recall"),
        ("sparsity", "spars."), ("fps", "fps"),
    ]  # fmt: skip
    by_iou = [(f"iou_{name}", f"IoU {name}") for name in labels]
    by_iou += [("mean_iou", "IoU mean"), ("mean_recall", "recall"), ("accuracy", "acc.p")]
    by_iou += [("superpixel_accuracy", "acc.sp"), ("sparsity", "spars.")]
    by_f1 = [*((f"f1_{name}", f"F1 {name}") for name in labels), ("accuracy", "acc.p")]
    first = ("Table 1: face against all else", "face", face)
    rest = [("Tables 2 and 3: by class", "classes", by_iou), ("Table 4: F1", "classes", by_f1)]
    # COFW's truth is binary, and Part Labels has tables of its own.
    return [first] if data == "cofw" else rest if data == "part-labels" else [first, *rest]


def _groups_table(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each group, and what its columns mean."""
    width = max(len(row["group"]) for row in rows)
    head = "".join(f"{title:>{w}}" for title, w in (("by", 10), ("faces", 7), *_GROUP_COLUMNS.values()))
    lines = [f"{'group':<{width}}" + head]
    for row in rows:
        cells = "".join(f"{'-' if row[key] is None else row[key]:>{w}}" for key, (_, w) in _GROUP_COLUMNS.items())
        mark = f"  <- {' and '.join(row['below'])}: more than {MARGIN:g} below all faces" if row["below"] else ""
        lines.append(f"{row['group']:<{width}}{row['basis']:>10}{row['faces']:>7}{cells}{mark}")
    return [*lines, "", f"-: fewer than {LEAST_FACES} faces, not judged. {_GROUP_BASES}"]


def _table(rows: list[dict[str, Any]], part: str, columns: _Columns) -> list[str]:
    names = [f"{row['role']}: {row['model']}, {row['measured']}" for row in rows]
    width = max(map(len, names))
    head = " " * width + "".join(f"{title:>{len(title) + 3}}" for _, title in columns)
    return [
        head,
        *(f"{name:<{width}}" + _cells(row | row[part], columns) for name, row in zip(names, rows, strict=True)),
    ]


def _cells(values: dict[str, Any], columns: _Columns) -> str:
    cells = ("-" if values[key] is None else str(values[key]) for key, _ in columns)
    return "".join(f"{cell:>{len(title) + 3}}" for cell, (_, title) in zip(cells, columns, strict=True))


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{name or 'all'} {value}" for name, value in values.items())
