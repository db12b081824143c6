"""TensorRT without a GPU: every network is built, and what TensorRT was handed computes the same. `make test-tensorrt`.

It needs torch-tensorrt, in an environment of its own; without it all of this is skipped with a line, and fails where
UNVEIL_TENSORRT=required says that it must run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engines.backends import tensorrt, tensorrt_plan
from engines.backends.fp8 import Fp8Conv2d, with_fp8
from engines.backends.graph import Graph
from engines.compiling.deploy import Deploy
from engines.compiling.parity import fixed_samples
from engines.errors import BuildError, EngineMismatch
from engines.load import open_engine
from engines.spec import CALIBRATED, Batch, BuildSpec, ModelSpec, Precision
from tests.engines.test_manifest import PLAN as PLAN_MANIFEST
from tests.fakes.tensorrt_layers import OnTorch
from tests.fakes.tensorrt_without_gpu import CARD, OnPaper, builds_on_paper, named_card
from train import models

REQUIRED = os.environ.get("UNVEIL_TENSORRT") == "required"
if not REQUIRED and not (util.find_spec("torch_tensorrt") and util.find_spec("tensorrt_rtx")):
    pytest.skip("TensorRT for RTX is not installed: run 'make test-tensorrt'", allow_module_level=True)


pytestmark = pytest.mark.filterwarnings("ignore")  # of torch-tensorrt's and torch's own
NETWORKS = tuple(models.SPECS)
_BOUND: dict[Precision, float] = {"fp32": 1e-5, "fp16": 5e-3}
_LARGE = {"bisenet": 96, "eagrnet": 96}  # evaluated narrow and on small crops, built whole


@pytest.fixture(scope="module", autouse=True)
def torch_tensorrt() -> Any:
    """Imported as if there were a card: without one the import itself fails."""
    with named_card():
        import torch_tensorrt
    return torch_tensorrt


@contextmanager
def on_paper(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[OnPaper]]:
    monkeypatch.setattr(tensorrt_plan, "gpu_here", lambda: CARD)
    with named_card(available=False), builds_on_paper() as builds:  # available, torch would ask the card itself
        yield builds


def compiled(
    network: nn.Module, spec: ModelSpec, folder: Path, precision: str, batch: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Graph, OnPaper]:
    from engines.backends import tensorrt_export

    with on_paper(monkeypatch) as builds:
        build_spec = BuildSpec.of("tensorrt", precision, batch)
        calibration = fixed_samples(spec, 2) if precision in CALIBRATED else None
        graph = tensorrt_export.write(Deploy(network, spec, build_spec.precision), build_spec, calibration, folder)
    return graph, builds[-1]


def layers(build: OnPaper, kind: str) -> list[Any]:
    every = (build.network.get_layer(index) for index in range(build.network.num_layers))
    return [layer for layer in every if layer.type.name == kind]


def lively(network: nn.Module, gain: float = 1.0) -> nn.Module:
    """With statistics in its BatchNorms that are not those of a fresh one."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.2)
            nn.init.constant_(module.weight, gain)
    return models.for_inference(network.eval())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_operator_of_every_network_is_in_one_engine(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = models.spec(name)
    network = models.for_inference(models.create_model(name).eval())
    graph, build = compiled(network, spec, tmp_path, "fp32", "1", monkeypatch)
    assert graph.batch == Batch(1, 1, 1)
    assert [path.name for path in tmp_path.iterdir()] == [tensorrt_plan.PLAN]
    assert (graph.gpu, graph.flavour) == (CARD, "rtx")
    assert graph.versions == {"tensorrt_rtx": tensorrt_plan.library().__version__}
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert len(build.plan) > 2 * weights, "a plan holds the weights"


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_that_tensorrt_was_handed_computes_the_same(
    name: str, precision: Precision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = _LARGE.get(name)
    spec = replace(models.spec(name), size_px=small or models.spec(name).size_px)
    torch.manual_seed(0)
    # Untrained, the sums of a hundred residual layers leave float16's range.
    gain = 0.5 if name == "eagrnet" else 1.0
    network = lively(models.create_model(name, width=16 if small else None, size_px=small), gain)
    reference = Deploy(network, spec)
    _, build = compiled(network, spec, tmp_path, precision, "1", monkeypatch)
    crops = torch.from_numpy(fixed_samples(spec, 1))
    with torch.inference_mode():
        expected = reference.network(crops.float().permute(0, 3, 1, 2) * reference.scale + reference.shift)
        run = OnTorch(tensorrt_plan.library(), build.network)
        found = run(crops=crops)
        control = OnTorch(tensorrt_plan.library(), build.network, leave_out="ACTIVATION")
        control(crops=crops)
    assert relative(run.logits, expected) <= _BOUND[precision]
    assert relative(control.logits, expected) > 3 * _BOUND[precision], "a wrong network must be seen"
    labels, probabilities = reference(crops)
    assert float((found["output0"] == labels).float().mean()) >= (0.9999 if precision == "fp32" else 0.995)
    assert found["output1"].shape == probabilities.shape


def relative(found: torch.Tensor | None, expected: torch.Tensor) -> float:
    assert found is not None
    return float((found.float() - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("name", ["consensus", "consensus-lite", "parts", "rgb-to-depth"])
def test_half_precision_and_a_range_of_batches_are_what_is_built(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = models.for_inference(models.create_model(name).eval())
    graph, build = compiled(network, models.spec(name), tmp_path, "fp16", "1:8:16", monkeypatch)
    assert graph.batch == Batch(1, 8, 16)
    assert {layer.get_output(0).dtype.name for layer in layers(build, "CONVOLUTION")} == {"HALF"}
    assert {layer.get_output(0).dtype.name for layer in layers(build, "SOFTMAX")} == {"FLOAT"}


class EightBits(nn.Sequential):
    """Convolutions of every kind that the networks have, all but the first and the last for 8-bit floats."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 16, 3, padding=1, padding_mode="reflect"), nn.ELU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=(1, 1), groups=2), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=2, dilation=2, padding_mode="reflect", bias=False), nn.ReLU(),
            nn.Conv2d(32, 16, 1), nn.PixelShuffle(2), nn.Conv2d(4, 3, 1),
        )  # fmt: skip


def test_8_bit_floats_are_rounded_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network, spec = EightBits().eval(), models.spec("consensus-lite")
    _, build = compiled(network, spec, tmp_path, "fp8", "1", monkeypatch)
    crops = torch.from_numpy(fixed_samples(spec, 1))
    half = Deploy(network, spec, "fp8")
    rgb = (crops.float().permute(0, 3, 1, 2) * half.scale + half.shift).half()
    with torch.inference_mode():
        expected = with_fp8(half, fixed_samples(spec, 2)).network(rgb).float()
        run = OnTorch(tensorrt_plan.library(), build.network)
        run(crops=crops)
        assert relative(run.logits, expected) <= _BOUND["fp16"]
        assert relative(half.network(rgb), expected) > 3 * _BOUND["fp16"], "without rounding it must be seen"


@pytest.mark.parametrize("name", ["consensus", "consensus-lite", "parts"])
def test_8_bit_floats_go_into_every_large_convolution(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, spec = lively(models.create_model(name)), models.spec(name)
    graph, build = compiled(network, spec, tmp_path, "fp8", "1", monkeypatch)
    made = with_fp8(Deploy(network, spec, "fp8"), fixed_samples(spec, 2)).network
    rounded = sum(isinstance(module, Fp8Conv2d) for module in made.modules())
    every = sum(isinstance(module, nn.Conv2d) for module in made.modules())
    assert every - 3 <= rounded < every, "not those of the picture's three channels, nor of the labels"
    assert [layer.get_output(0).dtype.name for layer in layers(build, "QUANTIZE")] == ["FP8"] * 2 * rounded
    assert {layer.get_output(0).dtype.name for layer in layers(build, "CONVOLUTION")} == {"HALF"}
    assert "fp8" in graph.recipe


def test_a_gpu_without_8_bit_floats_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.backends import tensorrt_export

    spec = models.spec("consensus-lite")
    monkeypatch.setattr(tensorrt_plan, "gpu_here", lambda: replace(CARD, name="A100", capability="8.0"))
    assert "fp8" not in tensorrt.local_runtime().precisions
    with pytest.raises(BuildError, match=r"A100 \(capability 8\.0\) has no fp8: expected 8\.9 or later; use fp16"):
        tensorrt_export.write(
            Deploy(models.create_model("consensus-lite"), spec, "fp8"), BuildSpec.of("tensorrt", "fp8"),
            fixed_samples(spec, 1), tmp_path,
        )  # fmt: skip


def test_static_batches_for_latency_and_throughput(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = models.spec("consensus-lite")
    for batch in ("1", "8"):
        graph, _ = compiled(models.create_model("consensus-lite").eval(), spec, tmp_path, "fp16", batch, monkeypatch)
        assert str(graph.batch) == batch


def test_another_batch_than_asked_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.backends import tensorrt_export

    ours = tensorrt_export._range
    monkeypatch.setattr(tensorrt_export, "_range", lambda spec, batch: ours(spec, Batch(1, 1, 16)))
    with pytest.raises(BuildError, match="the graph's batch is 1:1:16, asked for was 1:8:16"):
        compiled(
            models.create_model("consensus-lite").eval(), models.spec("consensus-lite"), tmp_path, "fp16", "1:8:16",
            monkeypatch,
        )  # fmt: skip


class WithoutConverter(nn.Module):
    """Its operator is not one of TensorRT's."""

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        return torch.special.bessel_j0(rgb)


def test_an_operator_that_tensorrt_has_not_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="bessel_j0"):
        compiled(WithoutConverter(), models.spec("consensus-lite"), tmp_path, "fp32", "1", monkeypatch)


def test_without_a_gpu_nothing_is_built_or_loaded(tmp_path: Path) -> None:
    from engines.backends import tensorrt_export

    spec = models.spec("consensus-lite")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(BuildError, match="built on the GPU that is to run it, and none can be used here"):
        tensorrt_export.write(
            Deploy(models.create_model("consensus-lite"), spec), BuildSpec.of("tensorrt", "fp32"), None, tmp_path
        )
    versions = {"tensorrt_rtx": tensorrt_plan.library().__version__}
    assert tensorrt_plan.flavour() == "rtx", "importing torch-tensorrt makes it look like stock TensorRT"
    with pytest.raises(EngineMismatch, match="it needs an NVIDIA GPU, none can be used here"):
        open_engine(tmp_path, replace(PLAN_MANIFEST, flavour="rtx", versions=versions), 1)
