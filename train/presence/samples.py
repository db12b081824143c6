"""What training is made of: pictures, what they show, and crops of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from realtime.frames.types import U8
from train.finder.pictures.upright_box import UprightBox


@dataclass(frozen=True)
class Shown:
    """A face of a picture, or a thing that a detector may take for one."""

    kind: str
    box: UprightBox
    visible_xy: tuple[float, float]
    """The middle of the part of its box that lies in the picture."""
    visible_share: float
    """How much of the full face is seen, 0..1."""
    counts: bool = True
    """False where too little is seen to call it a face or not."""
    is_face: bool = True

    def moved(self, dx: float, dy: float) -> Shown:
        """The same elsewhere."""
        box = replace(self.box, centre_x=self.box.centre_x + dx, centre_y=self.box.centre_y + dy)
        return replace(self, box=box, visible_xy=(self.visible_xy[0] + dx, self.visible_xy[1] + dy))


@dataclass(frozen=True, eq=False)
class PresencePicture:
    """A picture, and what it shows."""

    rgb: U8
    """(H, W, 3): the frame alone. What lies beyond its edges is for the crop to fill, as at run time."""
    shown: tuple[Shown, ...]


@dataclass(frozen=True, eq=False)
class PresenceSample:
    """One crop, and what the network should say about it."""

    rgb: U8
    """(S, S, 3)"""
    kind: str
    is_face: bool
    angle_deg: float = 0.0
    """The face's upright direction, clockwise from the crop's."""


class Shards(Protocol):
    """Crops in shards."""

    def __getitem__(self, number: int) -> list[PresenceSample]:
        """One shard of crops, about as many faces as others."""
