"""The project's text uses the field's terms, in plain English: a few words and forms that crept in before stay out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = (
    "README.md", "CONTRIBUTING.md", "cli.py", "unveil.py",
    "docs", "engines", "realtime", "scripts", "tests", "train",
)  # fmt: skip
"""Folders and files that are read: all but the changelog, which is history."""
BETTER = {
    r"certainty": "confidence",
    r"faint": "low-confidence",
    r"(held|kept) aside": "held out, validation set",
    r"fares": "scores",
    r"a look": "an evaluation",
    r"must convince": "must reach the threshold",
    r"gone on with": "checkpoint, resumed from",
}
"""What is found, as a regular expression between word boundaries; what to write instead."""
BETTER_BEGINNING = 'begin with the thing itself, not with "Of"'

Finding = tuple[int, str, str]
"""Line, what was found, what to write instead."""


def words(text: str) -> Iterator[Finding]:
    """Words of the list, also where a line break stands between two of them."""
    for pattern, better in BETTER.items():
        spaced = pattern.replace(" ", r"\s+(?:# )?")
        for match in re.finditer(rf"\b{spaced}\b", text, re.IGNORECASE):
            yield text.count("\n", 0, match.start()) + 1, match.group(), better


def beginnings(code: str) -> Iterator[Finding]:
    """Docstrings, those of attributes too, and help texts that begin with "Of"."""
    for node in ast.walk(ast.parse(code)):
        text = node.value if isinstance(node, (ast.Expr, ast.keyword)) else None
        if isinstance(node, ast.keyword) and node.arg != "help":
            continue
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value.startswith("Of "):
            yield text.lineno, text.value.partition("\n")[0], BETTER_BEGINNING


def findings(path: Path) -> list[Finding]:
    """All that is to be mended in a file, in the order of its lines."""
    text = path.read_text(encoding="utf-8")
    return sorted([*words(text), *(beginnings(text) if path.suffix == ".py" else ())])


def files(rooms: tuple[str, ...]) -> list[Path]:
    """The .py and .md files of these rooms, without this one, which names what it searches for."""
    paths = [ROOT / room for room in rooms]
    found = {file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])}
    return sorted(file for file in found - {Path(__file__)} if file.suffix in (".py", ".md"))


def test_no_room_has_them() -> None:
    lines = [
        f"{path.relative_to(ROOT)}:{line}: {found!r}; better: {better}"
        for path in files(ROOMS)
        for line, found, better in findings(path)
    ]
    assert not lines, "\n".join(["plain words, please:", *lines])


def test_every_room_exists() -> None:
    assert [room for room in ROOMS if not (ROOT / room).exists()] == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("page.md", "one\nThe Certainty of it.", [(2, "Certainty", "confidence")]),
        ("page.md", "faces that are kept\naside", [(1, "kept\naside", "held out, validation set")]),
        ("page.md", "warfares, faintly, a looking glass", []),
        ("code.py", '"""Of a frame."""', [(1, "Of a frame.", BETTER_BEGINNING)]),
        ("code.py", 'size: int\n"""Of the crop,\nin pixels."""', [(2, "Of the crop,", BETTER_BEGINNING)]),
        ("code.py", 'Option(\n    help="Of x264: " "its preset."\n)', [(2, "Of x264: its preset.", BETTER_BEGINNING)]),
        ("code.py", '"""A frame of a video. Of course."""', []),
    ],
)
def test_what_is_found(tmp_path: Path, name: str, text: str, expected: list[Finding]) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert findings(path) == expected
