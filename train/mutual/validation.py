"""Evaluation during the mutual training: F1 of the parts on one confusion matrix, L1 of the depth (section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from engines.spec import PART_LABELS, ModelSpec
from realtime.frames.depth import STEP_M
from realtime.frames.types import U8
from train.measure.metrics import Confusion, f1_row
from train.measure.open_model import network_predictor, predict_all
from train.models.preprocess import normalise
from train.mutual.faces import TrainingFace, crop_from_store
from train.mutual.samples import cut

_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class ValidationCrops:
    """Crops of faces held out from training, as a perfect detector would frame them."""

    rgb: U8
    """(N, S, S, 3)"""
    parts: U8
    """(N, S, S)"""
    depth: U8
    """(N, S, S)"""

    @classmethod
    def of(cls, faces: Sequence[TrainingFace], spec: ModelSpec) -> ValidationCrops:
        """Cut the crops; at least one face."""
        straight = crop_from_store(spec, np.eye(3))
        samples = [cut(face.load(), spec, straight) for face in faces]
        return cls(*(np.stack([getattr(sample, name) for sample in samples]) for name in ("rgb", "parts", "depth")))

    def __len__(self) -> int:
        return len(self.rgb)


class Validation:
    """The validation set of a stage. Photographs and synthetic heads (exact ground truth) are evaluated separately.

    Args:
        faces: held out from training.
        most: photographs and synthetic heads that are used, at most.
    """

    def __init__(self, faces: Sequence[TrainingFace], spec: ModelSpec, most: int) -> None:
        kinds = {
            name: [face for face in faces if face.synthetic == synthetic]
            for name, synthetic in (("photographs", False), ("synthetic", True))
        }
        self._sets = {name: ValidationCrops.of(_spread(kind, most), spec) for name, kind in kinds.items() if kind}
        self._spec = spec

    def __call__(self, networks: Mapping[str, nn.Module]) -> dict[str, Any]:
        """JSON-ready. `mean_f1` in percent and `l1` are of the set that comes first: photographs where there are any.

        The depth parser is scored on measured depth (`depth`) and, where there is a translator, on the depth that it
        makes (`generated`).

        Args:
            networks: by role: `rgb`, `depth`, `translator`; others are ignored.
        """
        result: dict[str, Any] = {}
        for name, crops in self._sets.items():
            row: dict[str, Any] = {"faces": len(crops)}
            for role, seen in (("rgb", crops.rgb), ("depth", _three_channels(crops.depth))):
                if role in networks:
                    row[role] = f1_row(self._confusion(networks[role], seen, crops.parts))
            if "translator" in networks:
                made = self._translated(networks["translator"], crops.rgb)
                row["translator"] = depth_row(made, crops.depth)
                if "depth" in networks:
                    seen = _three_channels(np.rint((made + 1) * 127.5).astype(np.uint8))
                    row["generated"] = f1_row(self._confusion(networks["depth"], seen, crops.parts))
            result[name] = row
        first = next(iter(result.values()))
        scores = {f"{role}_mean_f1": first[role]["mean_f1"] for role in ("rgb", "depth") if role in first}
        return scores | ({"l1": first["translator"]["l1"]} if "translator" in first else {}) | result

    def _confusion(self, network: nn.Module, seen: U8, truth: U8) -> Confusion:
        predicted = predict_all(network_predictor(network, self._spec), seen, _AT_ONCE)
        return Confusion.of(truth, predicted, PART_LABELS)

    def _translated(self, network: nn.Module, rgb: U8) -> npt.NDArray[np.float32]:
        """(N, S, S) float32 in -1..1. Dropout is off, as at run time."""
        network.eval()
        device = next(network.parameters()).device
        with torch.inference_mode():
            return np.concatenate([
                network(normalise(torch.from_numpy(rgb[i : i + _AT_ONCE]).to(device), self._spec))[:, 0].float().cpu()
                for i in range(0, len(rgb), _AT_ONCE)
            ])  # fmt: skip


def depth_row(made: npt.NDArray[np.float32], true: U8) -> dict[str, Any]:
    """L1 of generated depth.

    Args:
        made: (N, S, S) in -1..1.
        true: (N, S, S) gray, 0 where nothing is.

    Returns:
        `l1` over all pixels, in the units of -1..1 (table 4); `l1_mm` over the pixels where both have depth.
    """
    difference = np.abs(made - (true.astype(np.float32) / 127.5 - 1))
    both = (true > 0) & (made > -1 + 1 / 255)
    millimetres = float(difference[both].mean()) * 127.5 * STEP_M * 1000 if both.any() else None
    return {
        "l1": round(float(difference.mean()), 4),
        "l1_mm": None if millimetres is None else round(millimetres, 2),
    }


def _three_channels(gray: U8) -> U8:
    return np.repeat(gray[..., None], 3, axis=3)


def _spread(faces: Sequence[TrainingFace], most: int) -> list[TrainingFace]:
    picked = np.linspace(0, len(faces) - 1, min(most, len(faces))).astype(int)
    return [faces[i] for i in picked]
