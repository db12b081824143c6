"""The data of the claims: faces with part labels and depth in memory, and those kept aside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engines.errors import DataError
from engines.spec import ModelSpec
from train.mutual.config import MutualConfig
from train.mutual.faces import PartsFace, load_faces, with_depth
from train.mutual.samples import PartsSupply
from train.mutual.validation import Validation


@dataclass(frozen=True)
class Data:
    """Everything that runs share, loaded when it is first needed.

    Raises:
        DataError: the folder holds no faces with parts and depth, or photographs and synthetic heads at once: what is
            measured would then be of other faces than most of what is learned from.
    """

    folder: Path
    spec: ModelSpec

    def supply(self, config: MutualConfig) -> PartsSupply:
        """The samples of a run."""
        return PartsSupply(self._learned, None, self.spec, config)

    @cached_property
    def look(self) -> Validation:
        """Measures networks on the faces that no run learns from."""
        return Validation(self._held, self.spec, len(self._held))

    def identity(self, percents: tuple[int, ...]) -> dict[str, Any]:
        """What tells these data from others, without any path. JSON-ready.

        Args:
            percents: shares of annotated depth; how many faces each is, is told.
        """
        content = hashlib.sha256()
        for face in (*self._learned, *self._held):
            for picture in (face.rgb, face.parts, face.depth):
                content.update(picture.tobytes())
        return {
            "kind": "synthetic heads" if self._held[0].synthetic else "photographs",
            "training_faces": len(self._learned),
            "held_out_faces": len(self._held),
            "faces_with_depth": {f"{p} %": len(with_depth(self._learned, p / 100)) for p in percents},
            "sha256": content.hexdigest(),
        }

    @cached_property
    def _learned(self) -> list[PartsFace]:
        return load_faces([self.folder], "train", self.spec)

    @cached_property
    def _held(self) -> list[PartsFace]:
        held = load_faces([self.folder], "held", self.spec)
        if len({face.synthetic for face in (*self._learned, *held)}) > 1:
            raise DataError(f"{self.folder} holds photographs and synthetic heads; expected one kind: label apart")
        return held
