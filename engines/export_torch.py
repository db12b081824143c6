"""A network as a torch.export program, and as an archive of one without a single pickle in it. Needs torch."""

from __future__ import annotations

from pathlib import Path

import torch

from engines.backend_torch import ARCHIVE
from engines.deploy import Deploy
from engines.spec import ModelSpec


def program(deploy: Deploy, spec: ModelSpec, batch: int) -> torch.export.ExportedProgram:
    """The network's graph with a static batch."""
    example = torch.zeros((batch, spec.size_px, spec.size_px, 3), dtype=torch.uint8)
    return torch.export.export(deploy, (example,))


def write(deploy: Deploy, spec: ModelSpec, batch: int, folder: Path) -> tuple[str, ...]:
    """Write the archive into `folder`; returns the names of its files."""
    exported = program(deploy, spec, batch)
    exported.example_inputs = None  # the one thing that torch.export.save would pickle
    for node in exported.graph.nodes:
        node.meta.pop("stack_trace", None)  # holds paths of the machine that builds
    torch.export.save(exported, folder / ARCHIVE)
    return (ARCHIVE,)
