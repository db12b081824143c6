"""Which files are held aside. Decided by name alone, so that the split never depends on order or on what is present."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

Split = Literal["train", "held"]

_HELD_SHARE = 0.1
_HELD_MASK = "cloth"
_HELD_INITIALS = ("k", "w")  # of the surname: two sets of US portraits share people


def face_split(name: str) -> Split:
    """The side of a photograph, by its path below the data folder (`us_portraits/us-house_ron-kind`).

    The official portraits are split by the surname's initial, which both sets tell: the colour set in the file's
    name, the grey one as the first letter of the directory's id (`K000188`). All others by a hash of the name.
    """
    folder, stem = Path(name).parent.name, Path(name).name.lower()
    if folder == "us_portraits":
        return "held" if stem.rsplit("-", 1)[-1].startswith(_HELD_INITIALS) else "train"
    if folder == "us_portraits_grey":
        return "held" if stem.startswith(_HELD_INITIALS) else "train"
    return "held" if share_of(name) < _HELD_SHARE else "train"


def occluder_split(stem: str) -> Split:
    """The side of an occluder, by its file's stem.

    All views and skin tones of one object fall on the same side, and so do neighbouring photographs of hands
    (`5_IMG_4773`: one person posed for ten in a row). Of the few kinds of medical mask, one is named.
    """
    family = stem.split("_left")[0].split("_right")[0].split("-1f3f")[0]
    if family == _HELD_MASK:
        return "held"
    _, image, number = family.partition("_IMG_")
    if image and number.isdigit():
        family = f"IMG_{int(number) // 10}"
    return "held" if share_of(family) < _HELD_SHARE else "train"


def share_of(key: str) -> float:
    """A fixed number in 0..1 for each key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
