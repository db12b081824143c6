"""What a graph takes and returns, against its manifest."""

from __future__ import annotations

from dataclasses import replace

from engines.backends.graph import graph_problems, tensors_of
from engines.manifest import TensorInfo
from engines.spec import Batch
from tests.engines.test_manifest import MANIFEST

TENSORS = MANIFEST.tensors


def test_a_graph_as_in_its_manifest_has_no_problems() -> None:
    assert graph_problems(MANIFEST, MANIFEST.batch, TENSORS) == []


def test_a_varying_batch_has_no_side() -> None:
    crops, labels, probabilities = tensors_of(MANIFEST.spec, Batch(1, 8, 16))
    assert (crops.shape, labels.shape, probabilities.shape) == ((-1, 32, 32, 3), (-1, 32, 32), (-1, 32, 32, 3))
    assert str(crops) == "crops Nx32x32x3 uint8"


def test_each_difference_is_named() -> None:
    assert graph_problems(MANIFEST, Batch(1, 2, 4), TENSORS) == ["the graph's batch is 1:2:4, the manifest states 1"]
    wider = TensorInfo("crops", (1, 64, 64, 3))
    assert graph_problems(MANIFEST, MANIFEST.batch, (wider, *TENSORS[1:])) == [
        "the graph has crops 1x64x64x3 uint8, the manifest states crops 1x32x32x3 uint8"
    ]
    assert graph_problems(MANIFEST, MANIFEST.batch, TENSORS[:2]) == [
        "the graph has no probabilities, the manifest states probabilities 1x32x32x3 uint8"
    ]
    more = (*TENSORS, TensorInfo("depth", (1,)))
    assert graph_problems(MANIFEST, MANIFEST.batch, more) == ["the graph has depth 1 uint8, the manifest states none"]
    floats = tuple(replace(tensor, type="float32") for tensor in TENSORS[:1])
    assert "crops 1x32x32x3 float32, the manifest states" in graph_problems(MANIFEST, MANIFEST.batch, floats)[0]


def test_a_manifest_that_its_own_spec_denies_is_named() -> None:
    other = replace(MANIFEST, tensors=(TensorInfo("crops", (1, 16, 16, 3)), *TENSORS[1:]))
    (problem,) = graph_problems(other, other.batch, other.tensors)
    assert problem == "the graph has crops 1x16x16x3 uint8, its spec asks for crops 1x32x32x3 uint8"
