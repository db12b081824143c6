"""What training pictures are composed of: portraits, occluders, and pictures of things and scenes without a face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engines.errors import DataError
from realtime.frames.types import U8
from realtime.video.sources.image import read_rgb
from train.data.split import Split, share_of
from train.finder.pictures.portraits import Portrait, Portraits
from train.occluders.cutouts import Cutouts
from train.occluders.kinds import Occluders

_HELD_OUT_SHARE = 0.1
_LONGEST_SCENE_PX = 1024


@dataclass(frozen=True, eq=False)
class Sources:
    """The pictures of one side of the split."""

    portraits: Portraits
    occluders: Occluders
    hands: list[U8]
    """RGBA, colours multiplied by alpha."""
    objects: list[U8]
    """RGBA, colours multiplied by alpha: objects, and things that show no lifelike face, such as animals and icons."""
    scenes: list[U8]
    """(H, W, 3): pictures without a face; may be empty."""

    def any_portrait(self, rng: np.random.Generator) -> Portrait:
        """A random portrait."""
        return self.portraits[int(rng.integers(len(self.portraits)))]

    @classmethod
    def load(cls, portraits: Path, occluders: Path, without_faces: Path | None, split: Split) -> Sources:
        """Read the sources.

        Args:
            portraits: folder that `unveil portraits` wrote.
            occluders: folder with `hands`, `masks` and `objects`.
            without_faces: folder with `things` (RGBA) and `scenes` (RGB), either may be missing; None for none.

        Raises:
            DataError: there are no portraits or no occluders.
        """
        cutouts = Cutouts.load(occluders, split)
        things, scenes = list[U8](), list[U8]()
        for path in _files(without_faces, "things", split):
            things.append(_premultiplied(path))
        for path in _files(without_faces, "scenes", split):
            rgb = read_rgb(path)
            scale = min(1.0, _LONGEST_SCENE_PX / max(rgb.shape[:2]))
            scenes.append(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype("uint8"))
        return cls(
            Portraits(portraits, split),
            Occluders(occluders, split),
            [rgba for _, rgba in cutouts.hands],
            [rgba for _, rgba in cutouts.objects] + things,
            scenes,
        )


def _files(folder: Path | None, name: str, split: Split) -> list[Path]:
    if folder is None:
        return []
    files = sorted(path for path in (folder / name).glob("*") if path.is_file())
    return [path for path in files if (share_of(path.stem) < _HELD_OUT_SHARE) == (split == "held out")]


def _premultiplied(path: Path) -> U8:
    """(H, W, 4) uint8 RGBA with colours multiplied by alpha. Raises DataError where a file has no alpha channel."""
    bgra = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if bgra is None or bgra.ndim != 3 or bgra.shape[2] != 4:
        raise DataError(f"{path} is no picture with transparency; expected RGBA cut-outs in {path.parent}")
    alpha = cv2.extractChannel(bgra, 3)
    rgb = cv2.multiply(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), cv2.merge([alpha] * 3), scale=1 / 255)
    return cv2.merge([*cv2.split(rgb), alpha]).astype("uint8")
