#!/usr/bin/env python
"""Add the output `presence` to OpenVINO engines that were compiled without it. Their labels stay the same to the bit.

Run: python scripts/add_presence.py CHECKPOINT ENGINE...

`unveil compile` builds engines with the output, too, but measures the scales of int8 anew, on its own machine: some
labels change. What ships had been built before, so the head was added to it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import openvino

from engines.backends.openvino import GRAPH, converted, write
from engines.backends.openvino_presence import with_presence
from engines.compiling import parity
from engines.compiling.build import versions
from engines.compiling.deploy import Deploy
from engines.errors import EngineMismatch, UsageError
from engines.load import open_engine
from engines.manifest import SCHEMA, read_manifest, sha256_of, verify, write_manifest
from train.calibration import shipped_crops
from train.models import deployable


def add_presence(folder: Path, checkpoint: Path) -> None:
    """Add a checkpoint's head to an engine of the same network, in place.

    Raises:
        UsageError: the checkpoint has no head, or the engine has one.
        EngineMismatch: the engine is of another network.
    """
    network, spec = deployable(checkpoint)
    manifest = read_manifest(folder)
    verify(folder, manifest)
    if not spec.presence or manifest.spec.presence:
        raise UsageError(f"expected a checkpoint with a head and an engine without one; got {checkpoint} and {folder}")
    if replace(spec, presence=False, thresholds=manifest.spec.thresholds) != manifest.spec:
        raise EngineMismatch(f"{folder} is of {manifest.spec.name}, {checkpoint} of {spec.name} with another spec")
    deploy = Deploy(network, spec)
    graph = with_presence(openvino.Core().read_model(folder / GRAPH), converted(deploy, manifest.batch))
    with tempfile.TemporaryDirectory() as unfinished:  # the graph still reads its weights from the engine's folder
        written = write(graph, Path(unfinished), manifest.recipe)
        for name in written.files:
            shutil.copyfile(Path(unfinished) / name, folder / f"{name}.part")
    del graph
    for name in written.files:
        (folder / f"{name}.part").replace(folder / name)
    made = replace(
        manifest,
        spec=spec,
        tensors=written.tensors,
        files={name: sha256_of(folder / name) for name in written.files},
        checkpoint=str(checkpoint),
        checkpoint_sha256=sha256_of(checkpoint),
        versions=manifest.versions | {name: version for name, version in versions().items() if name == "openvino"},
        schema=SCHEMA,
    )
    with open_engine(folder, made, 1) as engine:
        made = replace(made, parity=parity.measure(engine, deploy, shipped_crops(spec)))
    write_manifest(folder, made)
    print(f"{folder}: presence added; {made.parity}")


def main() -> None:
    """Add the output to each engine that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("engines", nargs="+", type=Path)
    arguments = parser.parse_args()
    for folder in arguments.engines:
        add_presence(folder, arguments.checkpoint)


if __name__ == "__main__":
    main()
