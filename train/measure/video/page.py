"""The tables of `unveil evaluate --video`: as text for a terminal, and as a page that compares two runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.errors import DataError
from realtime.run.report import table
from realtime.video.sinks.part_file import sink_errors

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """One table of the result."""

    key: str
    """The key of its rows in the result."""
    title: str
    note: str
    names: tuple[str, ...]
    """The columns that say what a row is about."""
    columns: Mapping[str, str]
    """The columns that were measured, with their headings."""


SECTIONS = (
    Section(
        "followed",
        "Clips: following faces",
        "ghosts: frames with a mask where no face is, at once after a cut. late: frames from the one in which half "
        "of a face is visible to the one in which it is masked (IoU of 0.5). lost: visible and not masked, after it "
        "was masked once. switches: changes of a face's track. IoU: of the visible face, in percent, over all frames "
        "in which it is visible. survived: scenes in which a covered face returns under its track within 5 frames. "
        "flicker: pixels of the face's box whose label changes from frame to frame after motion is compensated by "
        "optical flow, in percent. lag: frames by which the mask's edges trail.",
        ("title", "scenes", "frames"),
        {
            "ghost_frames": "ghosts",
            "ghost_scenes": "scenes with one",
            "late_frames": "late",
            "lost_frames": "lost",
            "switches": "switches",
            "iou": "IoU",
            "survived": "survived",
            "flicker": "flicker",
            "lag_frames": "lag",
        },
    ),
    Section(
        "found",
        "Pictures: finding faces",
        "found: faces that are masked (IoU of 0.5 or more), in percent. over 0.7: those with an IoU of 0.7 or more. "
        "false faces: masks where no face is.",
        ("title", "pictures", "faces"),
        {
            "found": "found",
            "iou": "IoU",
            "iou_over_0.7": "over 0.7",
            "iou_over_0.8": "over 0.8",
            "false_faces": "false faces",
        },
    ),
    Section(
        "turned",
        "Pictures: turned faces",
        "The mask of a turned picture is compared with the mask of the upright picture, turned likewise.",
        ("angle_deg", "faces"),
        {"found": "found", "iou": "IoU", "iou_over_0.8": "over 0.8"},
    ),
    Section(
        "blurred",
        "Under `blur`",
        "left: faces of which more than half is unchanged. unchanged: pixels of visible faces that are unchanged, "
        "in percent.",
        ("title", "scenes", "frames", "faces"),
        {"left": "left", "unchanged": "unchanged"},
    ),
)
_HEADINGS = {"title": "", "angle_deg": "angle"}


def video_text(result: Row) -> str:
    """The tables for a terminal."""
    lines = [f"{result['model']}, seed {result['seed']}, {result['seconds']:.0f} s"]
    for section in SECTIONS:
        if rows := result.get(section.key):
            keys = [*section.names, *section.columns]
            cells = [[row.get(key) for key in keys] for row in rows]
            lines += ["", section.title, table(cells, [_heading(section, key) for key in keys])]
    return "\n".join(lines)


def read_result(path: Path) -> Row:
    """An earlier result. Raises DataError if the file is missing or is not one."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise DataError(f"{path} cannot be read ({e}); expected what `unveil evaluate --video --json` wrote") from e
    if not isinstance(result, dict) or not any(section.key in result for section in SECTIONS):
        raise DataError(f"{path} holds no result of `unveil evaluate --video --json`")
    return result


def write_page(path: Path, result: Row, before: Row | None) -> None:
    """Write the page. Raises SinkError where the file cannot be written."""
    with sink_errors(path):
        path.write_text(page_text(result, before), encoding="utf-8")


def page_text(result: Row, before: Row | None) -> str:
    """The page in Markdown. With an earlier result, each cell is "before → now" where the two differ."""
    command = f"unveil evaluate {result['model']} --video --labels LABELS --occluders OCCLUDERS --page FILE"
    lines = ["# Finding and following faces", "", _INTRODUCTION, "", "```sh", command, "```"]
    if before:
        lines += [
            "",
            "A cell with an arrow compares the code before with the code now. "
            "A cell without one did not change, or was not measured before.",
        ]
    for section in SECTIONS:
        rows = result.get(section.key)
        if not rows:
            continue
        keys = [*section.names, *section.columns]
        earlier = {row[section.names[0]]: row for row in (before or {}).get(section.key, ())}
        lines += ["", f"## {section.title}", "", section.note, ""]
        lines += ["| " + " | ".join(_heading(section, key) for key in keys) + " |", "|---" * len(keys) + "|"]
        for row in rows:
            old = earlier.get(row[section.names[0]])
            cells = [_cell(key in section.columns, old, row, key) for key in keys]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


_INTRODUCTION = """\
Clips and pictures are composed of held-out portraits, clips of people, cut-out hands and objects, and walls. So the
ground truth is known in every frame: which face is where, and which of its pixels can be seen. The mask of an uncovered
face is a pseudo-label of the upright portrait, by a network other than the one that is evaluated. The scenes run
through the loop of `unveil process`, from memory to memory. The same seed composes the same scenes."""


def _heading(section: Section, key: str) -> str:
    return section.columns.get(key, _HEADINGS.get(key, key))


def _cell(measured: bool, old: Row | None, row: Row, key: str) -> str:
    now = _text(row.get(key))
    if not measured or old is None or _text(old.get(key)) == now:
        return now
    return f"{_text(old.get(key))} → **{now}**"


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
