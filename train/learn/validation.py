"""What a training run looks at in between: faces kept aside, composed or of the data set it learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from engines.spec import ModelSpec
from train.datasets import open_data, to_crop
from train.learn.config import TrainConfig
from train.measure.evaluate_held_out import evaluate_network
from train.measure.held_out import HeldOutSet
from train.measure.metrics import Confusion, sparsity
from train.measure.open_model import network_predictor, predict_all

Look = Callable[[nn.Module], dict[str, Any]]
"""A network -> JSON-ready metrics in percent, `mean_recall` among them."""


def open_held(config: TrainConfig, spec: ModelSpec) -> Look:
    """The held-aside set of a run. Raises DataError where it is missing or damaged."""
    if config.data is not None:
        return _of_dataset(config.data, config.held_split, spec)
    assert config.labels is not None and config.occluders is not None  # the record has checked it
    held = HeldOutSet.load(config.labels, config.occluders, spec)

    def look(network: nn.Module) -> dict[str, Any]:
        result = evaluate_network(network, held)
        return result | {"mean_recall": result["pasted"]["mean_recall"]}

    return look


def _of_dataset(data: str, split: str, spec: ModelSpec) -> Look:
    dataset = open_data(data, split)
    crops, labels, _ = (
        np.stack(part) for part in zip(*(to_crop(dataset[i], spec) for i in range(len(dataset))), strict=True)
    )

    def look(network: nn.Module) -> dict[str, Any]:
        predicted = predict_all(network_predictor(network, spec), crops)
        confusion = Confusion.of(labels, predicted, dataset.labels)
        return confusion.to_json() | {"sparsity": round(sparsity(list(labels), list(predicted)), 3)}

    return look
