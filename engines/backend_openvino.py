"""Engines on OpenVINO: a graph in its own format (XML and BIN), compiled for the CPU when it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from engines.engine import U8, BatchedEngine
from engines.errors import EngineDamaged, EngineMismatch
from engines.manifest import OUTPUTS, Manifest
from engines.spec import Precision

if TYPE_CHECKING:
    import openvino

GRAPH, GRAPH_WEIGHTS = "model.xml", "model.bin"
FILES = (GRAPH, GRAPH_WEIGHTS)
# OpenVINO's own default is bf16 where the CPU has it, which changes results between machines: always name one.
# int8 layers stay int8; the hint is for what lies between them.
_PRECISION_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
PRECISIONS: tuple[Precision, ...] = tuple(_PRECISION_HINTS)


class OpenVinoEngine(BatchedEngine):
    """An engine on the CPU."""

    @classmethod
    def open(cls, folder: Path, manifest: Manifest, threads: int) -> Self:
        """Compile the graph for this machine and run it once, so that the first frame is not slower.

        Raises:
            EngineDamaged: the graph is not what the manifest says.
            EngineMismatch: this machine or its OpenVINO cannot run it; the message names each difference.
        """
        import openvino

        core = openvino.Core()
        _check_machine(manifest, core)
        try:
            graph = core.read_model(folder / GRAPH, folder / GRAPH_WEIGHTS)
        except RuntimeError as e:
            raise EngineDamaged(f"{folder / GRAPH} cannot be read ({e}); build the engine again") from e
        _check_graph(folder, graph, manifest)
        compiled = core.compile_model(graph, "CPU", _settings(manifest.precision, threads))
        engine = cls(manifest, compiled, threads)
        engine._infer()
        return engine

    def __init__(self, manifest: Manifest, compiled: openvino.CompiledModel, threads: int) -> None:
        import openvino

        cores = f"{threads} thread{'s' if threads > 1 else ''}"
        super().__init__(manifest, f"{manifest.spec.name}, OpenVINO {manifest.precision}, CPU, {cores}")
        self._request: openvino.InferRequest | None = compiled.create_infer_request()
        self._labels: U8 = np.empty(self._crops.shape[:3], np.uint8)
        self._probabilities: U8 = np.empty((*self._crops.shape[:3], len(self.spec.labels)), np.uint8)
        # The graph reads and writes our arrays themselves: nothing is copied on the way.
        self._request.set_tensor("crops", openvino.Tensor(self._crops, shared_memory=True))
        self._request.set_tensor("labels", openvino.Tensor(self._labels, shared_memory=True))
        self._request.set_tensor("probabilities", openvino.Tensor(self._probabilities, shared_memory=True))

    def _infer(self) -> tuple[U8, U8]:
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


def _check_machine(manifest: Manifest, core: openvino.Core) -> None:
    import openvino

    problems = []
    if manifest.precision not in PRECISIONS:
        problems.append(f"precision {manifest.precision}, OpenVINO engines have one of {', '.join(PRECISIONS)}")
    if manifest.precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        problems.append("precision bf16, which this CPU has no instructions for")
    built_with, here = manifest.versions.get("openvino", ""), openvino.__version__
    if _release(built_with) > _release(here):
        problems.append(f"built with openvino {built_with}, older {here} is installed here")
    if problems:
        raise EngineMismatch(f"{manifest.spec.name} cannot run here: {'; '.join(problems)}; build it on this machine")


def _release(version: str) -> tuple[int, ...]:
    """(year, release) of an OpenVINO version such as "2026.4.1"; patches do not change the format."""
    numbers = version.split("-")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit())


def _check_graph(folder: Path, graph: openvino.Model, manifest: Manifest) -> None:
    spec, batch = manifest.spec, manifest.batch
    square = (batch, spec.size_px, spec.size_px)
    expected = {"crops": (*square, 3), OUTPUTS[0]: square, OUTPUTS[1]: (*square, len(spec.labels))}
    found = {port.any_name: port for port in (*graph.inputs, *graph.outputs)}
    problems = [f"no input or output '{name}'" for name in expected if name not in found]
    problems += [f"unknown input or output '{name}'" for name in found if name not in expected]
    for name in expected.keys() & found.keys():
        shape, kind = found[name].partial_shape.to_string(), found[name].element_type.get_type_name()
        if shape != f"[{','.join(map(str, expected[name]))}]" or kind != "u8":
            problems.append(f"'{name}' is {shape} {kind}, the manifest says {list(expected[name])} u8")
    if problems:
        raise EngineDamaged(f"{folder / GRAPH} is not what its manifest says: {'; '.join(sorted(problems))}")
