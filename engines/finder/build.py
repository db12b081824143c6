"""Builds a face finder's engine. Needs torch, and nncf for int8."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from engines.compiling.build import versions
from engines.compiling.quantising import quantised
from engines.errors import UsageError
from engines.finder.engine import GRAPH, GRAPH_WEIGHTS, load_finder
from engines.finder.manifest import FinderManifest, write_finder_manifest
from engines.machine import host
from engines.manifest import sha256_of

if TYPE_CHECKING:
    from torch import nn

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FinderSettings:
    """What a finder's manifest says of the network, whatever its engine."""

    name: str
    size_px: int
    threshold: float
    low_confidence: float
    slope: float
    offset: float
    checkpoint_sha256: str


def build_finder(
    network: nn.Module, settings: FinderSettings, precision: Literal["fp32", "int8"], folder: Path, pictures: U8
) -> FinderManifest:
    """Compile a finder into `folder`, replacing an engine that is there.

    Args:
        network: (N, 3, S, S) float32 in -1..1 -> (N, cells, 7).
        pictures: (N, S, S, 3) uint8 RGB: int8 scales are measured on them, and the engine is compared with the network.

    Raises:
        UsageError: there are no pictures.
    """
    if not len(pictures):
        raise UsageError("a finder's engine needs pictures to be compared on; got none")
    import openvino

    network = network.eval().cpu()
    graph = _graph(network, settings.size_px)
    if precision == "int8":
        graph = quantised(graph, pictures, batch=1)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=True)
    manifest = FinderManifest(
        name=settings.name, size_px=settings.size_px, threshold=settings.threshold,
        low_confidence=settings.low_confidence, slope=settings.slope, offset=settings.offset, precision=precision,
        files={name: sha256_of(folder / name) for name in (GRAPH, GRAPH_WEIGHTS)},
        checkpoint_sha256=settings.checkpoint_sha256, versions=versions(), host=host(),
        largest_difference=0.0, compared=0, built_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
    write_finder_manifest(folder, manifest)
    return _compared(network, manifest, folder, pictures)


def _compared(network: nn.Module, manifest: FinderManifest, folder: Path, pictures: U8) -> FinderManifest:
    """The manifest with the largest difference of a confidence between the engine and the network."""
    import torch

    engine, largest = load_finder(folder), 0.0
    for picture in pictures:
        with torch.inference_mode():
            normalised = torch.from_numpy(picture[None]).float().permute(0, 3, 1, 2) / 127.5 - 1
            logits = network(normalised)[0, :, 0].numpy() * manifest.slope + manifest.offset
        difference = np.abs(_sigmoid(logits) - _sigmoid(engine(picture[None])[:, 0]))
        largest = max(largest, float(difference.max()))
    complete = replace(manifest, largest_difference=round(largest, 4), compared=len(pictures))
    write_finder_manifest(folder, complete)
    return complete


def _graph(network: nn.Module, size_px: int) -> Any:
    """The network with bytes as its input."""
    import openvino
    import torch
    from openvino.preprocess import PrePostProcessor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch, openvino and nncf among one another
        warnings.simplefilter("ignore", FutureWarning)
        graph = openvino.convert_model(torch.export.export(network, (torch.zeros(1, 3, size_px, size_px),)))
    steps = PrePostProcessor(graph)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(127.5).scale(127.5)
    return steps.build()


def _sigmoid(logits: F32) -> F32:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float32)
