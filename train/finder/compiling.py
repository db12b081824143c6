"""Compiles a face finder's checkpoint into an engine, and composes the pictures on which int8 is calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from engines.errors import DataError, UsageError
from engines.finder import SHEET
from engines.finder.build import FinderSettings, build_finder
from engines.finder.manifest import FinderManifest
from engines.manifest import sha256_of
from engines.spec import BuildSpec, ModelSpec
from realtime.frames.types import U8
from train.calibration import read_crops
from train.finder.pictures.compose import LOOKS, Compositions
from train.finder.pictures.sources import Sources
from train.learn.checkpoint import find_weights, load_weights
from train.models.finder import CONFIDENCE, SIZE_PX, FaceFinder

_NAME = "finder"
_SEED = 30_000


def is_finder(checkpoint: Path) -> bool:
    """Whether a checkpoint holds a face finder. Raises DataError where it is none of ours."""
    return load_weights(checkpoint)[1].get("model") == _NAME


def compile_finder(
    checkpoint: Path,
    folder: Path,
    build_spec: BuildSpec,
    calibration: Path | None = None,
    size_px: int | None = None,
) -> FinderManifest:
    """Compile a checkpoint, with the calibrated confidence of the finder that ships.

    Args:
        calibration: a sheet or a folder of pictures; None for the sheet that ships.
        size_px: side of the pictures at run time, where it is not 256.

    Raises:
        DataError: the checkpoint or the pictures are missing or damaged, or it is another network.
        UsageError: another backend, batch or precision than a finder has.
    """
    precision = build_spec.precision
    if build_spec.backend != "openvino" or build_spec.batch.max != 1 or precision not in ("fp32", "int8"):
        raise UsageError(
            f"a face finder is compiled for openvino, one picture at a time, in fp32 or int8; got {build_spec}"
        )
    checkpoint = find_weights(checkpoint)
    network, side = restore_finder(checkpoint), size_px or SIZE_PX
    settings = FinderSettings(
        _NAME, side, CONFIDENCE.threshold, CONFIDENCE.low_confidence, CONFIDENCE.slope, CONFIDENCE.offset,
        sha256_of(checkpoint),
    )  # fmt: skip
    pictures = read_crops(calibration or SHEET, ModelSpec(_NAME, ("background", "face"), side))
    return build_finder(network, settings, precision, folder, pictures)


def compose_pictures(portraits: Sequence[Path], occluders: Path, count: int) -> U8:
    """(count, S, S, 3) uint8 RGB: training pictures, always the same for the same folders.

    Raises:
        UsageError: not one folder of portraits.
        DataError: a folder is not what it should be.
    """
    if len(portraits) != 1:
        raise UsageError(f"a face finder's pictures are composed from one folder of portraits; got {len(portraits)}")
    compositions = Compositions(Sources.load(portraits[0], occluders, None, "train"), SIZE_PX, _SEED)
    return np.stack([compositions[LOOKS * index].rgb for index in range(count)])


def restore_finder(checkpoint: Path) -> nn.Module:
    """The network of a checkpoint, or of a training run's folder. Raises DataError where it is another network."""
    weights, metadata = load_weights(checkpoint)
    if metadata.get("model") != _NAME:
        raise DataError(f"{checkpoint} holds {metadata.get('model')!r}; expected weights of `unveil train finder`")
    network = FaceFinder(int(metadata["width"]))
    try:
        network.load_state_dict(weights)
    except RuntimeError as e:
        raise DataError(f"{checkpoint} does not fit the finder of this version ({e})") from e
    return network.eval().requires_grad_(False)
