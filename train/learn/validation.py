"""The validation set of a training run: composed crops of faces held out, or a split of the data set it learns from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from engines.spec import ModelSpec
from train.datasets import open_data, to_crop
from train.learn.config import TrainConfig
from train.measure.held_out import HeldOutSet
from train.measure.held_out_scores import evaluate_network
from train.measure.metrics import Confusion, sparsity
from train.measure.open_model import network_predictor, predict_all

Evaluate = Callable[[nn.Module], dict[str, Any]]
"""A network -> JSON-ready metrics in percent, `mean_recall` among them."""


def open_validation(config: TrainConfig, spec: ModelSpec) -> Evaluate:
    """The evaluation on a run's validation set. Raises DataError where the set is missing or damaged."""
    if config.data is not None:
        return _of_dataset(config.data, config.validation_split, spec)
    assert config.labels is not None and config.occluders is not None  # the record has checked it
    held_out = HeldOutSet.load(config.labels, config.occluders, spec)

    def evaluate(network: nn.Module) -> dict[str, Any]:
        result = evaluate_network(network, held_out)
        return result | {"mean_recall": result["pasted"]["mean_recall"]}

    return evaluate


def _of_dataset(data: str, split: str, spec: ModelSpec) -> Evaluate:
    dataset = open_data(data, split)
    crops, labels, _ = (
        np.stack(part) for part in zip(*(to_crop(dataset[i], spec) for i in range(len(dataset))), strict=True)
    )

    def evaluate(network: nn.Module) -> dict[str, Any]:
        predicted = predict_all(network_predictor(network, spec), crops)
        confusion = Confusion.of(labels, predicted, dataset.labels)
        return confusion.to_json() | {"sparsity": round(sparsity(list(labels), list(predicted)), 3)}

    return evaluate
