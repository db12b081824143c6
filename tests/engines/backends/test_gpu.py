"""Engines on an NVIDIA GPU. Skipped with a line where there is none; they fail there if UNVEIL_GPU=required."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engines.backends import get_backend
from engines.load import load_engine
from engines.spec import Precision
from tests.fakes.tiny_network import build_tiny, crops

pytestmark = pytest.mark.gpu
KINDS: list[tuple[str, Precision, str]] = [
    ("torch", "fp32", "2"), ("torch", "fp16", "1:2:4"), ("tensorrt", "fp32", "2"), ("tensorrt", "fp16", "1:2:4"),
]  # fmt: skip


@pytest.fixture(params=KINDS, ids=lambda kind: "-".join(kind))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    backend, precision, batch = request.param
    available, detail = get_backend(backend).available("cuda")
    if not available:
        pytest.skip(detail)
    build_tiny(tmp_path / "engine", precision, backend, batch)
    return tmp_path / "engine"


def test_an_engine_on_the_gpu_agrees_with_the_network(folder: Path) -> None:
    with load_engine(folder) as engine:
        assert engine.manifest.parity.pixel_agreement > 0.99
        assert "CUDA" in engine.description or "TensorRT" in engine.description
        together = engine(crops(9))
        for i in range(9):
            alone = engine(crops(9)[i : i + 1])
            assert (alone.labels[0] == together.labels[i]).mean() > 0.99


def test_threads_that_share_an_engine_get_their_own_results(folder: Path) -> None:
    with load_engine(folder) as engine, ThreadPoolExecutor(4) as pool:
        expected = [engine(crops(8)[i : i + 1]).labels for i in range(8)]
        for _ in range(20):
            for i, parsed in enumerate(pool.map(engine, (crops(8)[i : i + 1] for i in range(8)))):
                assert np.array_equal(parsed.labels, expected[i])
