"""The networks by name: each with its spec and a function that makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import DataError, UnknownModel
from engines.spec import CONSENSUS_LABELS, ModelSpec

if TYPE_CHECKING:
    from torch import nn

SPECS = {
    "consensus-lite": ModelSpec("consensus-lite", CONSENSUS_LABELS),
}


def spec(name: str) -> ModelSpec:
    """The spec of a registered model. Raises UnknownModel."""
    if name not in SPECS:
        raise UnknownModel(f"no model {name!r}; expected one of {', '.join(sorted(SPECS))}")
    return SPECS[name]


def restore(checkpoint: Path) -> tuple[nn.Module, ModelSpec]:
    """The network of a checkpoint, ready for inference, and its spec. Raises DataError where they do not fit."""
    from train.checkpoint import load_weights

    weights, metadata = load_weights(checkpoint)
    name = str(metadata.get("model"))
    network = create(name)
    try:
        network.load_state_dict(weights)
    except RuntimeError as e:
        raise DataError(f"{checkpoint} does not fit the network {name!r} of this version ({e})") from e
    return network.eval(), spec(name)


def create(name: str) -> nn.Module:
    """A registered network with fresh weights. Raises UnknownModel."""
    from train.models.consensus_lite import ConsensusLite

    makers: dict[str, Callable[[int], nn.Module]] = {"consensus-lite": ConsensusLite}
    return makers[spec(name).name](len(spec(name).labels))
