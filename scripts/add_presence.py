#!/usr/bin/env python
"""Add the output `presence` to OpenVINO engines, or replace it. A check proves that no label changes.

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

import numpy as np
import openvino

from engines.backends.openvino import GRAPH, converted, write
from engines.backends.openvino_presence import label_path, with_presence
from engines.compiling import parity
from engines.compiling.build import versions
from engines.compiling.deploy import Deploy
from engines.engine import U8, Engine
from engines.errors import BuildError, EngineMismatch, UsageError
from engines.load import open_engine
from engines.manifest import SCHEMA, read_manifest, sha256_of, verify, write_manifest
from train.calibration import shipped_crops
from train.models import deployable


def add_presence(folder: Path, checkpoint: Path) -> None:
    """Add a checkpoint's head to an engine of the same network, in place. A head that it had is replaced.

    Raises:
        UsageError: the checkpoint has no head.
        EngineMismatch: the engine is of another network.
        BuildError: a label or a probability would change. The engine stays as it was.
    """
    network, spec = deployable(checkpoint)
    manifest = read_manifest(folder)
    verify(folder, manifest)
    if not spec.presence:
        raise UsageError(f"{checkpoint} has no head; expected what `unveil train presence` wrote")
    if replace(spec, presence=manifest.spec.presence, thresholds=manifest.spec.thresholds) != manifest.spec:
        raise EngineMismatch(f"{folder} is of {manifest.spec.name}, {checkpoint} of {spec.name} with another spec")
    deploy, crops = Deploy(network, spec), shipped_crops(spec)
    labels = label_path(openvino.Core().read_model(folder / GRAPH))
    graph = with_presence(labels, converted(deploy, manifest.batch))
    with tempfile.TemporaryDirectory() as unfinished:  # the graph still reads its weights from the engine's folder
        written = write(graph, Path(unfinished), manifest.recipe)
        made = replace(
            manifest,
            spec=spec,
            tensors=written.tensors,
            files={name: sha256_of(Path(unfinished) / name) for name in written.files},
            checkpoint=str(checkpoint),
            checkpoint_sha256=sha256_of(checkpoint),
            versions=manifest.versions | {name: version for name, version in versions().items() if name == "openvino"},
            schema=SCHEMA,
        )
        with open_engine(Path(unfinished), made, 1) as engine, open_engine(folder, manifest, 1) as before:
            _check_labels(engine, before, crops)
            made = replace(made, parity=parity.measure(engine, deploy, crops))
        del graph, labels
        for name in written.files:
            shutil.copyfile(Path(unfinished) / name, folder / f"{name}.part")
    for name in written.files:
        (folder / f"{name}.part").replace(folder / name)
    write_manifest(folder, made)
    print(f"{folder}: presence added; {made.parity}")


def _check_labels(engine: Engine, before: Engine, crops: U8) -> None:
    for first in range(len(crops)):
        now, then = engine(crops[first : first + 1]), before(crops[first : first + 1])
        if not np.array_equal(now.labels, then.labels) or not np.array_equal(now.probabilities, then.probabilities):
            raise BuildError(f"the labels of crop {first} of {len(crops)} would change; the engine stays as it was")


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
