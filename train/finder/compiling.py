"""Compiles a face finder's checkpoint into an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from torch import nn

from engines.errors import DataError
from engines.finder.build import FinderSettings, build_finder
from engines.finder.manifest import FinderManifest
from engines.manifest import sha256_of
from realtime.frames.types import U8
from train.learn.checkpoint import find_weights, load_weights
from train.models.finder import CONFIDENCE, SIZE_PX, FaceFinder


def compile_finder(checkpoint: Path, folder: Path, precision: Literal["fp32", "int8"], pictures: U8) -> FinderManifest:
    """Compile a checkpoint, with the calibration of the finder that ships.

    Args:
        pictures: (N, S, S, 3) uint8 RGB, as `engines.finder.build.build_finder` takes them.

    Raises:
        DataError: the checkpoint is missing, or holds another network.
    """
    checkpoint = find_weights(checkpoint)
    settings = FinderSettings(
        "finder", SIZE_PX, CONFIDENCE.threshold, CONFIDENCE.low_confidence, CONFIDENCE.slope, CONFIDENCE.offset,
        sha256_of(checkpoint),
    )  # fmt: skip
    return build_finder(restore_finder(checkpoint), settings, precision, folder, pictures)


def restore_finder(checkpoint: Path) -> nn.Module:
    """The network of a checkpoint, or of a training run's folder. Raises DataError where it is another network."""
    weights, metadata = load_weights(checkpoint)
    if metadata.get("model") != "finder":
        raise DataError(f"{checkpoint} holds {metadata.get('model')!r}; expected weights of `unveil train finder`")
    network = FaceFinder(int(metadata["width"]))
    try:
        network.load_state_dict(weights)
    except RuntimeError as e:
        raise DataError(f"{checkpoint} does not fit the finder of this version ({e})") from e
    return network.eval().requires_grad_(False)
