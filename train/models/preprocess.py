"""Crops as a network's input, in torch: the same numbers as an engine makes of them."""

from __future__ import annotations

import torch
from torch import Tensor

from engines.spec import ModelSpec


def normalise(crops: Tensor, spec: ModelSpec) -> Tensor:
    """(N, S, S, 3) uint8 RGB -> (N, 3, S, S) float32 as the spec says, channels last, on the crops' device."""
    mean, std = (torch.tensor(values, device=crops.device) for values in (spec.mean, spec.std))
    return ((crops.float() / 255 - mean) / std).permute(0, 3, 1, 2)
