"""Networks and engines by one interface, to be measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.load import load_engine
from engines.spec import ModelSpec
from realtime.frames.types import U8
from train.measure.evaluate import Predict, engine_predictor, network_predictor

if TYPE_CHECKING:
    from torch import nn

Probabilities = Callable[[U8], U8]
"""(N, S, S, 3) uint8 crops -> (N, S, S, K) uint8: probability of each label x 255."""

_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class Model:
    """A network or engine, ready to be asked."""

    name: str
    spec: ModelSpec
    predict: Predict
    probabilities: Probabilities


@contextmanager
def open_model(name: str) -> Iterator[Model]:
    """A checkpoint (.safetensors), an engine's folder or a model that ships."""
    if name.endswith(".safetensors"):
        from train.models import for_inference, restore

        network, spec = restore(Path(name))
        network = for_inference(network)
        title = f"{spec.name}, {Path(name).name}"
        yield Model(title, spec, network_predictor(network, spec), network_probabilities(network, spec))
    else:
        with load_engine(name) as engine:
            yield Model(
                engine.description, engine.spec, engine_predictor(engine), lambda crops: engine(crops).probabilities
            )


def network_probabilities(network: nn.Module, spec: ModelSpec) -> Probabilities:
    """Of an eager network in float32, where its weights are."""
    import torch

    from train.models.preprocess import normalise

    device = next(network.parameters()).device

    def ask(crops: U8) -> U8:
        network.eval()
        with torch.inference_mode():
            shares = network(normalise(torch.from_numpy(crops).to(device), spec)).softmax(dim=1)
            return (shares * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()

    return lambda crops: np.concatenate([ask(crops[i : i + _AT_ONCE]) for i in range(0, len(crops), _AT_ONCE)])
