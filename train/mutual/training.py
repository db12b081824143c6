"""The mutual training, stage by stage: what it supplies to the training loop (`train.learn.loop`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
from torch import Tensor, nn

from engines.spec import ModelSpec
from train.data.split import Split
from train.learn.distributed import Ranks, joined
from train.learn.learner import Learner
from train.learn.log import Say
from train.learn.loop import Progress, run_training, silent
from train.learn.state import State
from train.mutual.batches import Batch, batches
from train.mutual.config import STAGES, MutualConfig, Run, Stage
from train.mutual.faces import TrainingFace, load_faces
from train.mutual.networks import describe, make_learners, spec_of
from train.mutual.published import published_faces
from train.mutual.samples import PartsSupply
from train.mutual.steps import STEPS
from train.mutual.validation import Validation
from train.occluders.kinds import Occluders


@dataclass(frozen=True, eq=False)
class PartsData:
    """The data of a run, which its stages share."""

    spec: ModelSpec
    faces: Sequence[TrainingFace]
    occluders: Occluders | None
    validation: Validation | None
    """None in other processes than the first."""

    @classmethod
    def load(cls, config: MutualConfig, ranks: Ranks, stages: Sequence[Stage] = STAGES) -> PartsData:
        """Read faces and occluders. Raises DataError where they are missing, damaged, or lack depth for a stage."""
        spec = spec_of(config)
        occluders = Occluders(config.occluders, "train") if config.occluders else None
        faces = _faces(config, "train", spec, stages)
        if not ranks.first:
            return cls(spec, faces, occluders, None)
        held_out = _faces(config, "held out", spec, stages)
        return cls(spec, faces, occluders, Validation(held_out, spec, config.validation_faces))

    def training(self, run: Run, ranks: Ranks) -> MutualTraining:
        """One stage of a configuration on these data."""
        supply = PartsSupply(self.faces, self.occluders, self.spec, run.config)
        return MutualTraining(run, self.spec, ranks, supply, self.validation)


def train_parts(
    configs: MutualConfig | Mapping[Stage, MutualConfig],
    stages: Sequence[Stage] = STAGES,
    say: Say = print,
    progress: Progress = lambda done, total: None,
    device: str | None = None,
) -> dict[Stage, Any]:
    """Run stages to their ends, each from where an earlier run of the same folder stopped.

    Under torchrun all processes call it; the first one evaluates, logs and writes.

    Args:
        configs: of all stages, or of each; those of one run differ in how they train, not in their data.
        device: `cpu` or `cuda`; None for a GPU where there is one.

    Returns:
        The last evaluation of each stage; of other processes than the first, empty ones.

    Raises:
        DataError: data or the weights of an earlier stage are missing, or a folder holds another run's state.
        UsageError: a batch cannot be shared among the processes.
        TrainingStopped: Ctrl-C or SIGTERM; the state is saved.
    """
    cv2.setNumThreads(0)  # a loader process that is forked while OpenCV's threads run would wait for them forever
    by_stage = {stage: configs if isinstance(configs, MutualConfig) else configs[stage] for stage in stages}
    results: dict[Stage, Any] = {}
    with joined(device) as ranks:
        data = PartsData.load(by_stage[stages[0]], ranks, stages)
        for stage, config in by_stage.items():
            training = data.training(Run(config, stage), ranks)
            results[stage] = run_training(training, say if ranks.first else silent, progress)
    return results


def _faces(config: MutualConfig, split: Split, spec: ModelSpec, stages: Sequence[Stage]) -> Sequence[TrainingFace]:
    if config.data is not None:
        return published_faces(config.data, split, spec, with_depth=set(stages) != {"rgb"})
    return load_faces(config.folders, split, spec, leave_out=(config.leave_out or ()) if split == "train" else ())


@dataclass(frozen=True)
class MutualTraining:
    """What the training loop asks of one stage."""

    run: Run
    spec: ModelSpec
    ranks: Ranks
    supply: PartsSupply
    validation: Validation | None = None
    """None where nothing is evaluated, and in other processes than the first."""

    @property
    def title(self) -> str:
        """The stage, at the beginning of each message."""
        return f"{self.run.stage}: "

    @property
    def main_role(self) -> str:
        """The network whose learning rate is logged."""
        return self.run.stage if self.run.stage != "joint" else "rgb"

    def learners(self, say: Say) -> dict[str, Learner]:
        """The networks before the first step. Raises DataError where the weights that they start from are missing."""
        return make_learners(self.run, self.spec, self.ranks.device, say)

    def batches(self, first_step: int) -> Iterator[Batch]:
        """This rank's share of each step's samples from `first_step` on."""
        return batches(self.run, self.supply, self.spec, self.ranks, first_step)

    def step(self, state: State, batch: Batch) -> dict[str, Tensor]:
        """One step of the stage. Returns the named terms of the loss."""
        return STEPS[self.run.stage](self.run, state, batch)

    def evaluate(self, networks: Mapping[str, nn.Module]) -> dict[str, Any]:
        """Metrics on the validation set."""
        return self.validation(networks) if self.validation else {}

    def weights(self, role: str, state: State) -> tuple[str, dict[str, Any]]:
        """A network's file of weights and its description."""
        return f"{role}.safetensors", describe(self.run, role, self.spec, state.step)
