"""What an engine is, and whether it runs here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cli
from engines import zoo
from engines.compiling.inspection import inspect_engine
from engines.errors import EngineDamaged
from engines.manifest import read_manifest


def test_an_engine_that_runs_here_says_so(tiny_engines: dict[str, Path]) -> None:
    found = inspect_engine(tiny_engines["fp32"])
    assert found.why_not is None
    assert found.to_json()["runs_here"] is True
    assert found.to_json()["spec"]["name"] == "tiny"


def test_each_difference_and_the_command_are_named(tiny_engine_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tiny_engine_copy / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"versions": {"openvino": "2099.1.0"}}))
    found = inspect_engine(tiny_engine_copy)
    assert found.why_not is not None and "built with openvino 2099.1.0, older" in found.why_not
    with pytest.raises(SystemExit) as ended:
        cli.main(["inspect", str(tiny_engine_copy)])
    said = capsys.readouterr().out
    assert ended.value.code == 1
    assert f"no: {tiny_engine_copy} cannot run here" in said
    assert f"unveil compile CHECKPOINT (SHA-256 {found.manifest.checkpoint_sha256[:12]}...) --backend openvino" in said


def test_a_damaged_engine_is_not_opened(tiny_engine_copy: Path) -> None:
    (tiny_engine_copy / "model.bin").write_bytes(b"cut")
    with pytest.raises(EngineDamaged, match=r"model\.bin has SHA-256"):
        inspect_engine(tiny_engine_copy)


def test_the_checkpoint_of_what_ships_is_named() -> None:
    folder = zoo.engine_folder(zoo.DEFAULT_MODEL, "int8")
    command = inspect_engine(folder).rebuild
    assert read_manifest(folder).checkpoint_sha256
    assert f"unveil compile {zoo.weights(zoo.DEFAULT_MODEL)} --backend openvino --precision int8" in command
