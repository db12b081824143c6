"""What a training run looks at in between: faces kept aside, composed or of the data set it learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from engines.spec import ModelSpec
from realtime.types import U8
from train.config import TrainConfig
from train.datasets import open_data, to_crop
from train.evaluate import Held, evaluate
from train.metrics import Confusion, sparsity
from train.preprocess import normalise

Look = Callable[[nn.Module], dict[str, Any]]
"""A network -> JSON-ready metrics in percent, `mean_recall` among them."""
_BATCH = 32


def open_held(config: TrainConfig, spec: ModelSpec) -> Look:
    """The held-aside set of a run. Raises DataError where it is missing or damaged."""
    if config.data is not None:
        return _of_dataset(config.data, config.held_split, spec)
    assert config.labels is not None and config.occluders is not None  # the record has checked it
    held = Held.load(config.labels, config.occluders, spec)

    def look(network: nn.Module) -> dict[str, Any]:
        result = evaluate(lambda crops: predict(network, crops, spec), held)
        return result | {"mean_recall": result["pasted"]["mean_recall"]}

    return look


def _of_dataset(data: str, split: str, spec: ModelSpec) -> Look:
    dataset = open_data(data, split)
    crops, labels, _ = (
        np.stack(part) for part in zip(*(to_crop(dataset[i], spec) for i in range(len(dataset))), strict=True)
    )

    def look(network: nn.Module) -> dict[str, Any]:
        predicted = predict(network, crops, spec)
        confusion = Confusion.of(labels, predicted, dataset.labels)
        return confusion.to_json() | {"sparsity": round(sparsity(list(labels), list(predicted)), 3)}

    return look


def predict(network: nn.Module, crops: U8, spec: ModelSpec) -> U8:
    """(N, S, S, 3) uint8 RGB -> (N, S, S) uint8 class ids, in float32, where the network's weights are."""
    device = next(network.parameters()).device
    network.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(crops), _BATCH):
            x = normalise(torch.from_numpy(crops[start : start + _BATCH]).to(device), spec)
            found.append(network(x).argmax(dim=1).to(torch.uint8).cpu().numpy())
    return np.concatenate(found)
