"""A network small enough to be built in a test, with the operators of the real ones. Needs torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from engines.compiling.build import build
from engines.compiling.parity import fixed_samples
from engines.engine import U8
from engines.manifest import Manifest
from engines.spec import CONSENSUS_LABELS, DEPTH_LABELS, PART_LABELS, Batch, BuildSpec, ModelSpec, Precision
from train.models.presence import HeadSize, ParserWithPresence, PresenceHead

SPEC = ModelSpec("tiny", CONSENSUS_LABELS, size_px=32, mean=(0.4, 0.5, 0.6), std=(0.3, 0.5, 0.7))
CHECKPOINT = "c" * 64


class TinyNetwork(nn.Module):
    """Half resolution, back by nearest upsampling, a skip and a sub-pixel head: (N, 3, S, S) -> (N, K, S, S)."""

    def __init__(self, labels: int = 3) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Conv2d(24, 4 * labels, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(rgb))

    def encode(self, rgb: torch.Tensor) -> tuple[torch.Tensor, ...]:
        half = self.down(rgb)
        return half, self.deep(half)

    def decode(self, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        half, deep = features
        logits: torch.Tensor = self.shuffle(self.head(torch.cat([self.up(deep), half], 1)))
        return logits * 4  # spreads the labels of random weights


def tiny_network() -> TinyNetwork:
    """The same weights each time."""
    torch.manual_seed(0)
    return TinyNetwork()


def tiny_with_presence() -> ParserWithPresence:
    """The same network with a head whose answers differ from crop to crop."""
    parser = tiny_network().eval()
    head = PresenceHead(HeadSize(channels=16, grid=4, width=8, hidden=8))
    with torch.no_grad():
        head.decide.weight *= 100
    return ParserWithPresence(parser, head.eval())


def crops(count: int) -> U8:
    """(count, 32, 32, 3) uint8, no two alike."""
    return fixed_samples(SPEC, count)


def build_tiny(folder: Path, precision: Precision = "fp32", backend: str = "openvino", batch: str = "1") -> Manifest:
    """An engine of the tiny network."""
    build_spec = BuildSpec(backend, precision, Batch.of(batch))
    return build(
        tiny_network(), SPEC, build_spec, folder, checkpoint_sha256=CHECKPOINT, calibration=np.asarray(crops(16))
    )


def build_with_presence(folder: Path, precision: Precision = "fp32", backend: str = "openvino") -> Manifest:
    """An engine of the tiny network with a head for `presence`."""
    return build(
        tiny_with_presence(), replace(SPEC, presence=True), BuildSpec(backend, precision), folder,
        checkpoint_sha256=CHECKPOINT, calibration=np.asarray(crops(16)),
    )  # fmt: skip


def build_parts(folder: Path) -> dict[str, Path]:
    """Engines of tiny networks with the labels of the second paper, by name."""
    torch.manual_seed(0)
    specs = (
        ModelSpec("parts", PART_LABELS, size_px=32, crop_scale=2.0),
        ModelSpec("parts-depth", PART_LABELS, size_px=32, crop_scale=2.0, modality="depth"),
        ModelSpec("rgb-to-depth", DEPTH_LABELS, size_px=32, crop_scale=2.0),
    )
    for spec in specs:
        network = TinyNetwork(len(spec.labels))
        build(network, spec, BuildSpec("openvino", "fp32"), folder / spec.name, checkpoint_sha256=CHECKPOINT)
    return {spec.name: folder / spec.name for spec in specs}
