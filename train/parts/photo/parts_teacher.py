"""A second round of part labels: a network that was trained on the first round corrects them.

"Learning from its mistakes" (Structure via Consensus, section 3.1), applied to parts. Landmarks place eyes, brows and
lips more accurately than a network does, so a label is kept unless the network gives it a very low probability. Ears
are the reverse: in the first round their extent depends on colour, which leaves ragged outlines, and a network averages
over thousands of them.
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
from train.labels.teachers.augmented_inference import F32, averaged_prediction
from train.labels.teachers.engine import open_network

_MIN_PROBABILITY = 0.8  # of the class that replaces a label
_MAX_LABEL_PROBABILITY = 0.1  # of the label that is replaced
_EARS = tuple(PART_LABELS.index(f"{side} ear") for side in ("left", "right"))
_BACKGROUND = PART_LABELS.index("background")
_SPECK_AREA = 0.0004  # of the face height squared: smaller corrections are noise
_MIRRORED = mirrored_ids(PART_LABELS)[: len(PART_LABELS)].astype(int)


class PartsTeacher:
    """Part networks of this project that correct part labels; their probabilities are averaged.

    Args:
        models: names of models that ship, folders of engines or `.safetensors` checkpoints, separated by commas.
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

    def corrected(self, parts: U8, rgb: U8, landmarks: Points, occluded: U8) -> U8:
        """Correct the part labels of a face by the prediction of the networks.

        Args:
            parts: (H, W) ids of PART_LABELS.
            rgb: (H, W, 3) uint8.
            landmarks: (468 or more, 2 or 3), FaceMesh vertices in pixels.
            occluded: (H, W), 1 where something occludes the face; background stays background there.

        Returns:
            (H, W) uint8 ids.
        """
        looks = [
            averaged_prediction(network.parse, network.spec, rgb, landmarks, _unmirrored) for network in self._networks
        ]
        return correct(parts, np.mean(looks, axis=0, dtype=np.float32), occluded, face_height(landmarks))

    def provenance(self) -> dict[str, Any]:
        """JSON-ready: the networks and the hashes of their checkpoints."""
        return {
            "parts_teacher": ",".join(network.name for network in self._networks),
            "parts_teacher_sha256": [network.checkpoint_sha256 for network in self._networks],
        }


def correct(parts: U8, probabilities: F32, occluded: U8, height: float) -> U8:
    """Replace labels that the networks contradict with high confidence; ears always become what they predict.

    Args:
        parts: (H, W) ids of PART_LABELS.
        probabilities: (H, W, 13), 0..1; all 0 outside the crops.
        occluded: (H, W), 1 where something occludes the face; background stays background there.
        height: the face height, in pixels.
    """
    predicted = probabilities.argmax(axis=2).astype(np.uint8)
    of_label = np.take_along_axis(probabilities, parts[:, :, None].astype(np.intp), axis=2)[:, :, 0]
    contradicted = (probabilities.max(axis=2) > _MIN_PROBABILITY) & (of_label < _MAX_LABEL_PROBABILITY)
    in_crop = probabilities.sum(axis=2) > 0.5  # they add up to 1 inside a crop
    ears = (np.isin(parts, _EARS) | np.isin(predicted, _EARS)) & in_crop
    change = (predicted != parts) & (contradicted | ears) & ~((occluded > 0) & (parts == _BACKGROUND))
    change &= without_specks(change.astype(np.uint8), _SPECK_AREA * height**2) > 0
    return np.where(change, predicted, parts).astype(np.uint8)


def _unmirrored(probabilities: U8, mirrored: bool) -> F32:
    """(S, S, 13) uint8 -> float32, 0..1, with the classes of left and right exchanged if the face is mirrored."""
    classes = probabilities[:, :, _MIRRORED] if mirrored else probabilities
    return classes.astype(np.float32) / np.float32(255)
