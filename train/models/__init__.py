"""The networks by name: each with its spec and a function that makes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import DataError, UnknownModel, UsageError
from engines.spec import CONSENSUS_LABELS, DEPTH_LABELS, PART_LABELS, ModelSpec, Thresholds

if TYPE_CHECKING:
    from torch import nn

_WITH_HAIR = 2.0  # a crop that holds the hair, too
# Thresholds differ because the networks do. `consensus-lite` parsed a skull on a shirt (79 framings) with a confidence
# of 0.75 in the median and 0.84 at most, half-covered faces with 0.91 in the median and 0.81 at the least. Confidences
# of the others overlap (`parts`: 0.76 and 0.81 in the median), so they lose some faces for a few frames. None of 960
# things that are no faces reached 0.88 with the consensus networks; four in five half-covered faces do.
SPECS = {
    "consensus": ModelSpec("consensus", CONSENSUS_LABELS, thresholds=Thresholds(0.78, 0.88)),
    "consensus-lite": ModelSpec("consensus-lite", CONSENSUS_LABELS, thresholds=Thresholds(0.83, 0.88)),
    "parts": ModelSpec("parts", PART_LABELS, 160, _WITH_HAIR, thresholds=Thresholds(0.80)),
    "parts-depth": ModelSpec(
        "parts-depth", PART_LABELS, 160, _WITH_HAIR, modality="depth", thresholds=Thresholds(estimated_depth=0.80)
    ),
    "rgb-to-depth": ModelSpec("rgb-to-depth", DEPTH_LABELS, 160, _WITH_HAIR),
    "bisenet": ModelSpec("bisenet", PART_LABELS, 512, _WITH_HAIR),
    "eagrnet": ModelSpec("eagrnet", PART_LABELS, 480, _WITH_HAIR),  # 473 there; here sizes are multiples of 16
}

_CONSENSUS, _COMPACT = ("consensus", "consensus-lite"), ("parts", "parts-depth")


def spec(name: str) -> ModelSpec:
    """The spec of a registered model. Raises UnknownModel."""
    if name not in SPECS:
        raise UnknownModel(f"no model {name!r}; expected one of {', '.join(sorted(SPECS))}")
    return SPECS[name]


def create(
    name: str,
    *,
    width: int | None = None,
    regularised: bool = False,
    labels: int | None = None,
    size_px: int | None = None,
) -> nn.Module:
    """A registered network with fresh weights.

    Args:
        width: channels of its first layer; None for the network's own.
        regularised: with dropout in training.
        labels: classes; None for the spec's. A generator of depth has none.
        size_px: side of its crops; None for the spec's. A U-Net's depth follows from it, other networks take any.

    Raises:
        UnknownModel: no such network.
        UsageError: the network has no such variant.
    """
    own = spec(name)
    if width is not None and (width < 4 or width % 4):
        raise UsageError(f"width {width}: expected a multiple of 4, such as 16, 32 or 64")
    if name in _CONSENSUS:
        return _consensus(name, labels or len(own.labels), width, regularised)
    if name in _COMPACT:
        from train.models.parts import Parts

        if (size_px or own.size_px) % 32:
            raise UsageError(f"{name} halves its crops five times: expected a multiple of 32 px, got {size_px}")
        return Parts(labels or len(own.labels), width or 32, regularised)
    if regularised:
        raise UsageError(f"{name} has no regularised variant; expected one of {', '.join(_CONSENSUS + _COMPACT)}")
    return _of_the_paper(name, labels or len(own.labels), width, size_px or own.size_px)


def _consensus(name: str, labels: int, width: int | None, regularised: bool) -> nn.Module:
    from train.models.consensus import Consensus
    from train.models.consensus_lite import ConsensusLite

    if name == "consensus":
        return Consensus(labels, width or 64, regularised)
    return ConsensusLite(labels, width or 32, regularised)


def _of_the_paper(name: str, labels: int, width: int | None, size_px: int) -> nn.Module:
    """The networks of Cross-Domain Mutual Learning (section 4.2)."""
    from train.models.bisenet import BiSeNet
    from train.models.eagrnet import EAGRNet
    from train.models.pix2pix import UNet, levels_for

    if name == "rgb-to-depth":
        return UNet(width or 32, levels_for(size_px))
    return BiSeNet(labels, width or 64) if name == "bisenet" else EAGRNet(labels, width or 64)


def restore(checkpoint: Path) -> tuple[nn.Module, ModelSpec]:
    """The network of a checkpoint, ready for inference, and its spec. Raises DataError where they do not fit."""
    from train.learn.checkpoint import load_weights

    weights, metadata = load_weights(checkpoint)
    name = str(metadata.get("model"))
    own = spec(name)
    if metadata.get("sees") == "depth" and not own.sees_depth:
        own = replace(own, name=f"{name}-depth", modality="depth")  # bisenet, eagrnet: one network for both
    if metadata.get("labels"):
        own = replace(own, labels=tuple(metadata["labels"]))
    if metadata.get("size_px"):
        own = replace(own, size_px=int(metadata["size_px"]))
    if metadata.get("thresholds"):
        own = replace(own, thresholds=Thresholds(**metadata["thresholds"]))
    network = create(name, width=metadata.get("width"), labels=len(own.labels), size_px=own.size_px)
    try:
        network.load_state_dict(weights)
    except RuntimeError as e:
        raise DataError(f"{checkpoint} does not fit the network {name!r} of this version ({e})") from e
    return network.eval(), own


def for_inference(network: nn.Module) -> nn.Module:
    """The same function with as few layers as possible, and with logits as its output: what an engine is built from."""
    from train.models.consensus import Consensus
    from train.models.pix2pix import DepthLabels, UNet

    if isinstance(network, UNet):
        return DepthLabels(network)
    return network.folded() if isinstance(network, Consensus) else network
