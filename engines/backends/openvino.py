"""Engines on OpenVINO: a graph in its own format (XML and BIN), compiled for the CPU when it is loaded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engines import machine
from engines.backends.compatibility import Here, check
from engines.backends.graph import graph_problems
from engines.engine import U8, BatchedEngine
from engines.errors import EngineDamaged
from engines.manifest import INPUT, OUTPUTS, Manifest, TensorInfo
from engines.spec import Batch, Precision

if TYPE_CHECKING:
    import openvino

GRAPH, GRAPH_WEIGHTS = "model.xml", "model.bin"
FILES = (GRAPH, GRAPH_WEIGHTS)
# OpenVINO's own default is bf16 where the CPU has it, which changes results between machines: always name one.
# int8 layers stay int8; the hint is for what lies between them.
_PRECISION_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
PRECISIONS: tuple[Precision, ...] = tuple(_PRECISION_HINTS)
_TYPES = {"u8": "uint8", "f32": "float32", "i64": "int64"}


class OpenVinoEngine(BatchedEngine):
    """An engine on the CPU."""

    @classmethod
    def open(cls, folder: Path, manifest: Manifest, threads: int | None) -> Self:
        """Compile the graph for this machine and run it once, so that the first frame is not slower.

        Args:
            threads: None for as many as its work is worth (`machine.threads_for`).

        Raises:
            EngineDamaged: the graph is not what the manifest says.
            EngineMismatch: this machine or its OpenVINO cannot run it; the message names each difference.
        """
        import openvino

        core = openvino.Core()
        check(manifest, _here(core))
        try:
            graph = core.read_model(folder / GRAPH, folder / GRAPH_WEIGHTS)
        except RuntimeError as e:
            raise EngineDamaged(f"{folder / GRAPH} cannot be read ({e}); build the engine again") from e
        problems = graph_problems(manifest, read_batch(graph), read_tensors(graph))
        if problems:
            raise EngineDamaged(f"{folder / GRAPH} is not what its manifest says: {'; '.join(problems)}")
        threads = threads or machine.threads_for(multiply_adds(graph), manifest.precision == "int8")
        compiled = core.compile_model(graph, "CPU", _settings(manifest.precision, threads))
        engine = cls(manifest, compiled, threads)
        engine._infer(manifest.batch.max)
        return engine

    def __init__(self, manifest: Manifest, compiled: openvino.CompiledModel, threads: int) -> None:
        import openvino

        cores = f"{threads} thread{'s' if threads > 1 else ''}"
        super().__init__(manifest, f"{manifest.spec.name}, OpenVINO {manifest.precision}, CPU, {cores}")
        self._request: openvino.InferRequest | None = compiled.create_infer_request()
        self._labels: U8 = np.empty(self._crops.shape[:3], np.uint8)
        self._probabilities: U8 = np.empty((*self._crops.shape[:3], len(self.spec.labels)), np.uint8)
        # The graph reads and writes our arrays themselves: nothing is copied on the way.
        for name, array in zip((INPUT, *OUTPUTS), (self._crops, self._labels, self._probabilities), strict=True):
            self._request.set_tensor(name, openvino.Tensor(array, shared_memory=True))

    def _infer(self, count: int) -> tuple[U8, U8]:
        assert self._request is not None
        # Not infer(): that also builds a dictionary of results.
        self._request.start_async()
        self._request.wait()
        return self._labels, self._probabilities

    def _release(self) -> None:
        self._request = None


def _settings(precision: Precision, threads: int) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[precision],
        # The decoder's and the encoder's threads share these cores: a pinned thread would wait behind them.
        "ENABLE_CPU_PINNING": False,
    }


def _here(core: openvino.Core) -> Here:
    import openvino

    possible = tuple(
        precision for precision in PRECISIONS
        if precision != "bf16" or "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    )  # fmt: skip
    described = machine.host()
    return Here("openvino", openvino.__version__, possible, described["os"], described["machine"])


def read_tensors(graph: openvino.Model) -> tuple[TensorInfo, ...]:
    """What a graph takes and returns."""
    return tuple(
        TensorInfo(port.any_name, _sides(port.partial_shape), _TYPES.get(kind := port.element_type.to_string(), kind))
        for port in (*graph.inputs, *graph.outputs)
    )


def multiply_adds(graph: openvino.Model) -> int:
    """How much one call of a static graph computes: the multiplications of its convolutions."""
    return sum(_multiply_adds(operation) for operation in graph.get_ops())


def _multiply_adds(operation: openvino.Node) -> int:
    # Of each kind: the port whose every value takes part in as many products as one filter has weights (its axes from
    # this one on).
    counted = {"Convolution": (operation.output, 1), "GroupConvolution": (operation.output, 2)}
    counted |= {"ConvolutionBackpropData": (operation.input, 1)}
    if operation.get_type_name() not in counted:
        return 0
    port, axis = counted[operation.get_type_name()]
    return math.prod(port(0).get_shape()) * math.prod(operation.input(1).get_shape()[axis:])


def read_batch(graph: openvino.Model) -> Batch:
    """How many crops a graph takes; our graphs are static."""
    first = graph.inputs[0].partial_shape[0]
    return Batch(first.min_length, first.min_length, first.max_length)


def _sides(shape: openvino.PartialShape) -> tuple[int, ...]:
    return tuple(side.get_length() if side.is_static else -1 for side in shape)
