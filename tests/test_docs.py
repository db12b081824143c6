"""The pages name files that exist, and commands with options that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from cli import app
from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("engines/zoo/*/card.md")])
PAGES.remove(ROOT / "CHANGELOG.md")  # names commands of the past, too
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def links(text: str) -> list[str]:
    """The files that a page links to, relative to its folder."""
    without_code = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code)
    return [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


def commands(text: str) -> list[list[str]]:
    """The words after `unveil` of each command in a page's shell blocks and in its text."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    lines += re.findall(r"`(unveil [^`\n]+)`", text)
    return [shlex.split(line, comments=True)[1:] for line in lines if re.match(r" *unveil [a-z]", line)]


def unknown(words: list[str]) -> list[str]:
    """What a command line has that the app does not: the command, or its options."""
    command = COMMANDS.get(words[0]) if words else None
    if command is None:
        return words[:1]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)}
    return sorted(given - known - {"--help", "-h"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    assert [link for link in links(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_exist(page: Path) -> None:
    wrong = [(words, missing) for words in commands(page.read_text(encoding="utf-8")) if (missing := unknown(words))]
    assert wrong == []


def test_what_is_wrong_is_found() -> None:
    page = """[a](b.md#c) [d](https://e.f) `[g](h)` `unveil live --veiw none`
```sh
unveil process x \\
  -o y --rendr blur  # --no
unveil mask x
```
"""
    assert links(page) == ["b.md"]
    assert [unknown(words) for words in commands(page)] == [["--rendr"], ["mask"], ["--veiw"]]
