"""One training sample."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.frames.types import U8


@dataclass(frozen=True, eq=False)
class Sample:
    """One composed crop with its ground truth."""

    rgb: U8
    """(S, S, 3)"""
    labels: U8
    """(S, S): class ids."""
    blobs: U8
    """(S, S): 0 background, 1 face, 2.. one id for each connected occlusion."""
    kinds: tuple[str, ...] = ()
    """The kinds of the pasted occluders."""
