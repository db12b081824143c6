"""Loading: by name, by folder, and the errors where that cannot work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines import zoo
from engines.compiling.cache import CACHE_VARIABLE
from engines.engine import Engine
from engines.errors import EngineDamaged, UnknownModel, UsageError
from engines.load import engine_name, find_engine, load_engine
from engines.manifest import read_manifest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small_zoo(tiny_engines: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zoo with one model, "tiny", that has an int8 and an fp32 engine."""
    model = tmp_path / "zoo" / "tiny"
    for precision in ("int8", "fp32"):
        shutil.copytree(tiny_engines[precision], model / precision)
    (model / "weights.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(zoo, "ZOO", tmp_path / "zoo")
    return tmp_path / "zoo"


def check_engine(engine: Engine) -> None:
    parsed = engine(np.zeros((1, 32, 32, 3), np.uint8))
    assert parsed.labels.shape == (1, 32, 32)
    assert parsed.probabilities.shape == (1, 32, 32, 3)


def test_name_loads_the_fastest_engine(small_zoo: Path) -> None:
    with load_engine("tiny", threads=2) as engine:
        assert engine.description == "tiny, OpenVINO int8, CPU, 2 threads"
        check_engine(engine)


def test_name_without_int8_loads_fp32(small_zoo: Path) -> None:
    shutil.rmtree(small_zoo / "tiny" / "int8")
    assert find_engine("tiny") == small_zoo / "tiny" / "fp32"


def test_damaged_int8_is_not_passed_over(small_zoo: Path) -> None:
    (small_zoo / "tiny" / "int8" / "manifest.json").unlink()
    with pytest.raises(EngineDamaged, match="unfinished build"):
        load_engine("tiny")


def test_folder_loads(tiny_engines: dict[str, Path]) -> None:
    with load_engine(str(tiny_engines["fp32"]), threads=1) as engine:
        assert engine.description == f"{tiny_engines['fp32']} (architecture tiny), OpenVINO fp32, CPU, 1 thread"
        check_engine(engine)


def test_shipped_weights_that_were_compiled_on_first_use_have_the_models_name(
    small_zoo: Path, tiny_engines: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    cached = shutil.copytree(tiny_engines["torch"], tmp_path / "cache" / "weights-fp32-key")
    manifest = read_manifest(cached)
    assert engine_name(cached, manifest) == "tiny"
    own = replace(manifest, checkpoint="runs/mine/weights.safetensors", checkpoint_sha256="d" * 64)
    assert engine_name(cached, own) == "runs/mine/weights.safetensors"
    assert engine_name(tmp_path / "engine", manifest) == str(tmp_path / "engine"), "a folder keeps its own name"


def test_unknown_name_lists_the_known_ones(small_zoo: Path) -> None:
    with pytest.raises(UnknownModel, match=r"'tinny' is neither .* known models: tiny"):
        load_engine("tinny")
    with pytest.raises(UnknownModel, match="known models: tiny"):
        zoo.weights("tinny")


def test_model_without_an_engine_says_so(small_zoo: Path) -> None:
    shutil.rmtree(small_zoo / "tiny" / "int8")
    shutil.rmtree(small_zoo / "tiny" / "fp32")
    with pytest.raises(UnknownModel, match="has weights but no engine"):
        load_engine("tiny")
    with pytest.raises(UnknownModel, match="no int8 engine; it has: none"):
        zoo.engine_folder("tiny", "int8")


def test_zoo_names_files_of_a_model(small_zoo: Path) -> None:
    assert zoo.names() == ("tiny",)
    assert zoo.precisions("tiny") == ("int8", "fp32")
    assert zoo.weights("tiny").read_bytes() == b"weights"
    assert zoo.engine_folder("tiny", "fp32").is_dir()


def test_folder_without_manifest_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(EngineDamaged, match=r"no manifest\.json"):
        load_engine(tmp_path)


def test_changed_weights_are_refused(tiny_engine_copy: Path) -> None:
    weights = tiny_engine_copy / "model.bin"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(EngineDamaged, match=r"model\.bin has SHA-256"):
        load_engine(tiny_engine_copy)


def test_every_missing_file_is_named(tiny_engine_copy: Path) -> None:
    (tiny_engine_copy / "model.bin").unlink()
    (tiny_engine_copy / "model.xml").unlink()
    with pytest.raises(EngineDamaged, match=r"model\.xml is missing; model\.bin is missing"):
        load_engine(tiny_engine_copy)


def test_no_threads_is_wrong_use(tiny_engines: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="threads must be 1 or more; got 0"):
        load_engine(tiny_engines["fp32"], threads=0)


@pytest.mark.parametrize(("kind", "imports_torch"), [("int8", False), ("torch", True)])
def test_only_a_torch_engine_imports_torch(tiny_engines: dict[str, Path], kind: str, imports_torch: bool) -> None:
    script = "import sys; from engines.load import load_engine; load_engine(sys.argv[1]); print('torch' in sys.modules)"
    command = [sys.executable, "-c", script, str(tiny_engines[kind])]
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert run.stdout.strip() == str(imports_torch)
