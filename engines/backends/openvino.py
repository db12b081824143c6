"""Engines on OpenVINO: a graph in its own format (XML and BIN), compiled for the CPU when it is loaded.

Loading needs openvino alone. Exporting needs torch, too, and nncf for int8.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines import machine
from engines.backends import Device
from engines.backends.base import Backend
from engines.backends.compatibility import LocalRuntime, graph_differences, refuse
from engines.backends.graph import Graph, graph_problems
from engines.backends.openvino_presence import label_path, with_presence
from engines.compiling.quantising import quantised
from engines.engine import U8, BatchedEngine, Outputs
from engines.errors import EngineDamaged
from engines.installation import install_command
from engines.manifest import INPUT, OUTPUTS, Manifest, TensorInfo
from engines.spec import Batch, BuildSpec, Precision

if TYPE_CHECKING:
    import openvino

    from engines.compiling.deploy import Deploy

GRAPH, GRAPH_WEIGHTS = "model.xml", "model.bin"
FILES = (GRAPH, GRAPH_WEIGHTS)
# OpenVINO's own default is bf16 where the CPU has it, which changes results between machines: always name one.
# int8 layers stay int8; the hint is for what lies between them.
_PRECISION_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
_LIKELIEST = ("Maximum", "Greater")
"""`deploy.likeliest` at work: rounding the logits that it compares would change labels."""
_TYPES = {"u8": "uint8", "f32": "float32", "i64": "int64"}


class OpenVino(Backend):
    """OpenVINO on the CPU."""

    name = "openvino"
    devices = ("cpu",)
    precisions = tuple(_PRECISION_HINTS)
    packages = ("openvino", "nncf")
    extra = "train"
    required = True  # what ships is built for it
    batch_ranges = False

    def available(self, device: Device) -> tuple[bool, str]:
        try:
            import openvino
        except ImportError as e:
            return False, f"openvino cannot be imported ({e}); run: {install_command()}"
        capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        known = [name for name in ("INT8", "BF16", "FP32") if name in capabilities]
        return True, f"openvino {openvino.__version__.split('-')[0]}, CPU: {', '.join(known).lower()}"

    def export(self, deploy: Deploy, build_spec: BuildSpec, calibration: U8 | None, folder: Path) -> Graph:
        graph = converted(deploy, build_spec.batch)
        recipe = {"weights": "float16"}
        if calibration is not None:
            whole, labels = graph.clone(), label_path(graph)
            graph = quantised(labels, calibration, build_spec.batch.opt, _LIKELIEST)
            graph = with_presence(graph, whole) if deploy.spec.presence else graph
            recipe |= {"preset": "mixed", "bias_correction": "fast"}
        return write(graph, folder, recipe)

    def load(self, folder: Path, manifest: Manifest, name: str, threads: int | None) -> OpenVinoEngine:
        import openvino

        core = openvino.Core()
        refuse(name, graph_differences(manifest, _local_runtime(core)))
        try:
            graph = core.read_model(folder / GRAPH, folder / GRAPH_WEIGHTS)
        except RuntimeError as e:
            raise EngineDamaged(f"{folder / GRAPH} cannot be read ({e}); build the engine again") from e
        problems = graph_problems(manifest, read_batch(graph), read_tensors(graph))
        if problems:
            raise EngineDamaged(f"{folder / GRAPH} is not what its manifest states: {'; '.join(problems)}")
        threads = threads or machine.threads_for(multiply_adds(graph), manifest.precision == "int8")
        compiled = core.compile_model(graph, "CPU", _settings(manifest.precision, threads))
        engine = OpenVinoEngine(manifest, name, compiled, threads)
        engine._infer(manifest.batch.max)
        return engine


BACKEND = OpenVino()


class OpenVinoEngine(BatchedEngine):
    """An engine on the CPU."""

    def __init__(self, manifest: Manifest, name: str, compiled: openvino.CompiledModel, threads: int) -> None:
        import openvino

        super().__init__(manifest, name, f"OpenVINO {manifest.precision}, CPU, {machine.threads_text(threads)}")
        self._request: openvino.InferRequest | None = compiled.create_infer_request()
        _, *tensors = manifest.tensors
        self._outputs: Outputs = tuple(np.empty(tensor.shape, tensor.type) for tensor in tensors)
        names = (INPUT, *(tensor.name for tensor in tensors))
        # The graph reads and writes our arrays themselves: nothing is copied on the way.
        for name, array in zip(names, (self._crops, *self._outputs), strict=True):
            self._request.set_tensor(name, openvino.Tensor(array, shared_memory=True))

    def _infer(self, count: int) -> Outputs:
        assert self._request is not None
        # Not infer(): that also builds a dictionary of results.
        self._request.start_async()
        self._request.wait()
        return self._outputs

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


def _local_runtime(core: openvino.Core) -> LocalRuntime:
    import openvino

    possible = tuple(
        precision for precision in BACKEND.precisions
        if precision != "bf16" or "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    )  # fmt: skip
    host = machine.host()
    return LocalRuntime(BACKEND.name, openvino.__version__, possible, host["os"], host["machine"])


def write(graph: openvino.Model, folder: Path, recipe: dict[str, Any]) -> Graph:
    """Write a graph into a folder.

    Weights are kept as float16, as in the checkpoint; a float engine computes in float32 all the same.
    """
    import openvino

    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=True)
    written = openvino.Core().read_model(folder / GRAPH)
    return Graph(FILES, read_batch(written), read_tensors(written), recipe)


def read_tensors(graph: openvino.Model) -> tuple[TensorInfo, ...]:
    """The inputs and outputs of a graph."""
    return tuple(
        TensorInfo(port.any_name, _sides(port.partial_shape), _TYPES.get(kind := port.element_type.to_string(), kind))
        for port in (*graph.inputs, *graph.outputs)
    )


def read_batch(graph: openvino.Model) -> Batch:
    """How many crops a graph takes; our graphs are static."""
    first = graph.inputs[0].partial_shape[0]
    return Batch(first.min_length, first.min_length, first.max_length)


def _sides(shape: openvino.PartialShape) -> tuple[int, ...]:
    return tuple(side.get_length() if side.is_static else -1 for side in shape)


def multiply_adds(graph: openvino.Model) -> int:
    """The work of one call of a static graph: the multiplications of its convolutions."""
    return sum(_multiply_adds(operation) for operation in graph.get_ops())


def _multiply_adds(operation: openvino.Node) -> int:
    # For each kind: the port whose every value takes part in as many products as one filter has weights (its axes from
    # this one on).
    counted = {"Convolution": (operation.output, 1), "GroupConvolution": (operation.output, 2)}
    counted |= {"ConvolutionBackpropData": (operation.input, 1)}
    if operation.get_type_name() not in counted:
        return 0
    port, axis = counted[operation.get_type_name()]
    return math.prod(port(0).get_shape()) * math.prod(operation.input(1).get_shape()[axis:])


def converted(deploy: Deploy, batch: Batch) -> openvino.Model:
    """A network as a graph in float, with named inputs and outputs."""
    import openvino

    from engines.compiling.deploy import program

    shape = [batch.opt, deploy.spec.size_px, deploy.spec.size_px, 3]
    graph = openvino.convert_model(program(deploy, batch), input=[(shape, openvino.Type.u8)])
    graph.inputs[0].set_names({INPUT})
    for port, name in zip(graph.outputs, OUTPUTS[: len(graph.outputs)], strict=True):
        port.set_names({name})
    return graph
