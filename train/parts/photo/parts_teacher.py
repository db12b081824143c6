"""A second round for part labels: a network that learned from the first ones corrects them.

"Learning from its mistakes" (Structure via Consensus, section 3.1), carried over to parts. Landmarks place eyes, brows
and lips better than a network's pixels do, so a label stays unless the network all but rules it out. Ears are the other
way round: in the first round colour decides how far they reach, and leaves them ragged; what a network has learned from
thousands of ragged ones is an ear.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.errors import UsageError
from engines.spec import PART_LABELS
from realtime.frames.types import U8
from train.data.repeated import mirrored_ids
from train.heads.contour import face_height
from train.heads.landmarks import Points
from train.labels.morphology import without_specks
from train.labels.teachers.augmented_inference import F32, seen_in_framings
from train.labels.teachers.engine import open_network

_SURE, _RULED_OUT = 0.8, 0.1  # probabilities of what the network sees, and of what the label says
_EARS = tuple(PART_LABELS.index(f"{side} ear") for side in ("left", "right"))
_BACKGROUND = PART_LABELS.index("background")
_SPECK = 0.0004  # of the face height squared: smaller corrections are noise
_MIRRORED = mirrored_ids(PART_LABELS)[: len(PART_LABELS)].astype(int)


class PartsTeacher:
    """Networks of ours that parse a face into its parts; their probabilities are averaged.

    Args:
        models: models that ship, engines' folders or `.safetensors` checkpoints, separated by commas.
        threads: CPU threads that one call may use.

    Raises:
        UnknownModel, EngineError: as `load_engine`.
        DataError: a checkpoint is missing or damaged.
        UsageError: a network's labels are not the 13 parts.
    """

    def __init__(self, models: str, threads: int = 1) -> None:
        self._networks = [open_network(name, threads) for name in models.split(",")]
        for network in self._networks:
            if network.spec.labels != PART_LABELS:
                got = ", ".join(network.spec.labels)
                raise UsageError(
                    f"{network.name} has the labels {got}; expected a network of parts, such as the model parts"
                )

    def corrected(self, parts: U8, rgb: U8, landmarks: Points, covered: U8) -> U8:
        """Part labels of a face, corrected by what the networks see.

        Args:
            parts: (H, W) ids of PART_LABELS.
            rgb: (H, W, 3) uint8.
            landmarks: (468 or more, 2 or 3), FaceMesh vertices in pixels.
            covered: (H, W), 1 where something is before the face: stays background.

        Returns:
            (H, W) uint8 ids.
        """
        looks = [seen_in_framings(network.parse, network.spec, rgb, landmarks, _as_seen) for network in self._networks]
        return correct(parts, np.mean(looks, axis=0, dtype=np.float32), covered, face_height(landmarks))

    def provenance(self) -> dict[str, Any]:
        """JSON-ready: which networks corrected."""
        return {
            "parts_teacher": ",".join(network.name for network in self._networks),
            "parts_teacher_sha256": [network.checkpoint_sha256 for network in self._networks],
        }


def correct(parts: U8, probabilities: F32, covered: U8, height: float) -> U8:
    """Where the networks are sure and all but rule the label out, and at ears, what they see.

    Args:
        parts: (H, W) ids of PART_LABELS.
        probabilities: (H, W, 13), 0..1; all 0 where nothing looked.
        covered: (H, W), 1 where something is before the face.
        height: of the face, in pixels.
    """
    best = probabilities.argmax(axis=2).astype(np.uint8)
    own = np.take_along_axis(probabilities, parts[:, :, None].astype(np.intp), axis=2)[:, :, 0]
    wrong = (probabilities.max(axis=2) > _SURE) & (own < _RULED_OUT)
    looked = probabilities.sum(axis=2) > 0.5  # they add up to 1 where a network looked
    ears = (np.isin(parts, _EARS) | np.isin(best, _EARS)) & looked
    change = (best != parts) & (wrong | ears) & ~((covered > 0) & (parts == _BACKGROUND))
    change &= without_specks(change.astype(np.uint8), _SPECK * height**2) > 0
    return np.where(change, best, parts).astype(np.uint8)


def _as_seen(probabilities: U8, mirrored: bool) -> F32:
    """(S, S, 13) uint8 -> float32, 0..1. In a mirrored face left and right change places."""
    seen = probabilities[:, :, _MIRRORED] if mirrored else probabilities
    return seen.astype(np.float32) / np.float32(255)
