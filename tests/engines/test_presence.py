"""The second output: the labels stay as they are without it, on every backend and at every precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines.backends.graph import tensors_of
from engines.compiling import parity
from engines.compiling.deploy import Deploy
from engines.engine import Parsed
from engines.load import load_engine
from engines.manifest import read_manifest
from engines.spec import Batch, Precision
from tests.fakes.tiny_network import SPEC, build_with_presence, crops, tiny_with_presence


@pytest.mark.parametrize(
    ("precision", "backend", "without"),
    [("fp32", "openvino", "fp32"), ("int8", "openvino", "int8"), ("fp32", "torch", "torch")],
)
def test_presence_is_added_and_the_labels_do_not_change(
    tiny_engines: dict[str, Path], tmp_path: Path, precision: Precision, backend: str, without: str
) -> None:
    manifest = build_with_presence(tmp_path / "engine", precision, backend)
    pixels = crops(6)
    with load_engine(tmp_path / "engine", threads=1) as engine, load_engine(tiny_engines[without], threads=1) as plain:
        got, expected = engine(pixels), plain(pixels)
    assert np.array_equal(got.labels, expected.labels)
    assert np.array_equal(got.probabilities, expected.probabilities)
    assert expected.presence is None and expected.angle_deg is None
    network = parity.eager(Deploy(tiny_with_presence(), replace(SPEC, presence=True)), pixels)
    assert network.presence is not None and got.presence is not None and got.angle_deg is not None
    assert np.ptp(network.presence) > 0.05, "a head that always says the same would prove nothing"
    assert got.presence.shape == got.angle_deg.shape == (6,) and got.presence.dtype == np.float32
    assert np.allclose(got.presence, network.presence, atol=0.1 if precision == "int8" else 0.01)
    assert manifest.parity.presence_error is not None


def test_the_manifest_says_whether_the_output_is_there(tmp_path: Path) -> None:
    build_with_presence(tmp_path / "engine")
    manifest = read_manifest(tmp_path / "engine")
    assert manifest.spec.presence
    assert [str(tensor) for tensor in manifest.tensors[3:]] == ["presence 1x3 float32"]
    assert len(tensors_of(SPEC, Batch())) == 3


def test_angles_are_clockwise_from_up() -> None:
    nothing = np.zeros((4, 1, 1), np.uint8)
    said = np.array([[0.9, 1, 0], [0.9, 0, 1], [0.9, 0, -2], [0.9, -1, 0]], np.float32)
    parsed = Parsed.from_outputs((nothing, nothing[..., None], said))
    assert parsed.angle_deg is not None
    assert np.allclose(parsed.angle_deg, [0, 90, -90, 180])
