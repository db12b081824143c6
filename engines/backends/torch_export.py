"""A network as a torch.export program, and as an archive of one without a single pickle in it. Needs torch."""

from __future__ import annotations

from pathlib import Path

import torch

from engines.backends.graph import Graph
from engines.backends.torch import ARCHIVE, read_batch, read_tensors
from engines.compiling.deploy import Deploy
from engines.spec import Batch, ModelSpec


def program(deploy: Deploy, spec: ModelSpec, batch: Batch) -> torch.export.ExportedProgram:
    """The network's graph, with a batch of one size or of a range. The example is of the best size: builders that read
    the program take that for the one to be fastest at."""
    count = batch.opt if batch.static else max(2, batch.opt)  # a batch of 1 would be taken for a constant
    example = torch.zeros((count, spec.size_px, spec.size_px, 3), dtype=torch.uint8)
    if batch.static:
        return torch.export.export(deploy, (example,))
    varies = {"crops": {0: torch.export.Dim("batch", min=batch.min, max=batch.max)}}
    return torch.export.export(deploy, (example,), dynamic_shapes=varies)


def write(deploy: Deploy, spec: ModelSpec, batch: Batch, folder: Path) -> Graph:
    """Write the archive into `folder`."""
    exported = program(deploy, spec, batch)
    exported.example_inputs = None  # the one thing that torch.export.save would pickle
    for node in exported.graph.nodes:
        node.meta.pop("stack_trace", None)  # holds paths of the machine that builds
    torch.export.save(exported, folder / ARCHIVE)
    return Graph((ARCHIVE,), read_batch(exported, batch.opt), read_tensors(exported))
