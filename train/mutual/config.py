"""Settings of a mutual training: one frozen record, and the stage of it that a folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from engines.errors import UsageError

Stage = Literal["rgb", "depth", "translator", "joint"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""Each network by itself, then all together, in this order."""

_CHOICES = {
    "optimiser": ("sgd-poly", "adamw-cosine"),
    "augment": ("none", "flips", "all"),
    "mutual_on": ("logits", "probabilities"),
}
_PATHS = ("folders", "data", "occluders", "pretrained", "start")
_FOR_JOINT = (
    "mutual_weight", "mutual_on", "mutual_generated", "end_to_end_weight", "rgb_weight", "depth_weight",
    "translation_weight", "joint_samples", "pretrained",
)  # fmt: skip
_FOR_TRANSLATOR = ("translator_width", "translator_samples", "translator_batch_size", "translator_rate", "l1_weight")
_FOR_PARSERS = ("network", "start", "width", "samples", "batch_size", "optimiser", "learning_rate", "ohem", "dice")
_WITHOUT_EFFECT: dict[Stage, tuple[str, ...]] = {
    "rgb": (*_FOR_JOINT, *_FOR_TRANSLATOR, "depth_share"),
    "depth": (*_FOR_JOINT, *_FOR_TRANSLATOR),
    "translator": (*_FOR_JOINT, *_FOR_PARSERS),
    "joint": ("start",),
}
"""Settings that do not change a stage: it stays the same run where they differ."""


@dataclass(frozen=True)
class MutualConfig:
    """Settings of one run."""

    folders: tuple[Path, ...]
    """Folders of faces with depth and part labels, which `unveil label --parts` or `--synthetic` wrote; none where
    `data` is trained on."""
    output: Path
    """Folder with a folder for each stage: state, log and weights."""
    occluders: Path | None = None
    """Folder with `hands`, `masks` and `objects` (RGBA cut-outs) to paste over the faces; None for no occluders."""
    data: str | None = None
    """KIND:FOLDER, a published set with part labels to train on instead, by its own split (`train.datasets`). All
    stages but `rgb` need depth: celebamask-hq-d, lapa-d or helen-d."""
    leave_out: tuple[str, ...] | None = None
    """Photographs whose names contain one of these words, in any case, are not trained on (hats labelled as hair)."""
    start: Path | None = None
    """Weights that a parser by itself starts from: a checkpoint of the same shape, or the folder of a run. None for
    fresh ones. Depth learns faster from a network that knows the parts in colour."""
    network: str = "parts"
    """Network of both parsers: `parts` (compact), `bisenet`, `eagrnet` or another parser in `train.models`."""
    width: int | None = None
    """Channels of the parsers' first layer; None for the network's own."""
    translator_width: int | None = None
    """Channels of the translator's first layer; None for its own."""
    size_px: int | None = None
    """Side of the crops; None for the network's own."""
    depth_share: float = 0.1
    """Share of the faces whose depth is known in training, 0..1 (section 4.1: a tenth)."""
    synthetic_share: float = 0.25
    """Share of the samples that are synthetic heads, where there are both; 0 leaves them out."""
    augment: str = "all"
    """`none`, `flips` (mirror every other crop) or `all` (mirror, turn, zoom, shift, relight, occluders, holes)."""
    samples: int = 170_000
    """Crops on which each parser is trained before the joint training."""
    translator_samples: int = 100_000
    """Crops on which the translator is trained before the joint training."""
    joint_samples: int = 85_000
    """Colour crops of the joint training."""
    batch_size: int = 32
    """Crops of a parser's step, of all processes together; 8 in section 4.2."""
    translator_batch_size: int = 8
    """Crops of a step of the translator's own training; 1 in section 4.2."""
    optimiser: str = "adamw-cosine"
    """Optimiser of the parsers: `sgd-poly` (section 4.2) or `adamw-cosine`, better for compact ones in a short time."""
    learning_rate: float | None = None
    """Peak in the parsers' own training; None for 2e-3 (AdamW), 1e-3 (EAGRNet with SGD) or 1e-2 (others with SGD). A
    tenth of it in the joint training."""
    translator_rate: float = 1e-3
    """Peak in the translator's own training; a tenth of it in the joint training."""
    warm_up: bool = True
    """Whether the rate rises over the first 200 steps, a tenth of them at most. The paper names no warm-up."""
    mutual_weight: float = 1.0
    """Lambda 1 of equation 4: the parsers' last activations agree. 0 leaves the term out."""
    mutual_on: str = "probabilities"
    """Which activations agree: `logits`, or their `probabilities`."""
    mutual_generated: bool = False
    """Whether they also agree on generated depth, in the mean of both. Equation 4 names measured depth alone."""
    end_to_end_weight: float = 1.0
    """Lambda 2: the depth parser on generated depth, which is then half of its batch. 0 leaves the term out."""
    rgb_weight: float = 0.5
    """Lambda 3: the RGB parser's own loss."""
    depth_weight: float = 0.5
    """Lambda 4: the depth parser's own loss."""
    translation_weight: float = 1.0
    """Lambda 5: the translator's own loss."""
    l1_weight: float = 100.0
    """Lambda of equation 1: weight of L1 in the translator's loss."""
    ohem: float | None = None
    """Only pixels whose own class has a lower probability count; 0 for all; None for 0.7 (BiSeNet) or 0 (others)."""
    dice: float = 0.0
    """Weight of a Dice loss added to a parser's own, for small parts; 0, as in the paper, leaves it out."""
    longest_gradient: float | None = 5.0
    """Gradients of the parsers are clipped to this length; None for no clipping, as in the paper."""
    average_decay: float = 0.999
    """Share of the running average of the weights that each step keeps. The average ships; 0 for the last weights."""
    seed: int = 0
    """Seed of samples, dropout and fresh weights."""
    workers: int = 1
    """Loader processes per training process."""
    bf16: bool = True
    """Mixed precision, where the machine computes in bfloat16."""
    pretrained: Path | None = None
    """Output folder of another run whose stages rgb, depth and translator the joint training starts from."""
    checkpoint_minutes: float = 3.0
    """Minutes between two checkpoints."""
    evaluate_every: int = 17_000
    """Crops between two evaluations on the validation set."""
    validation_faces: int = 300
    """Photographs and synthetic heads in the validation set, at most so many of each."""

    def __post_init__(self) -> None:
        from train.models import parsers  # torch, which reading the command line does without

        for name, choices in (_CHOICES | {"network": tuple(sorted(parsers()))}).items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} {getattr(self, name)!r}: expected one of {', '.join(choices)}")
        if bool(self.folders) == (self.data is not None):
            raise UsageError(
                "training data: expected folders that `unveil label --parts` wrote, or data KIND:FOLDER; not both"
            )
        if self.data and self.leave_out:
            raise UsageError("leave_out is for photographs of our own folders, not for data: --set leave_out=none")
        if not 0 < self.depth_share <= 1 or not 0 <= self.synthetic_share <= 1:
            raise UsageError(
                f"depth_share {self.depth_share} and synthetic_share {self.synthetic_share}: "
                "expected a share above 0, and one from 0 on, up to 1"
            )
        if self.ohem is not None and not 0 <= self.ohem < 1:
            raise UsageError(f"ohem {self.ohem}: expected a probability from 0 to below 1")
        weights = (
            self.mutual_weight, self.end_to_end_weight, self.rgb_weight, self.depth_weight, self.translation_weight,
            self.l1_weight, self.dice,
        )  # fmt: skip
        if min(weights) < 0 or min(self.rgb_weight, self.depth_weight) == 0:
            raise UsageError("weights of the loss: expected 0 or more, and rgb_weight and depth_weight above 0")
        if self.batch_size < 2 or self.batch_size % 2 or self.translator_batch_size < 1:
            raise UsageError(
                f"batch_size {self.batch_size} and translator_batch_size {self.translator_batch_size}: expected an "
                "even number, since half of a depth batch is generated, and one of 1 or more"
            )
        for stage in STAGES:
            if self.samples_of(stage) < self.batch_of(stage):
                raise UsageError(f"{self.samples_of(stage)} samples of {stage}: expected one batch or more")

    def samples_of(self, stage: Stage) -> int:
        """Crops of a stage in all."""
        return {"translator": self.translator_samples, "joint": self.joint_samples}.get(stage, self.samples)

    def batch_of(self, stage: Stage) -> int:
        """Crops of one step of a stage."""
        return self.translator_batch_size if stage == "translator" else self.batch_size

    def record(self, stage: Stage) -> dict[str, Any]:
        """JSON-ready settings that shape the result of a stage."""
        values = {key: value for key, value in asdict(self).items() if key not in ("output", *_WITHOUT_EFFECT[stage])}
        return {"stage": stage} | {key: _plain(value) for key, value in values.items()}

    def settings(self, stage: Stage) -> dict[str, Any]:
        """JSON-ready settings without the paths of the machine, for files that are passed on."""
        return {key: value for key, value in self.record(stage).items() if key not in _PATHS}


@dataclass(frozen=True)
class Run:
    """One stage of a configuration, with what the training loop needs to know about a run."""

    config: MutualConfig
    stage: Stage

    @property
    def output(self) -> Path:
        """Folder of the stage's state, log and weights."""
        return self.config.output / self.stage

    @property
    def batch_size(self) -> int:
        """Crops of a step, of all processes together; the joint training adds its pairs of colour and depth."""
        return self.config.batch_of(self.stage)

    @property
    def step_samples(self) -> int:
        """The same: one batch makes a step."""
        return self.batch_size

    @property
    def seed(self) -> int:
        """Seed of samples, dropout and fresh weights."""
        return self.config.seed

    @property
    def evaluate_every(self) -> int:
        """Crops between two evaluations on the validation set."""
        return self.config.evaluate_every

    @property
    def checkpoint_minutes(self) -> float:
        """Minutes between two checkpoints."""
        return self.config.checkpoint_minutes

    def record(self) -> dict[str, Any]:
        """JSON-ready settings that shape the result."""
        return self.config.record(self.stage)

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.config.samples_of(self.stage) // self.batch_size

    @property
    def pairs(self) -> int:
        """Measured pairs of colour and depth in a step of the joint training: half of the depth batch where the other
        half is generated, all of it where nothing is."""
        return self.batch_size // 2 if self.config.end_to_end_weight else self.batch_size


def chosen_stages(names: Sequence[str] | None) -> tuple[Stage, ...]:
    """Stages by their names, in the order in which they run; all where none is named. Raises UsageError."""
    unknown = set(names or ()).difference(STAGES)
    if unknown:
        raise UsageError(f"stage {', '.join(sorted(unknown))}: expected {', '.join(STAGES)}")
    return tuple(stage for stage in STAGES if not names or stage in names)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(part) for part in value]
    return str(value) if isinstance(value, Path) else value
