"""Recipes: the settings with which a network is trained, one TOML file per network that ships.

A recipe names its training (`consensus`, `parts`, `finder` or `presence`) and sets fields of its configuration. It is
one run, or has several stages that run one after the other, each a table with settings of its own:

    training = "consensus"
    model = "consensus"

    [stages.half-size]
    size_px = 64

    [stages.full-size]
    start = "half-size"     # the weights of that stage
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from engines.errors import UsageError
from train.finder.config import FinderConfig
from train.learn.config import TrainConfig
from train.mutual.config import STAGES, MutualConfig
from train.presence.config import PresenceConfig

TrainingName = Literal["consensus", "parts", "finder", "presence"]
Config = TrainConfig | MutualConfig | FinderConfig | PresenceConfig
ONLY_STAGE = ""
"""The stage's name in a recipe that is one run."""
_FOLDER = Path(__file__).parent
_CONFIGS: dict[TrainingName, type[Config]] = {
    "consensus": TrainConfig,
    "parts": MutualConfig,
    "finder": FinderConfig,
    "presence": PresenceConfig,
}
_ON_THE_COMMAND_LINE = ("labels", "folders", "occluders", "output", "portraits", "without_faces")
"""Settings that name the user's own folders: never in a recipe."""


@dataclass(frozen=True)
class Recipe:
    """A recipe that was read and checked."""

    name: str
    training: TrainingName
    stages: Mapping[str, Mapping[str, Any]]
    """The settings of each stage, in the order in which they run."""
    chosen: tuple[str, ...]
    """The stages that run."""

    def with_settings(self, assignments: Sequence[str]) -> Recipe:
        """The recipe with other settings.

        Args:
            assignments: `NAME=VALUE` for every stage, or `STAGE.NAME=VALUE` for one.

        Raises:
            UsageError: no such stage or setting, or a value of a wrong type.
        """
        stages = {stage: dict(settings) for stage, settings in self.stages.items()}
        for assignment in assignments:
            key, equals, text = assignment.partition("=")
            stage, dot, name = key.strip().rpartition(".")
            if not equals or not name:
                raise UsageError(f"--set {assignment!r}: expected NAME=VALUE, such as batch_size=8")
            if dot and stage not in stages:
                raise UsageError(_unknown(f"stage {stage!r} of recipe {self.name}", stage, stages))
            value = checked(_CONFIGS[self.training], {name: _value(text.strip())}, "--set")
            for each in [stage] if dot else stages:
                stages[each] |= value
        return replace(self, stages=stages)

    def with_samples(self, count: int) -> Recipe:
        """The recipe with another number of crops in every stage."""
        names = {"translator": "translator_samples", "joint": "joint_samples"} if self.training == "parts" else {}
        stages = {name: {**own, names.get(name, "samples"): count} for name, own in self.stages.items()}
        return replace(self, stages=stages)

    def only(self, names: Sequence[str]) -> Recipe:
        """The recipe with some of its stages chosen; with all where none is named. Raises UsageError."""
        for name in names:
            if name not in self.stages:
                raise UsageError(_unknown(f"stage {name!r} of recipe {self.name}", name, self.stages))
        return replace(self, chosen=tuple(stage for stage in self.stages if not names or stage in names))


def names() -> tuple[str, ...]:
    """The recipes that ship, in alphabetical order."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


def read(recipe: str) -> Recipe:
    """A recipe that ships, by its name, or another by the path of its TOML file. Raises UsageError."""
    path = Path(recipe) if recipe.endswith(".toml") else _FOLDER / f"{recipe}.toml"
    if not path.is_file():
        raise UsageError(_unknown(f"recipe {recipe!r}", recipe, names(), "or the path of a .toml file"))
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UsageError(f"{path} is no TOML file ({e}); see train/recipes for examples") from e
    training = values.pop("training", None)
    if training not in _CONFIGS:
        raise UsageError(f"{path}: training is {training!r}; expected one of {', '.join(_CONFIGS)}")
    stages = values.pop("stages", {ONLY_STAGE: {}})
    if training == "parts" and (not stages or not set(stages) <= set(STAGES)):
        raise UsageError(f"{path}: stages are {', '.join(stages) or 'none'}; expected some of {', '.join(STAGES)}")
    config = _CONFIGS[training]
    common = checked(config, values, str(path))
    return Recipe(
        path.stem,
        training,
        {stage: common | checked(config, own, f"{path}, stage {stage}") for stage, own in stages.items()},
        tuple(stages),
    )


def checked(config: type, values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Values as a configuration's fields take them.

    Args:
        config: a dataclass.
        source: where the values come from, for messages.

    Raises:
        UsageError: a key is unknown (near names are suggested), or a value has a wrong type.
    """
    hints = get_type_hints(config)
    known = [field.name for field in fields(config) if field.name not in _ON_THE_COMMAND_LINE]
    result = {}
    for name, value in values.items():
        if name in _ON_THE_COMMAND_LINE:
            raise UsageError(f"{source}: {name} is an option of the command, not a setting of a recipe")
        if name not in known:
            raise UsageError(f"{source}: {_unknown(f'setting {name!r}', name, known)}")
        result[name] = _converted(name, value, hints[name], source)
    return result


def _value(text: str) -> Any:
    """A TOML value; a word without quotes is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _converted(name: str, value: Any, hint: Any, source: str) -> Any:
    kinds = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    for kind in kinds:
        if kind is type(None) and value == "none":
            return None
        if get_origin(kind) is tuple and isinstance(value, str | list):
            return (value,) if isinstance(value, str) else tuple(str(part) for part in value)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if kind is Path and isinstance(value, str):
            return Path(value).expanduser()
        if type(value) is kind:
            return value
    expected = " or ".join(_WORDS.get(kind, "a list of words") for kind in kinds)
    raise UsageError(f"{source}: {name} is {value!r}; expected {expected}")


_WORDS: dict[Any, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "a word", Path: "a path",
    type(None): "none",
}  # fmt: skip


def _unknown(what: str, name: str, known: Iterable[str], more: str = "") -> str:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3)
    meant = f"did you mean {' or '.join(near)}?" if near else f"expected one of {', '.join(known)} {more}".rstrip()
    return f"there is no {what}; {meant}"
