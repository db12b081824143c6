"""The networks by name: each with its spec and a function that makes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import DataError, UnknownModel, UsageError
from engines.spec import CONSENSUS_LABELS, ModelSpec

if TYPE_CHECKING:
    from torch import nn

SPECS = {
    "consensus": ModelSpec("consensus", CONSENSUS_LABELS),
    "consensus-lite": ModelSpec("consensus-lite", CONSENSUS_LABELS),
}


def spec(name: str) -> ModelSpec:
    """The spec of a registered model. Raises UnknownModel."""
    if name not in SPECS:
        raise UnknownModel(f"no model {name!r}; expected one of {', '.join(sorted(SPECS))}")
    return SPECS[name]


def create(name: str, *, width: int | None = None, regularised: bool = False, labels: int | None = None) -> nn.Module:
    """A registered network with fresh weights.

    Args:
        width: channels of its first layer; None for the network's own.
        regularised: with dropout in training.
        labels: classes; None for the spec's.

    Raises:
        UnknownModel: no such network.
        UsageError: the network has no such variant.
    """
    from train.models.consensus import Consensus
    from train.models.consensus_lite import ConsensusLite

    classes = labels or len(spec(name).labels)
    if width is not None and (width < 4 or width % 4):
        raise UsageError(f"width {width}: expected a multiple of 4, such as 16, 32 or 64")
    if name == "consensus":
        return Consensus(classes, width or 64, regularised)
    return ConsensusLite(classes, width or 32, regularised)


def restore(checkpoint: Path) -> tuple[nn.Module, ModelSpec]:
    """The network of a checkpoint, ready for inference, and its spec. Raises DataError where they do not fit."""
    from train.checkpoint import load_weights

    weights, metadata = load_weights(checkpoint)
    name = str(metadata.get("model"))
    own = spec(name)
    if metadata.get("labels"):
        own = replace(own, labels=tuple(metadata["labels"]))
    network = create(name, width=metadata.get("width"), labels=len(own.labels))
    try:
        network.load_state_dict(weights)
    except RuntimeError as e:
        raise DataError(f"{checkpoint} does not fit the network {name!r} of this version ({e})") from e
    return network.eval(), own


def for_inference(network: nn.Module) -> nn.Module:
    """The same function with as few layers as possible: what an engine is built from."""
    from train.models.consensus import Consensus

    return network.folded() if isinstance(network, Consensus) else network
