import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")

from cli import _engine_for as _engine
from cli import app
from engines import zoo
from engines.backends import backends_on
from engines.compiling.cache import CACHE_VARIABLE
from engines.errors import BuildError, DataError
from engines.load import load_engine
from engines.manifest import sha256_of
from engines.spec import BuildSpec
from train import compiling, models
from train.learn.checkpoint import save_weights

GPU_RECIPES = [BuildSpec("tensorrt", "fp16"), BuildSpec("torch", "fp16")]


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    path = tmp_path / "mine.safetensors"
    network = models.create_model("consensus-lite", width=8)
    save_weights(path, network.state_dict(), {"model": "consensus-lite", "width": 8})
    return path


def test_a_checkpoint_is_a_model_whose_engine_is_built_once(checkpoint, capsys):
    folder = _engine(str(checkpoint))
    assert "first use of mine.safetensors here" in capsys.readouterr().err
    with load_engine(folder, threads=1) as engine:
        assert engine.manifest.checkpoint_sha256 == sha256_of(checkpoint)
        assert engine.description == f"{checkpoint} (architecture consensus-lite), OpenVINO int8, CPU, 1 thread"
    assert _engine(f"{checkpoint}+consensus") == f"{folder}+consensus"
    assert capsys.readouterr().err == ""


def test_other_models_stay_what_they_are(tmp_path):
    names = ["parts", "parts+consensus", str(tmp_path)]
    assert [_engine(name) for name in names] == names


def test_a_missing_checkpoint_is_told(tmp_path):
    with pytest.raises(DataError, match=r"no checkpoint at .*none\.safetensors"):
        _engine(str(tmp_path / "none.safetensors"))


def test_other_batches_and_sizes_are_compiled_as_asked(checkpoint, tmp_path):
    words = ["compile", str(checkpoint), "--output", str(tmp_path / "e"), "--batch", "2", "--size", "96"]
    run = CliRunner().invoke(app, [*words, "--precision", "fp32"])
    assert run.exit_code == 0, run.output
    with load_engine(tmp_path / "e", threads=1) as engine:
        assert (engine.spec.size_px, str(engine.manifest.batch)) == (96, "2")
        assert engine(np.zeros((3, 96, 96, 3), np.uint8)).labels.shape == (3, 96, 96)
    assert CliRunner().invoke(app, [*words[:-1], "100"]).exit_code == 1


@pytest.mark.parametrize(
    ("gpu", "runs", "chosen"),
    [
        (False, ("tensorrt", "torch"), []),
        (True, (), []),
        (True, ("torch",), ["torch"]),
        (True, ("tensorrt", "torch"), ["tensorrt", "torch"]),
    ],
)
def test_what_runs_here_is_built_the_fastest_first(monkeypatch, gpu, runs, chosen):
    monkeypatch.setattr(compiling, "nvidia_gpu", lambda: gpu)
    for backend in backends_on("cuda"):
        monkeypatch.setattr(backend, "available", lambda _, name=backend.name: (name in runs, ""))
    assert [recipe.backend for recipe in compiling.gpu_recipes()] == chosen


def test_a_model_that_ships_gets_an_engine_for_the_gpu(monkeypatch):
    asked = []
    monkeypatch.setattr(compiling, "gpu_recipes", lambda: GPU_RECIPES)
    monkeypatch.setattr(compiling, "cached_engine_of", lambda *words: asked.append(words) or "engine")
    assert compiling.engine_for("parts") == "engine"
    assert compiling.engine_for("engines/mine") == "engines/mine"
    ((weights, _, build_spec),) = asked
    assert weights == zoo.weights("parts") and build_spec.backend == "tensorrt"


def test_without_an_engine_for_the_gpu_the_cpus_is_used_and_that_is_said(checkpoint, monkeypatch):
    def only_on_the_cpu(_, __, recipe=compiling.ON_CPU):
        if recipe.backend == "tensorrt":
            raise BuildError("an operator is missing")
        if recipe.backend == "torch":
            raise RuntimeError("CUDA out of memory")
        return "on the CPU"

    said = []
    monkeypatch.setattr(compiling, "gpu_recipes", lambda: GPU_RECIPES)
    monkeypatch.setattr(compiling, "cached_engine_of", only_on_the_cpu)
    assert compiling.engine_for("parts", said.append) == "parts"
    assert said == [
        "no tensorrt engine for the GPU (an operator is missing)",
        "no torch engine for the GPU (CUDA out of memory)",
    ]
    assert compiling.engine_for(str(checkpoint), said.append) == "on the CPU"


def test_half_precision_of_torch_runs_and_agrees(checkpoint, tmp_path):
    words = ["--backend", "torch", "--precision", "fp16", "--batch", "1:2:4"]
    run = CliRunner().invoke(app, ["compile", str(checkpoint), "--output", str(tmp_path / "e"), *words])
    assert run.exit_code == 0, run.output
    with load_engine(tmp_path / "e", threads=1) as engine:
        assert (engine.manifest.precision, str(engine.manifest.batch)) == ("fp16", "1:2:4")
        assert engine.manifest.parity.pixel_agreement > 0.99
