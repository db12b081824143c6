"""Building: what a build leaves behind, and what it refuses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engines.compiling import parity
from engines.compiling.build import build
from engines.compiling.deploy import Deploy, likeliest
from engines.errors import BuildError, UsageError
from engines.manifest import Parity, read_manifest, sha256_of
from engines.spec import Batch, BuildSpec, ModelSpec
from tests.fakes.tiny_network import CHECKPOINT, SPEC, TinyNetwork, build_tiny, crops, tiny_network

FP32 = BuildSpec("openvino", "fp32")


class WrongAtRunTime(nn.Module):
    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        raise ValueError("the network's own error")


def test_manifest_says_how_the_engine_was_made(tiny_engines: dict[str, Path]) -> None:
    manifest = read_manifest(tiny_engines["int8"])
    assert (manifest.spec, manifest.precision, manifest.checkpoint_sha256) == (SPEC, "int8", CHECKPOINT)
    assert manifest.files == {name: sha256_of(tiny_engines["int8"] / name) for name in ("model.xml", "model.bin")}
    assert manifest.calibration is not None and manifest.calibration.count == 16
    assert manifest.calibration.sha256 == hashlib.sha256(crops(16).tobytes()).hexdigest()
    assert {"openvino", "torch", "nncf", "python"} <= manifest.versions.keys()
    assert manifest.parity.samples == parity.SAMPLES
    assert 0 < manifest.parity.max_error < 0.5, "int8 of a random network is close, but not equal"


def test_float_engines_have_no_calibration_and_agree(tiny_engines: dict[str, Path]) -> None:
    manifest = read_manifest(tiny_engines["fp32"])
    assert manifest.calibration is None
    assert manifest.parity.pixel_agreement >= 0.999
    assert manifest.parity.max_error <= 2 / 255


def test_int8_engine_is_smaller(tiny_engines: dict[str, Path]) -> None:
    sizes = {kind: (tiny_engines[kind] / "model.bin").stat().st_size for kind in ("int8", "fp32")}
    assert sizes["int8"] < 0.7 * sizes["fp32"]  # which keeps its weights as float16; not quantised it would be 1


def test_build_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    network = tiny_network().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    build(network, SPEC, FP32, tmp_path / "engine", checkpoint_sha256=CHECKPOINT)
    assert network.training and all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_build_replaces_an_earlier_engine_and_tells_its_steps(tiny_engine_copy: Path) -> None:
    (tiny_engine_copy / "stray").write_text("of an earlier build")
    said: list[str] = []
    build(tiny_network(), SPEC, FP32, tiny_engine_copy, checkpoint_sha256="d" * 64, progress=said.append)
    assert read_manifest(tiny_engine_copy).checkpoint_sha256 == "d" * 64
    assert sorted(path.name for path in tiny_engine_copy.iterdir()) == ["manifest.json", "model.bin", "model.xml"]
    assert [path.name for path in tiny_engine_copy.parent.iterdir()] == ["engine"]
    assert re.fullmatch(r"compiling tiny for openvino fp32, some \d+ seconds", said[0]) and len(said) == 3


def test_failed_build_leaves_the_earlier_engine(tiny_engine_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (tiny_engine_copy / "manifest.json").read_text()
    monkeypatch.setattr(parity, "measure", lambda *_: Parity(0.5, 0.1, 0.9, 8))
    with pytest.raises(BuildError, match=r"disagrees with its network: .* 0\.5000, .*\(at most 0\.0314"):
        build_tiny(tiny_engine_copy)
    assert (tiny_engine_copy / "manifest.json").read_text() == before
    assert [path.name for path in tiny_engine_copy.parent.iterdir()] == ["engine"]


@pytest.mark.parametrize("wrong", [Parity(0.04, 0.0, 1.0, 8), Parity(0.0, 2e-4, 1.0, 8), Parity(0.0, 0.0, 0.998, 8)])
def test_each_bound_alone_refuses_an_fp32_engine(wrong: Parity) -> None:
    parity.check(Parity(0.03, 9e-5, 0.9991, 8), "fp32")
    with pytest.raises(BuildError, match="disagrees"):
        parity.check(wrong, "fp32")


def test_int8_that_disagrees_is_recorded_not_refused() -> None:
    parity.check(Parity(0.5, 0.1, 0.9, 8), "int8")
    with pytest.raises(BuildError):
        parity.check(Parity(0.5, 0.1, 0.9, 8), "fp32")


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (lambda: TinyNetwork(labels=5), r"shape \(1, 32, 32, 5\) .* expects \(1, 32, 32, 3\)"),
        (WrongAtRunTime, "cannot be run: ValueError: the network's own error"),
    ],
)
def test_network_that_does_not_fit_its_spec_is_refused(
    tmp_path: Path, network: Callable[[], nn.Module], said: str
) -> None:
    with pytest.raises(BuildError, match=said):
        build(network(), SPEC, FP32, tmp_path / "engine", checkpoint_sha256=CHECKPOINT)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("build_spec", "calibration", "said"),
    [
        (BuildSpec("openvino", "int8"), None, "needs calibration crops"),
        (BuildSpec("openvino", "int8"), np.zeros((0, 32, 32, 3), np.uint8), "at least one; got none"),
        (BuildSpec("openvino", "int8"), np.zeros((4, 16, 16, 3), np.uint8), "calibration crops must be"),
        (BuildSpec("openvino", "fp8"), None, "openvino engines are fp32, bf16, int8; got fp8"),
        (BuildSpec("torch", "int8"), None, "torch engines are fp32, fp16, bf16; got int8"),
        (BuildSpec("tensorrt", "int8"), None, "tensorrt engines are fp32, fp16, bf16, fp8; got int8"),
        (BuildSpec("tensorrt", "fp8", compatible=True), None, "from Ampere on, which has no fp8"),
        (BuildSpec("tensorrt", "fp8"), None, "an fp8 engine needs calibration crops"),
        (
            BuildSpec("openvino", "fp32", compatible=True),
            None,
            "not built for other GPUs; leave --compatible",
        ),
        (BuildSpec("openvino", "fp32", Batch(1, 8, 16)), None, "have one batch, .* got 1:8:16, expected .* such as 8"),
    ],
)
def test_wrong_requests_are_refused(
    tmp_path: Path, build_spec: BuildSpec, calibration: np.ndarray | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        build(tiny_network(), SPEC, build_spec, tmp_path / "e", checkpoint_sha256=CHECKPOINT, calibration=calibration)


def test_folder_that_cannot_be_written_is_a_build_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BuildError, match="cannot be written to"):
        build(tiny_network(), SPEC, FP32, tmp_path / "file" / "engine", checkpoint_sha256=CHECKPOINT)


def test_deploy_normalises_as_the_spec_says() -> None:
    seen: list[torch.Tensor] = []
    deploy = Deploy(tiny_network(), SPEC)
    deploy.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    deploy(torch.from_numpy(crops(1)))
    expected = (crops(1)[0] / 255 - np.array(SPEC.mean)) / np.array(SPEC.std)
    assert np.allclose(seen[0][0].permute(1, 2, 0).numpy(), expected, atol=1e-5)
    assert not np.allclose(expected, crops(1)[0] / 127.5 - 1, atol=0.1), "the default would pass too"


@pytest.mark.parametrize("labels", [2, 3, 13])
def test_likeliest_is_argmax_with_the_lowest_id_for_equals(labels: int) -> None:
    logits = torch.randint(-3, 4, (2, labels, 8, 8), generator=torch.Generator().manual_seed(0)).float()
    assert torch.equal(likeliest(logits), logits.argmax(1).to(torch.uint8))
    assert torch.equal(likeliest(torch.zeros(1, labels, 2, 2)), torch.zeros(1, 2, 2, dtype=torch.uint8))


def test_fixed_samples_are_the_same_each_time_and_differ_from_one_another() -> None:
    spec = ModelSpec("other", ("a", "b"), size_px=16)
    assert np.array_equal(parity.fixed_samples(spec, 3), parity.fixed_samples(spec, 3))
    first, second, _ = parity.fixed_samples(spec, 3)
    assert first.shape == (16, 16, 3) and not np.array_equal(first, second)
