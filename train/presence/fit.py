"""Fits a head to the cached features of crops, and calibrates it on others."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from train.models.presence import HeadSize, PresenceHead
from train.presence.config import PresenceConfig
from train.presence.features import F32, Features
from train.presence.scores import platt

_DIRECTION_WEIGHT = 1.0  # of the direction's squared error against the cross-entropy


def fit(train: Features, validation: Features, config: PresenceConfig) -> PresenceHead:
    """Train a head: the epoch whose loss on the validation set is least, with calibrated logits."""
    torch.manual_seed(config.seed)
    _, channels, grid, _ = train.pooled.shape
    head = PresenceHead(HeadSize(channels, grid, config.width, config.hidden))
    steps = -(-len(train) // config.batch_size) * config.epochs
    optimiser = torch.optim.AdamW(head.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    rng = np.random.default_rng(config.seed)
    everything = np.arange(len(validation))
    best, kept = float("inf"), head.state_dict()
    for _ in range(config.epochs):
        head.train()
        order = rng.permutation(len(train))
        for first in range(0, len(order), config.batch_size):
            chosen = np.sort(order[first : first + config.batch_size])
            loss = _loss(head(_pooled(train, chosen)), train, chosen)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        now = float(_loss(torch.from_numpy(outputs(head, validation)), validation, everything))
        if now < best:
            best, kept = now, {name: value.clone() for name, value in head.state_dict().items()}
    head.load_state_dict(kept)
    head.calibrate(*platt(outputs(head, validation)[:, 0].astype(np.float64), validation.is_face))
    return head.eval()


def outputs(head: PresenceHead, features: Features) -> F32:
    """(N, 3) float32: what a head says about crops."""
    head.eval()
    with torch.inference_mode():
        firsts = range(0, len(features), 512)
        parts = [head(_pooled(features, np.arange(len(features))[first : first + 512])) for first in firsts]
        result: F32 = torch.cat(parts).numpy()
    return result


def _pooled(features: Features, chosen: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Tensor:
    return torch.from_numpy(features.pooled[chosen].astype(np.float32))


def _loss(said: Tensor, features: Features, chosen: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Tensor:
    """Cross-entropy of presence; and squared error of the direction, of faces alone."""
    is_face = torch.from_numpy(features.is_face[chosen])
    presence = F.binary_cross_entropy_with_logits(said[:, 0], is_face.float())
    direction = F.mse_loss(said[is_face, 1:], torch.from_numpy(features.upright[chosen])[is_face])
    return presence + _DIRECTION_WEIGHT * direction
