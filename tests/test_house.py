"""The house: where files lie, how long they are, and how deep and straight their imports are. Each proof can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.import_graph import circles, import_graph, longest_chain

ROOT = Path(__file__).parents[1]
PACKAGES = ("engines", "realtime", "train")
MOST_LOOSE_FILES, MOST_FILES, MOST_LINES, MOST_IMPORTS = 8, 14, 300, 15


def python_files(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.glob("*.py")) if file.name != "__init__.py"]


def test_no_imports_go_in_a_circle() -> None:
    assert circles(import_graph(ROOT)) == []


def test_no_chain_of_imports_is_deeper_than_fifteen() -> None:
    chain = longest_chain(import_graph(ROOT))
    assert len(chain) <= MOST_IMPORTS, " -> ".join(chain)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_few_loose_files_and_a_room_about_a_dozen(package: str) -> None:
    assert len(python_files(ROOT / package)) <= MOST_LOOSE_FILES
    rooms = [folder for folder in (ROOT / package).rglob("*") if folder.is_dir()]
    crowded = {str(room.relative_to(ROOT)): count for room in rooms if (count := len(python_files(room))) > MOST_FILES}
    assert crowded == {}


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    files = [ROOT / "cli.py", ROOT / "unveil.py"]
    files += [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    lines = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_a_circle_and_a_deep_chain_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "engines").mkdir()
    names = [f"m{number}" for number in range(16)]
    for name, next_name in zip(names, [*names[1:], "m14"], strict=True):
        (tmp_path / "engines" / f"{name}.py").write_text(f"def f():\n    from engines import {next_name}\n")
    graph = import_graph(tmp_path)
    assert circles(graph) == [["engines.m14", "engines.m15"]]
    assert len(longest_chain(graph)) == 15
