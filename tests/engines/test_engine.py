"""What every loaded engine does, over each kind of engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.compiling import parity
from engines.compiling.deploy import Deploy
from engines.engine import Engine
from engines.errors import UsageError
from engines.load import load_engine
from tests.fakes.tiny_network import SPEC, crops, tiny_network

KINDS = ("fp32", "int8", "batch4", "torch", "torch1to4")


@pytest.fixture(scope="module", params=KINDS)
def engine(request: pytest.FixtureRequest, tiny_engines: dict[str, Path]) -> Engine:
    return load_engine(tiny_engines[request.param], threads=1)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
def test_any_number_of_crops_gives_what_one_by_one_gives(engine: Engine, count: int) -> None:
    pixels = crops(9)[:count]
    parsed = engine(pixels)
    assert parsed.labels.shape == (count, 32, 32) and parsed.labels.dtype == np.uint8
    assert parsed.probabilities.shape == (count, 32, 32, 3) and parsed.probabilities.dtype == np.uint8
    for i in range(count):
        alone = engine(pixels[i : i + 1])
        assert np.array_equal(alone.labels[0], parsed.labels[i])
        assert np.array_equal(alone.probabilities[0], parsed.probabilities[i])


def test_results_outlive_the_next_call(engine: Engine) -> None:
    first = engine(crops(2)[:1])
    kept = first.probabilities.copy()
    engine(crops(2)[1:])
    assert np.array_equal(first.probabilities, kept)


def test_crops_that_are_a_view_are_read_rightly(engine: Engine) -> None:
    mirrored = crops(2)[:, :, ::-1]
    assert np.array_equal(engine(mirrored).labels, engine(np.ascontiguousarray(mirrored)).labels)


def test_labels_are_the_likeliest_of_the_probabilities(engine: Engine) -> None:
    parsed = engine(crops(8))
    ranked = np.sort(parsed.probabilities, axis=-1)
    apart = ranked[..., -1] > ranked[..., -2]
    assert np.array_equal(parsed.labels[apart], parsed.probabilities.argmax(-1)[apart])
    assert set(np.unique(parsed.labels)) == {0, 1, 2}, "a label that never comes would prove nothing"
    assert np.all(np.abs(parsed.probabilities.sum(-1, dtype=int) - 255) <= 1)


def test_engine_agrees_with_the_network(engine: Engine) -> None:
    expected = parity.eager(Deploy(tiny_network(), SPEC), crops(8))
    agreement = (engine(crops(8)).labels == expected.labels).mean()
    assert agreement > (0.9 if engine.manifest.precision == "int8" else 0.999)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((1, 16, 16, 3), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((1, 3, 32, 32), np.uint8),
        np.zeros((1, 32, 32, 3), np.float32),
    ],
)
def test_other_shapes_and_types_are_refused(engine: Engine, wrong: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"expected|must be \(N, 32, 32, 3\) uint8 RGB; got \("):
        engine(wrong)


def test_what_is_no_array_is_refused(engine: Engine) -> None:
    with pytest.raises(UsageError, match="must be a numpy array; got list"):
        engine([[1]])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_closed_engine_says_so(tiny_engines: dict[str, Path], kind: str) -> None:
    with load_engine(tiny_engines[kind], threads=1) as engine:
        engine(crops(1))
    engine.close()
    with pytest.raises(UsageError, match="was closed"):
        engine(crops(1))
