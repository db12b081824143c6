"""The tables that `unveil evaluate` prints of models of parts and of depth."""

from __future__ import annotations

from typing import Any

_PARTS = {
    "skin": "Skin", "nose": "Nose", "left eye": "L-Eye", "right eye": "R-Eye", "left brow": "L-Brow",
    "right brow": "R-Brow", "left ear": "L-Ear", "right ear": "R-Ear", "mouth": "I-Mouth", "upper lip": "U-Lip",
    "lower lip": "L-Lip", "hair": "Hair",
}  # fmt: skip
_HELEN = {
    "skin": "Skin", "nose": "Nose", "upper lip": "U-Lip", "mouth": "I-Mouth", "lower lip": "L-Lip", "eyes": "Eyes",
    "brows": "Brows", "whole mouth": "Mouth", "overall": "Overall",
}  # fmt: skip
_DEPTH = {"l1": "L1 (-1..1)", "l1_mm": "L1 mm"}


def parts_text(result: dict[str, Any]) -> str:
    """A table for each light and group: F1 in percent, or L1 of depth."""
    lines = [f"{result['pictures']} pictures of {result['data']}, {result['split']}"]
    for light in result["lights"]:
        for group in dict.fromkeys(row["group"] for row in result["rows"]):
            rows = [row for row in result["rows"] if (row["light"], row["group"]) == (light, group)]
            title = f"{light} light" + (f", {rows[0]['pictures']} {group}" if rows and group else "")
            lines += [line for table in _tables(title, rows) for line in ("", *table)]
    return "\n".join(lines)


def _tables(title: str, rows: list[dict[str, Any]]) -> list[list[str]]:
    parts = [row for row in rows if "f1" in row]
    tables = []
    if parts:
        last = {"mean_f1": "Mean", "mean_f1_in_crop": "in crop"}
        cells = [row["f1"] | row for row in parts]
        tables.append(_table(f"{title}: F1 by part", parts, cells, _PARTS | last))
    if helen := [row for row in parts if "helen" in row]:
        tables.append(_table(f"{title}: F1, merged (Helen)", helen, [row["helen"] for row in helen], _HELEN))
    if depth := [row for row in rows if "l1" in row]:
        tables.append(_table(f"{title}: depth", depth, depth, _DEPTH))
    return tables


def _table(title: str, rows: list[dict[str, Any]], cells: list[dict[str, Any]], columns: dict[str, str]) -> list[str]:
    names = [f"{row['role']}: {row['model']}, sees {row['sees']}" for row in rows]
    width = max(map(len, names))
    lines = [title, " " * width + "".join(f"{name:>{_wide(name)}}" for name in columns.values())]
    for name, values in zip(names, cells, strict=True):
        told = ("-" if values.get(key) is None else str(values[key]) for key in columns)
        written = (f"{cell:>{_wide(column)}}" for cell, column in zip(told, columns.values(), strict=True))
        lines.append(f"{name:<{width}}" + "".join(written))
    return lines


def _wide(column: str) -> int:
    return max(len(column), 6) + 2
