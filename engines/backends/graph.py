"""The graph inside an engine: what goes in and comes out, and what an exporter says of the one that it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engines.manifest import INPUT, OUTPUTS, Gpu, Manifest, TensorInfo
from engines.spec import Batch, ModelSpec


@dataclass(frozen=True)
class Graph:
    """What an exporter wrote into an engine's folder."""

    files: tuple[str, ...]
    batch: Batch
    """As read back from the compiled graph."""
    tensors: tuple[TensorInfo, ...]
    """As read back from it."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """What was chosen besides precision and batch, JSON-ready."""
    flavour: str | None = None
    gpu: Gpu | None = None
    versions: dict[str, str] = field(default_factory=dict)
    """Of the libraries that will be asked for theirs when it is loaded."""


def tensors_of(spec: ModelSpec, batch: Batch) -> tuple[TensorInfo, ...]:
    """What every compiled graph takes and returns: crops -> labels, probabilities x 255. All uint8."""
    square = (batch.opt if batch.static else -1, spec.size_px, spec.size_px)
    shapes = ((*square, 3), square, (*square, len(spec.labels)))
    return tuple(TensorInfo(name, shape) for name, shape in zip((INPUT, *OUTPUTS), shapes, strict=True))


def graph_problems(manifest: Manifest, batch: Batch, tensors: Sequence[TensorInfo]) -> list[str]:
    """Where a graph is not what its manifest says, or the manifest not what its spec asks for."""
    expected = tensors_of(manifest.spec, manifest.batch)
    found = differences(batch, tensors, manifest.batch, manifest.tensors, "the manifest says")
    return found or differences(batch, tensors, batch, expected, "its spec asks for")


def differences(
    batch: Batch, tensors: Sequence[TensorInfo], expected_batch: Batch, expected: Sequence[TensorInfo], says: str
) -> list[str]:
    """Where a graph is not what something else says of it."""
    problems = []
    if batch != expected_batch:
        problems.append(f"the graph's batch is {batch}, {says} {expected_batch}")
    ours, theirs = ({tensor.name: tensor for tensor in side} for side in (tensors, expected))
    for name in dict.fromkeys((*theirs, *ours)):
        if ours.get(name) != theirs.get(name):
            problems.append(f"the graph has {ours.get(name, f'no {name}')}, {says} {theirs.get(name, 'none')}")
    return problems
