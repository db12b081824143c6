"""Files that grow by a line for each finished thing, and may be cut short by a kill."""

from __future__ import annotations

from pathlib import Path


def drop_cut_line(path: Path) -> None:
    """Take off a last line that a kill cut short, or the next one would join it. What it was about is done again."""
    if not path.is_file():
        return
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        path.write_bytes(whole)
