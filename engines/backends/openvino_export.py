"""A network as an OpenVINO graph, in float or quantised to int8. Needs torch, and nncf for int8."""

from __future__ import annotations

import contextlib
import io
import logging
from pathlib import Path

import openvino

from engines.backends import torch_export
from engines.backends.graph import Graph
from engines.backends.openvino import FILES, GRAPH, read_batch, read_tensors
from engines.compiling.deploy import Deploy
from engines.engine import U8
from engines.manifest import INPUT, OUTPUTS
from engines.spec import Batch, ModelSpec


def write(deploy: Deploy, spec: ModelSpec, batch: Batch, calibration: U8 | None, folder: Path) -> Graph:
    """Write the graph into `folder`, as int8 where there is calibration. The batch is static."""
    graph = _converted(deploy, spec, batch)
    recipe = {"weights": "float16"}
    if calibration is not None:
        graph = _quantised(graph, calibration, batch.opt)
        recipe |= {"preset": "mixed", "bias_correction": "fast"}
    # Weights are kept as float16, as in the checkpoint; a float engine computes in float32 all the same.
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=True)
    written = openvino.Core().read_model(folder / GRAPH)
    return Graph(FILES, read_batch(written), read_tensors(written), recipe)


def _converted(deploy: Deploy, spec: ModelSpec, batch: Batch) -> openvino.Model:
    shape = [batch.opt, spec.size_px, spec.size_px, 3]
    graph = openvino.convert_model(torch_export.program(deploy, spec, batch), input=[(shape, openvino.Type.u8)])
    graph.inputs[0].set_names({INPUT})
    for port, name in zip(graph.outputs, OUTPUTS, strict=True):
        port.set_names({name})
    return graph


def _quantised(graph: openvino.Model, calibration: U8, batch: int) -> openvino.Model:
    import nncf

    firsts = range(0, len(calibration), batch)
    batches = [calibration.take(range(first, first + batch), axis=0, mode="wrap") for first in firsts]
    nncf.set_log_level(logging.ERROR)
    # nncf draws its own progress bars, whatever the log level.
    with contextlib.redirect_stdout(io.StringIO()):
        return nncf.quantize(
            graph,
            nncf.Dataset(batches),
            preset=nncf.QuantizationPreset.MIXED,
            fast_bias_correction=True,
            subset_size=len(batches),
            # These are `deploy.likeliest` at work: rounding the logits that it compares would change labels.
            ignored_scope=nncf.IgnoredScope(types=["Maximum", "Greater"], validate=False),
        )
