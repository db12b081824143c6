"""How good a probability of a face is: ranking, calibration, and the errors at a threshold by kind of crop."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_BINS = 15
_STEPS = 50


def area_under_curve(probability: F64, is_face: Bools) -> float:
    """The chance that a random face has a higher probability than a random other crop, 0..1."""
    order = np.argsort(probability, kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    faces, others = int(is_face.sum()), int((~is_face).sum())
    return float((ranks[is_face].sum() - faces * (faces + 1) / 2) / (faces * others))


def calibration_error(probability: F64, is_face: Bools) -> float:
    """Expected calibration error, 0..1: mean difference of probability and frequency over 15 bins of equal width."""
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(float(probability[bins == number].mean()) - float(is_face[bins == number].mean())) * (bins == number).mean()
        for number in np.unique(bins)
    ]
    return float(sum(gaps))


def platt(logits: F64, is_face: Bools) -> tuple[float, float]:
    """Scale and shift that make logits calibrated (Platt 1999): those of least cross-entropy."""
    x, y = torch.from_numpy(logits), torch.from_numpy(is_face.astype(np.float64))
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = F.binary_cross_entropy_with_logits(line[0] * x + line[1], y)
        value.backward()
        return value

    optimiser.step(loss)
    scale, shift = line.tolist()
    return scale, shift


def threshold_for(probability: F64, is_face: Bools, most_false: float) -> float:
    """The least threshold that at most this share of the crops without a face reach."""
    return float(np.quantile(probability[~is_face], 1 - most_false, method="higher"))


def errors_by_kind(
    probability: F64, is_face: Bools, kinds: npt.NDArray[np.str_], threshold: float
) -> dict[str, dict[str, Any]]:
    """For each kind of crop: how many there are, and the share that the threshold gets wrong, 0..1."""
    wrong = (probability >= threshold) != is_face
    return {
        str(kind): {
            "crops": int((kinds == kind).sum()),
            "is_face": bool(is_face[kinds == kind][0]),
            "wrong": round(float(wrong[kinds == kind].mean()), 4),
        }
        for kind in dict.fromkeys(kinds)
    }


def angle_errors(degrees: F64, expected: npt.NDArray[np.floating]) -> F64:
    """Absolute differences of angles, 0..180."""
    return np.abs((degrees - expected + 180) % 360 - 180)
