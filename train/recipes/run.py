"""Runs a recipe: each stage by the training that the recipe names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from engines.errors import UsageError
from train.finder.config import FinderConfig
from train.finder.training import train_finder
from train.learn.config import TrainConfig
from train.learn.consensus import train_consensus
from train.learn.distributed import joined
from train.learn.log import Say
from train.learn.loop import Progress
from train.mutual.config import MutualConfig, Stage
from train.mutual.training import train_parts
from train.presence.config import PresenceConfig
from train.presence.training import train_presence
from train.recipes import Recipe

Configs = dict[str, TrainConfig] | dict[Stage, MutualConfig] | dict[str, FinderConfig] | dict[str, PresenceConfig]
"""The configuration of each stage."""
_TRAININGS: dict[type, Any] = {
    TrainConfig: train_consensus,
    FinderConfig: train_finder,
    PresenceConfig: train_presence,
}


@dataclass(frozen=True)
class Inputs:
    """The user's own folders."""

    output: Path
    labels: Sequence[Path] = ()
    """Folders that `unveil label` wrote; of a face finder, the one that `unveil portraits` wrote."""
    occluders: Path | None = None
    """Folder with `hands`, `masks` and `objects` (RGBA cut-outs)."""
    data: str | None = None
    """KIND:FOLDER, a data set to train on instead."""
    start: Path | None = None
    """Weights that the first stage starts from."""
    without_faces: Path | None = None
    """Folder with `things` (RGBA) and `scenes` (RGB) that show no face: a face finder's."""


def configure(recipe: Recipe, inputs: Inputs) -> Configs:
    """The configuration of each chosen stage.

    Raises:
        UsageError: inputs are missing, or settings do not fit together.
    """
    stages = {stage: dict(recipe.stages[stage]) for stage in recipe.chosen}
    for number, settings in enumerate(stages.values()):
        if number == 0 and inputs.start:
            settings["start"] = inputs.start
        elif str(settings.get("start")) in recipe.stages:
            settings["start"] = inputs.output / str(settings["start"])
    if recipe.training == "presence":
        return {stage: _presence(stage, settings, inputs) for stage, settings in stages.items()}
    if recipe.training == "consensus":
        return {stage: _consensus(stage, settings, inputs) for stage, settings in stages.items()}
    if recipe.training == "finder":
        return {stage: _finder(stage, settings, inputs) for stage, settings in stages.items()}
    return {cast(Stage, stage): _parts(settings, inputs) for stage, settings in stages.items()}


def run(
    recipe: Recipe,
    inputs: Inputs,
    say: Say = print,
    progress: Progress = lambda done, total: None,
    device: str | None = None,
) -> dict[str, Path]:
    """Train what a recipe describes, from where an earlier run in the same folder stopped.

    Returns:
        The folder of each stage's weights; in other processes than torchrun's first, none.

    Raises:
        UsageError, DataError, TrainingStopped: as the trainings do.
    """
    configs = configure(recipe, inputs)
    with joined(device):
        evaluations = _evaluations(configs, say, progress, device)
    return {stage: inputs.output / stage for stage, evaluation in evaluations.items() if evaluation}


def _evaluations(configs: Configs, say: Say, progress: Progress, device: str | None) -> Mapping[str, Any]:
    """Run the trainings. Returns the last evaluation of each stage."""
    by_stage = cast(dict[Any, Any], configs)
    if all(isinstance(config, MutualConfig) for config in by_stage.values()):
        return {str(stage): e for stage, e in train_parts(by_stage, tuple(by_stage), say, progress, device).items()}
    return {stage: _TRAININGS[type(config)](config, say, progress, device) for stage, config in by_stage.items()}


def _consensus(stage: str, settings: dict[str, Any], inputs: Inputs) -> TrainConfig:
    if len(inputs.labels) > 1:
        raise UsageError("this recipe trains on one folder of labels; got several: name --labels once")
    settings["data"] = inputs.data or settings.get("data")
    labels = inputs.labels[0] if inputs.labels else None
    if settings["data"] is None and (labels is None or inputs.occluders is None):
        raise UsageError("no training data: expected --labels and --occluders, or --data KIND:FOLDER")
    return TrainConfig(labels, inputs.occluders, inputs.output / stage, **settings)


def _finder(stage: str, settings: dict[str, Any], inputs: Inputs) -> FinderConfig:
    if inputs.data or len(inputs.labels) != 1 or inputs.occluders is None:
        raise UsageError(
            "this recipe trains on what `unveil portraits` wrote: expected one --labels, --occluders and no --data"
        )
    return FinderConfig(inputs.labels[0], inputs.occluders, inputs.output / stage, inputs.without_faces, **settings)


def _parts(settings: dict[str, Any], inputs: Inputs) -> MutualConfig:
    if bool(inputs.labels) == bool(inputs.data):
        raise UsageError(
            "this recipe trains on folders that `unveil label --parts` wrote, or on a published set: expected either "
            "--labels, or --data KIND:FOLDER such as celebamask-hq-d:sets/celebamask-hq"
        )
    return MutualConfig(tuple(inputs.labels), inputs.output, inputs.occluders, inputs.data, **settings)


def _presence(stage: str, settings: dict[str, Any], inputs: Inputs) -> PresenceConfig:
    start = settings.pop("start", None)
    if inputs.data or len(inputs.labels) != 1 or inputs.occluders is None or start is None:
        raise UsageError(
            "this recipe adds an output to a network: expected --start WEIGHTS, one --labels that `unveil portraits` "
            "wrote, --occluders and no --data"
        )
    folders = inputs.labels[0], inputs.occluders, inputs.output / stage, start, inputs.without_faces
    return PresenceConfig(*folders, **settings)
