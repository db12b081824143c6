"""What a mutual training is: one frozen record, and the stage of it that a folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from engines.errors import UsageError

Stage = Literal["rgb", "depth", "translator", "joint"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""Each network on its own, then all together, in this order."""
PARSERS = {"parts": ("parts", "parts-depth"), "bisenet": ("bisenet", "bisenet"), "eagrnet": ("eagrnet", "eagrnet")}
"""The names in `train.models` of a network for colour and for depth."""
TRANSLATOR = "rgb-to-depth"

_CHOICES = {
    "network": tuple(PARSERS),
    "optimiser": ("sgd-poly", "adamw-cosine"),
    "augment": ("none", "flips", "all"),
    "mutual_of": ("logits", "probabilities"),
}
_RATES = {"bisenet": 1e-2, "eagrnet": 1e-3, "parts": 1e-2}  # of SGD, section 4.2
_ADAMW_RATE = 2e-3
_JOINT_RATE = 0.1  # section 4.2
_PATHS = ("folders", "occluders", "pretrained", "start")
_OF_JOINT = ("mutual", "mutual_of", "end_to_end", "of_rgb", "of_depth", "translation", "joint_samples", "pretrained")
_OF_TRANSLATOR = ("translator_width", "translator_samples", "translator_batch", "translator_rate", "l1")
_OF_PARSERS = ("network", "start", "width", "samples", "batch", "optimiser", "learning_rate", "ohem", "dice")
_NOT_OF: dict[Stage, tuple[str, ...]] = {
    "rgb": (*_OF_JOINT, *_OF_TRANSLATOR, "depth_share"),
    "depth": (*_OF_JOINT, *_OF_TRANSLATOR),
    "translator": (*_OF_JOINT, *_OF_PARSERS),
    "joint": ("start",),
}
"""Settings that do not shape a stage: it stays the same run where they change."""


@dataclass(frozen=True)
class MutualConfig:
    """One run of `unveil train-parts`."""

    folders: tuple[Path, ...]
    """Folders of faces with depth and part labels, which `unveil label --parts` or `--synthetic` wrote."""
    output: Path
    """Folder with a folder for each stage: state, log and weights."""
    occluders: Path | None = None
    """Folder with `hands`, `masks` and `objects` (RGBA cut-outs) to paste over the faces; None for no occluders."""
    leave_out: tuple[str, ...] | None = None
    """Words: photographs whose names hold one, in any case, are not learned from (hats that were labelled as hair)."""
    start: Path | None = None
    """Weights of a parser of the same shape that the parsers' own training starts from; None for fresh ones. Depth
    learns faster from a network that knows the parts in colour."""
    network: str = "parts"
    """Both parsers: `parts` (compact), `bisenet` or `eagrnet`."""
    width: int | None = None
    """Channels of the parsers' first layer; None for the network's own."""
    translator_width: int | None = None
    """The same of the translator."""
    size_px: int | None = None
    """Side of the crops; None for the network's own."""
    depth_share: float = 0.1
    """Share of the faces whose depth is known in training, 0..1 (section 4.1: a tenth)."""
    synthetic_share: float = 0.25
    """Share of the samples that are synthetic heads, where there are both; 0 leaves them out."""
    augment: str = "all"
    """`none`, `flips` (mirror every other crop) or `all` (mirror, turn, zoom, shift, light, occluders, holes)."""
    samples: int = 170_000
    """Crops on which each parser is trained before the joint training."""
    translator_samples: int = 100_000
    """Crops on which the translator is trained before the joint training."""
    joint_samples: int = 85_000
    """Colour crops of the joint training."""
    batch: int = 32
    """Crops of a parser's step, of all processes together; 8 in section 4.2."""
    translator_batch: int = 8
    """The same of the translator's own training; 1 in section 4.2."""
    optimiser: str = "adamw-cosine"
    """Of the parsers: `sgd-poly` (section 4.2) or `adamw-cosine`, better for the compact ones in a short time."""
    learning_rate: float | None = None
    """Of the parsers' own training; None for 1e-3 (EAGRNet with SGD), 1e-2 (others with SGD) or 2e-3 (AdamW)."""
    translator_rate: float = 1e-3
    """Of the translator's own training."""
    mutual: float = 1.0
    """Lambda 1 of equation 4: the parsers' last activations agree. 0 leaves the term out."""
    mutual_of: str = "probabilities"
    """Which activations those are: `logits`, or the `probabilities` that they mean."""
    end_to_end: float = 1.0
    """Lambda 2: the depth parser on generated depth, which is then half of its batch. 0 leaves the term out."""
    of_rgb: float = 0.5
    """Lambda 3: the RGB parser's own loss."""
    of_depth: float = 0.5
    """Lambda 4: the depth parser's own loss."""
    translation: float = 1.0
    """Lambda 5: the translator's own loss."""
    l1: float = 100.0
    """Lambda of equation 1: weight of L1 in the translator's loss."""
    ohem: float | None = None
    """Pixels count whose own class has a probability below it; 0 for all; None for 0.7 (BiSeNet) or 0 (others)."""
    dice: float = 0.0
    """Weight of a parser's Dice loss beside its own, for the small parts; 0, as in the paper, leaves it out."""
    average_decay: float = 0.999
    """Of the running average of the weights, which is what ships; 0 for the last weights."""
    seed: int = 0
    workers: int = 1
    """Loader processes of each training process."""
    bf16: bool = True
    """Mixed precision, where the machine computes in bfloat16."""
    pretrained: Path | None = None
    """Output folder of another run whose stages rgb, depth and translator the joint training starts from."""
    checkpoint_minutes: float = 3.0
    evaluate_every: int = 17_000
    """Samples between two looks at the held-aside faces."""
    looked_at: int = 300
    """So many photographs and so many synthetic heads of these, at most."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} {getattr(self, name)!r}: expected one of {', '.join(choices)}")
        if not self.folders:
            raise UsageError("no training data: expected at least one folder that `unveil label --parts` wrote")
        if not 0 < self.depth_share <= 1 or not 0 <= self.synthetic_share <= 1:
            raise UsageError(
                f"depth_share {self.depth_share} and synthetic_share {self.synthetic_share}: "
                "expected a share above 0, and one from 0 on, up to 1"
            )
        if self.ohem is not None and not 0 <= self.ohem < 1:
            raise UsageError(f"ohem {self.ohem}: expected a probability from 0 to below 1")
        weights = (self.mutual, self.end_to_end, self.of_rgb, self.of_depth, self.translation, self.l1, self.dice)
        if min(weights) < 0 or min(self.of_rgb, self.of_depth) == 0:
            raise UsageError("weights of the loss: expected 0 or more, and of_rgb and of_depth above 0")
        if self.batch < 2 or self.batch % 2 or self.translator_batch < 1:
            raise UsageError(
                f"batch {self.batch} and translator_batch {self.translator_batch}: expected an even number, since half "
                "of a depth batch is generated, and one of 1 or more"
            )
        for stage in STAGES:
            if self.samples_of(stage) < self.batch_of(stage):
                raise UsageError(f"{self.samples_of(stage)} samples of {stage}: expected a batch of it or more")

    def samples_of(self, stage: Stage) -> int:
        """Crops of a stage in all."""
        return {"translator": self.translator_samples, "joint": self.joint_samples}.get(stage, self.samples)

    def batch_of(self, stage: Stage) -> int:
        """Crops of one step of a stage."""
        return self.translator_batch if stage == "translator" else self.batch

    def rate_of(self, role: str, stage: Stage) -> float:
        """The starting learning rate of a network in a stage: a tenth in the joint training."""
        own = _ADAMW_RATE if self.optimiser == "adamw-cosine" else _RATES[self.network]
        rate = self.learning_rate or own if role in ("rgb", "depth") else self.translator_rate
        return rate * (_JOINT_RATE if stage == "joint" else 1)

    def to_json(self, stage: Stage) -> dict[str, Any]:
        """JSON-ready: what shapes the result of a stage."""
        values = {key: value for key, value in asdict(self).items() if key not in ("output", *_NOT_OF[stage])}
        return {"stage": stage} | {key: _plain(value) for key, value in values.items()}

    def settings(self, stage: Stage) -> dict[str, Any]:
        """JSON-ready, without the paths of the machine: what goes into files that are passed on."""
        return {key: value for key, value in self.to_json(stage).items() if key not in _PATHS}


@dataclass(frozen=True)
class Run:
    """One stage of a configuration, as the loop and the log see it."""

    config: MutualConfig
    stage: Stage

    @property
    def output(self) -> Path:
        """Folder of the stage's state, log and weights."""
        return self.config.output / self.stage

    @property
    def batch(self) -> int:
        """Crops of a step, of all processes together; the joint training adds its pairs of colour and depth."""
        return self.config.batch_of(self.stage)

    @property
    def step_samples(self) -> int:
        """The same: one batch makes a step."""
        return self.batch

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.config.samples_of(self.stage) // self.batch

    @property
    def pairs(self) -> int:
        """Measured pairs of colour and depth in a step of the joint training: half of the depth batch where the other
        half is generated, all of it where nothing is."""
        return self.batch // 2 if self.config.end_to_end else self.batch


def chosen_stages(names: Sequence[str] | None) -> tuple[Stage, ...]:
    """Stages by a command line's words, in the order in which they run; all for none. Raises UsageError."""
    unknown = set(names or ()).difference(STAGES)
    if unknown:
        raise UsageError(f"stage {', '.join(sorted(unknown))}: expected {', '.join(STAGES)}")
    return tuple(stage for stage in STAGES if not names or stage in names)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(part) for part in value]
    return str(value) if isinstance(value, Path) else value
