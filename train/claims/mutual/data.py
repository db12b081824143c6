"""The data of the runs: faces with part labels and depth, for training and held out."""

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
    """The data that all runs share, loaded on first use.

    Raises:
        DataError: the folder holds no faces with parts and depth, or both photographs and synthetic heads:
            the scores would then be of other faces than most of the training faces.
    """

    folder: Path
    spec: ModelSpec

    def supply(self, config: MutualConfig) -> PartsSupply:
        """The samples of a run."""
        return PartsSupply(self._training_faces, None, self.spec, config)

    @cached_property
    def validation(self) -> Validation:
        """The evaluation on the held-out faces."""
        return Validation(self._held_out_faces, self.spec, len(self._held_out_faces))

    def identity(self, percents: tuple[int, ...]) -> dict[str, Any]:
        """Identifies the data, without any path. JSON-ready.

        Args:
            percents: shares of annotated depth, whose numbers of faces are included.
        """
        content = hashlib.sha256()
        for face in (*self._training_faces, *self._held_out_faces):
            for picture in (face.rgb, face.parts, face.depth):
                content.update(picture.tobytes())
        return {
            "kind": "synthetic heads" if self._held_out_faces[0].synthetic else "photographs",
            "training_faces": len(self._training_faces),
            "held_out_faces": len(self._held_out_faces),
            "faces_with_depth": {f"{p} %": len(with_depth(self._training_faces, p / 100)) for p in percents},
            "sha256": content.hexdigest(),
        }

    @cached_property
    def _training_faces(self) -> list[PartsFace]:
        return load_faces([self.folder], "train", self.spec)

    @cached_property
    def _held_out_faces(self) -> list[PartsFace]:
        held = load_faces([self.folder], "held out", self.spec)
        if len({face.synthetic for face in (*self._training_faces, *held)}) > 1:
            raise DataError(f"{self.folder} holds photographs and synthetic heads; expected one kind: label apart")
        return held
