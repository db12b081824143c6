"""The validation set of a face finder's training: composed pictures of portraits, occluders and scenes held out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from realtime.faces.finding.found_faces import FoundFaces, decode, merged
from train.finder.matching import Scored, calibration, recall_at, scored
from train.finder.pictures.compose import Compositions

_LEAST_SCORE = 0.02
_BATCH = 16
_FALSE_PER_PICTURE = 0.02


class Validation:
    """Pictures composed once, and the evaluation of a network on them."""

    def __init__(self, compositions: Compositions, count: int) -> None:
        self._pictures = [compositions[index] for index in range(count)]

    def evaluate(self, network: nn.Module) -> dict[str, Any]:
        """JSON-ready metrics in percent.

        `mean_recall` is the recall at one false face in fifty pictures; `slope` and `offset` calibrate confidences.
        """
        found = find_in(network, [picture.rgb for picture in self._pictures], _LEAST_SCORE)
        result = [scored(picture.faces, faces) for picture, faces in zip(self._pictures, found, strict=True)]
        recall, threshold = recall_at(result, _FALSE_PER_PICTURE)
        slope, offset = calibration(result)
        return {
            "mean_recall": round(100 * recall, 2),
            "threshold": round(threshold, 3),
            "slope": round(slope, 3),
            "offset": round(offset, 3),
            "overlap": round(100 * _mean(result, "overlaps"), 2),
            "turn_error_deg": round(_mean(result, "turn_errors_deg"), 2),
            "faces": sum(len(picture.face_scores) for picture in result),
        }


def find_in(network: nn.Module, pictures: list[Any], min_score: float) -> list[FoundFaces]:
    """The faces of some (S, S, 3) uint8 pictures of one size, by a network in torch."""
    found = list[FoundFaces]()
    network.eval()
    device = next(network.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(pictures), _BATCH):
            batch = torch.from_numpy(np.stack(pictures[start : start + _BATCH])).to(device)
            values = network((batch.float() / 127.5 - 1).permute(0, 3, 1, 2)).cpu().numpy()
            found += [merged(decode(one, batch.shape[1], min_score)) for one in values]
    return found


def _mean(results: list[Scored], name: str) -> float:
    values = [value for result in results for value in getattr(result, name)]
    return float(np.mean(values)) if values else 0.0
