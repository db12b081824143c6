"""docs/papers.md names files and names that exist, a state in each row, and everything that the papers number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "papers.md"
STATES = ("exact", "open", "deviates", "not run")
NUMBERED = {
    "Structure via Consensus": {"Equation": 8, "Table": 5, "Figure": 9},
    "Cross-Domain Mutual Learning": {"Equation": 4, "Table": 7, "Figure": 7},
}
"""The last equation, table and figure of each paper, by a part of its section's heading."""

Row = tuple[str, str, str]
"""What the paper says, where it is, its state."""


def rows(section: str) -> list[Row]:
    """The rows of a section's first table."""
    lines = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    wrong = [line for line, found in zip(lines, cells, strict=True) if len(found) != 3]
    assert wrong == []
    return [(what, where, state) for what, where, state in cells]


def missing(where: str, root: Path) -> list[str]:
    """The files of a cell that do not exist, and the names that occur in none of them: `path`: `Name`, `other`."""
    quoted = re.findall(r"`([^`]+)`", where)
    paths = [root / word for word in quoted if "/" in word]
    lost = [str(path.relative_to(root)) for path in paths if not path.is_file()]
    text = "".join(path.read_text(encoding="utf-8") for path in paths if path.is_file())
    names = [word for word in quoted if "/" not in word]
    return [*lost, *(name for name in names if not re.search(rf"\b{re.escape(name)}\b", text))]


def sections() -> dict[str, str]:
    """The papers' sections, by the names of `NUMBERED`."""
    text = PAGE.read_text(encoding="utf-8")
    found = {heading: part for part in text.split("\n## ")[1:] if (heading := part.partition("\n")[0])}
    return {name: next(part for heading, part in found.items() if name in heading) for name in NUMBERED}


@pytest.mark.parametrize("paper", NUMBERED)
def test_every_file_and_name_exists(paper: str) -> None:
    wrong = {what: lost for what, where, _ in rows(sections()[paper]) if (lost := missing(where, ROOT))}
    assert wrong == {}


@pytest.mark.parametrize("paper", NUMBERED)
def test_every_row_has_a_place_and_a_state(paper: str) -> None:
    table = rows(sections()[paper])
    assert [what for what, where, _ in table if "`" not in where] == []
    assert [what for what, _, state in table if not state.startswith(STATES)] == []


@pytest.mark.parametrize("paper", NUMBERED)
def test_every_equation_table_and_figure_has_a_row(paper: str) -> None:
    text = "\n".join(what for what, _, _ in rows(sections()[paper]))
    for kind, last in NUMBERED[paper].items():
        found = {int(number) for number in re.findall(rf"\b{kind} (\d+)", text)}
        assert found == set(range(1, last + 1))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("consensus", "0.03 times equation 8"),
        ("consensus-lite", "0.03 times equation 8"),
        ("consensus-lite", "of our own, of neither paper"),
        ("parts", "of our own, of neither paper"),
        ("parts-depth", "of our own, of neither paper"),
    ],
)
def test_cards_say_what_is_not_the_papers(name: str, words: str) -> None:
    assert words in (ROOT / "engines" / "zoo" / name / "card.md").read_text(encoding="utf-8")


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").write_text("class Loss: ...\n")
    assert missing("`a/b.py`: `Loss`", tmp_path) == []
    assert missing("`a/c.py`; `a/b.py`: `Los`", tmp_path) == ["a/c.py", "Los"]
    with pytest.raises(AssertionError):
        rows("x\n| what | where | state |\n|---|---|---|\n| a | b |\n")
