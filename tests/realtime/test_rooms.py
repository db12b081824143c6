"""The rooms of `realtime` know only what they need: frames know nothing else, and video knows no faces."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import realtime

ROOT = Path(realtime.__file__).parent
FORBIDDEN = {
    "frames": ("faces", "render", "video", "run", "tools"),
    "video": ("faces", "render", "run", "tools"),
    "faces": ("render", "video", "run", "tools"),
    "render": ("run", "tools"),
}


def wrong_imports(folder: Path, rooms: tuple[str, ...]) -> Iterator[str]:
    """Each import, at the top or inside a function, of a module in one of the rooms."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            parts = [name.split(".") for name in names]
            yield from (
                f"{file.name} imports {'.'.join(part)}"
                for part in parts
                if part[0] == "realtime" and part[1:2] and part[1] in rooms
            )


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_no_room_that_it_must_not_know(room: str) -> None:
    assert list(wrong_imports(ROOT / room, FORBIDDEN[room])) == []


def test_a_wrong_import_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "sink.py").write_text("def f():\n    from realtime.render.palette import palette\n")
    assert list(wrong_imports(tmp_path, FORBIDDEN["video"])) == ["sink.py imports realtime.render.palette"]
