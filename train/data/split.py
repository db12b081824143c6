"""Which files are held out from training.

The name alone decides, so that the split depends neither on order nor on what else is present. What is known about a
set of pictures is data, not code: `faces.toml` next to `faces.jsonl` and `occluders.toml` in the folder of occluders.
The files of these names next to this module hold what the shipped models were trained and evaluated with; they apply
where a folder has none of its own.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from engines.errors import DataError

Split = Literal["train", "held out"]

_SHIPPED = Path(__file__).parent
_FACES, _OCCLUDERS = "faces.toml", "occluders.toml"
_HELD_OUT_SHARE = 0.1


@dataclass(frozen=True)
class FaceRules:
    """What is known about photographs of faces by their names."""

    held_out_share: float
    held_out: Mapping[str, re.Pattern[str]]
    """By folder: the lower-case names that are held out."""
    groups: Mapping[str, Mapping[str, re.Pattern[str]]]
    """By folder, then by the group's name: how the names of its files begin."""

    def split_of(self, name: str) -> Split:
        """The side of a photograph, by its path below the data folder (`portraits/anna`)."""
        path = Path(name)
        pattern = self.held_out.get(path.parent.name)
        if pattern is not None:
            return "held out" if pattern.fullmatch(path.name.lower()) else "train"
        return "held out" if share_of(name) < self.held_out_share else "train"


@dataclass(frozen=True)
class OccluderRules:
    """What is known about occluders by their names."""

    held_out_share: float
    held_out: tuple[str, ...]
    objects: tuple[re.Pattern[str], ...]

    def split_of(self, stem: str) -> Split:
        """The side of an occluder, by its file's stem. All files of one object fall on the same side."""
        name = stem
        for pattern in self.objects:
            found = pattern.fullmatch(name)
            name = found[1] if found else name
        return "held out" if name in self.held_out or share_of(name) < self.held_out_share else "train"


def face_split(name: str, folder: Path | None = None) -> Split:
    """The side of a photograph. `folder`: of its labels, whose own `faces.toml` decides if there is one."""
    return face_rules(folder).split_of(name)


def occluder_split(stem: str, folder: Path | None = None) -> Split:
    """The side of an occluder. `folder`: of the occluders, whose own `occluders.toml` decides if there is one."""
    return occluder_rules(folder).split_of(stem)


def face_rules(folder: Path | None = None) -> FaceRules:
    """The rules of a folder of labels, or the shipped ones. Raises DataError if the file is damaged."""
    path = _own_or_shipped(folder, _FACES)
    return _face_rules(path, path.stat().st_mtime_ns)


def occluder_rules(folder: Path | None = None) -> OccluderRules:
    """The rules of a folder of occluders, or the shipped ones. Raises DataError if the file is damaged."""
    path = _own_or_shipped(folder, _OCCLUDERS)
    return _occluder_rules(path, path.stat().st_mtime_ns)


def share_of(key: str) -> float:
    """A fixed number in 0..1 for each key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def _own_or_shipped(folder: Path | None, name: str) -> Path:
    own = None if folder is None else folder / name
    return own if own is not None and own.is_file() else _SHIPPED / name


@lru_cache(maxsize=16)
def _face_rules(path: Path, changed_ns: int) -> FaceRules:
    values = _read(path, {"held_out_share": (int, float), "held_out": dict, "groups": dict})
    groups = values.get("groups", {})
    if wrong := [folder for folder, patterns in groups.items() if not isinstance(patterns, dict)]:
        raise DataError(f"{path}: groups.{wrong[0]} is {groups[wrong[0]]!r}; expected a table of names and patterns")
    return FaceRules(
        values.get("held_out_share", _HELD_OUT_SHARE),
        {folder: _pattern(text, path) for folder, text in values.get("held_out", {}).items()},
        {
            folder: {name: _pattern(text, path) for name, text in patterns.items()}
            for folder, patterns in groups.items()
        },
    )


@lru_cache(maxsize=16)
def _occluder_rules(path: Path, changed_ns: int) -> OccluderRules:
    values = _read(path, {"held_out_share": (int, float), "held_out": list, "objects": list})
    objects = tuple(_pattern(text, path) for text in values.get("objects", []))
    if wrong := [pattern.pattern for pattern in objects if not pattern.groups]:
        raise DataError(f"{path}: the pattern {wrong[0]!r} has no (group); expected one around the object's name")
    return OccluderRules(
        values.get("held_out_share", _HELD_OUT_SHARE), tuple(map(str, values.get("held_out", []))), objects
    )


def _read(path: Path, known: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise DataError(f"{path} is no TOML file ({e})") from e
    for key, value in values.items():
        if key not in known:
            raise DataError(f"{path} has the key {key!r}; expected {', '.join(known)}")
        if not isinstance(value, known[key]):
            raise DataError(f"{path}: {key} is {value!r}; expected it as in {_SHIPPED / path.name}")
    return values


def _pattern(text: Any, path: Path) -> re.Pattern[str]:
    if not isinstance(text, str):
        raise DataError(f"{path}: got {text!r}, expected a pattern in quotes")
    try:
        return re.compile(text)
    except re.error as e:
        raise DataError(f"{path}: {text!r} is no regular expression ({e})") from e
