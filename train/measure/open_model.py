"""Opens a network for evaluation: a model that ships, an engine, a checkpoint or a training run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.engine import Engine
from engines.load import load_engine
from engines.spec import ModelSpec
from realtime.frames.types import U8
from train.learn.checkpoint import checkpoint_at

if TYPE_CHECKING:
    from torch import nn

Predict = Callable[[U8], U8]
"""(N, S, S, 3) uint8 RGB crops -> (N, S, S) uint8 class ids."""
Probabilities = Callable[[U8], U8]
"""(N, S, S, 3) uint8 RGB crops -> (N, S, S, K) uint8: the probability of each label x 255."""

_BATCH = 16


@dataclass(frozen=True, eq=False)
class Model:
    """An open network or engine."""

    name: str
    spec: ModelSpec
    predict: Predict
    probabilities: Probabilities
    engine: Engine | None = None
    """None for a checkpoint: only engines run through face detection."""


@contextmanager
def open_model(name: str) -> Iterator[Model]:
    """Open a model and close it afterwards.

    Args:
        name: a model that ships, an engine's folder, a checkpoint (.safetensors), or the folder of a training run of
            one network.

    Raises:
        UnknownModel: nothing of that name exists.
        DataError: the checkpoint is missing or damaged.
        EngineError: the engine is damaged, or it cannot run here.
    """
    checkpoint = checkpoint_at(name)
    if checkpoint is not None:
        yield _open_checkpoint(checkpoint)
    else:
        with load_engine(name) as engine:
            yield Model(
                engine.description, engine.spec, engine_predictor(engine), _engine_probabilities(engine), engine
            )


def _open_checkpoint(path: Path) -> Model:
    from train.models import for_inference, restore

    network, spec = restore(path)
    network = for_inference(network)
    title = f"{spec.name}, {path.name}"
    return Model(title, spec, network_predictor(network, spec), network_probabilities(network, spec))


def engine_predictor(engine: Engine) -> Predict:
    """Class ids from a compiled engine."""
    return lambda crops: engine(crops).labels


def _engine_probabilities(engine: Engine) -> Probabilities:
    return lambda crops: engine(crops).probabilities


def network_predictor(network: nn.Module, spec: ModelSpec) -> Predict:
    """Class ids from an eager network in float32, on the device of its weights."""
    import torch

    from train.models.preprocess import normalise

    device = next(network.parameters()).device

    def predict(crops: U8) -> U8:
        network.eval()
        with torch.inference_mode():
            logits = network(normalise(torch.from_numpy(crops).to(device), spec))
            return logits.argmax(dim=1).to(torch.uint8).cpu().numpy()

    return predict


def network_probabilities(network: nn.Module, spec: ModelSpec) -> Probabilities:
    """Probabilities from an eager network in float32, on the device of its weights."""
    import torch

    from train.models.preprocess import normalise

    device = next(network.parameters()).device

    def probabilities(crops: U8) -> U8:
        network.eval()
        with torch.inference_mode():
            shares = network(normalise(torch.from_numpy(crops).to(device), spec)).softmax(dim=1)
            return (shares * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()

    return lambda crops: np.concatenate([probabilities(crops[i : i + _BATCH]) for i in range(0, len(crops), _BATCH)])


def predict_all(predict: Predict, crops: U8, batch: int = 32) -> U8:
    """Predict class ids for any number of crops, one batch at a time."""
    return np.concatenate([predict(crops[i : i + batch]) for i in range(0, len(crops), batch)])
