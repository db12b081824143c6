"""The graph inside an engine: its inputs and outputs, and what an exporter reports of the graph that it wrote."""

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
    """As read back from the compiled graph."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """What was chosen besides precision and batch, JSON-ready."""
    flavour: str | None = None
    gpu: Gpu | None = None
    versions: dict[str, str] = field(default_factory=dict)
    """Package -> version, of the libraries whose version is compared when the engine is loaded."""


def tensors_of(spec: ModelSpec, batch: Batch) -> tuple[TensorInfo, ...]:
    """The inputs and outputs of a compiled graph: crops -> labels, probabilities x 255, all uint8, and presence."""
    labels, probabilities, presence = OUTPUTS
    count = batch.opt if batch.static else -1
    square = (count, spec.size_px, spec.size_px)
    always = (
        TensorInfo(INPUT, (*square, 3)),
        TensorInfo(labels, square),
        TensorInfo(probabilities, (*square, len(spec.labels))),
    )
    return (*always, TensorInfo(presence, (count, 3), "float32")) if spec.presence else always


def graph_problems(manifest: Manifest, batch: Batch, tensors: Sequence[TensorInfo]) -> list[str]:
    """Each difference between a graph and its manifest, or between the manifest and its own spec."""
    expected = tensors_of(manifest.spec, manifest.batch)
    found = differences(batch, tensors, manifest.batch, manifest.tensors, "the manifest states")
    return found or differences(batch, tensors, batch, expected, "its spec asks for")


def differences(
    batch: Batch, tensors: Sequence[TensorInfo], expected_batch: Batch, expected: Sequence[TensorInfo], whose: str
) -> list[str]:
    """Each difference between a graph and what was expected of it.

    Args:
        whose: who expects it, in a message: "the manifest states".
    """
    problems = []
    if batch != expected_batch:
        problems.append(f"the graph's batch is {batch}, {whose} {expected_batch}")
    ours, theirs = ({tensor.name: tensor for tensor in side} for side in (tensors, expected))
    for name in dict.fromkeys((*theirs, *ours)):
        if ours.get(name) != theirs.get(name):
            problems.append(f"the graph has {ours.get(name, f'no {name}')}, {whose} {theirs.get(name, 'none')}")
    return problems
