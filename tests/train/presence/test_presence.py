"""The training of the output `presence`: calibration, its threshold, and the checkpoint that holds head and network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from train.learn.checkpoint import load_head, load_weights, save_weights, save_with_head
from train.models import create_model, deployable, for_inference
from train.models.presence import HeadSize, ParserWithPresence, PresenceHead
from train.presence.config import PresenceConfig
from train.presence.features import Features
from train.presence.fit import fit
from train.presence.scores import area_under_curve, calibration_error, platt, threshold_for
from train.presence.training import chosen_threshold, evaluate_head


def test_platt_scaling_undoes_a_wrong_scale() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 4000)
    is_face = rng.random(4000) < 1 / (1 + np.exp(-logits))
    scale, shift = platt(3 * logits + 1, is_face)
    calibrated = 1 / (1 + np.exp(-(scale * (3 * logits + 1) + shift)))
    assert calibration_error(calibrated, is_face) < 0.03
    assert calibration_error(1 / (1 + np.exp(-(3 * logits + 1))), is_face) > 0.08


def test_threshold_lets_no_more_through_than_asked_for() -> None:
    probability = np.linspace(0, 1, 101)
    is_face = probability > 0.7
    threshold = threshold_for(probability, is_face, 0.1)
    assert (probability[~is_face] >= threshold).mean() <= 0.1
    assert area_under_curve(probability, is_face) == 1.0


def _features(count: int, seed: int) -> Features:
    """Faces are bright in the upper half of the grid when they are upright, and in the lower half otherwise."""
    rng = np.random.default_rng(seed)
    is_face = np.arange(count) % 2 == 0
    angles = np.where(rng.random(count) < 0.5, 0.0, 180.0).astype(np.float32)
    pooled = rng.normal(0, 0.8, (count, 8, 4, 4)).astype(np.float16)
    pooled[is_face & (angles == 0), :4, :2] += 1
    pooled[is_face & (angles == 180), :4, 2:] += 1
    return Features(pooled, is_face, np.where(is_face, angles, 0), np.where(is_face, "bare", "texture"))


def test_a_head_learns_presence_and_direction(tmp_path: Path) -> None:
    config = PresenceConfig(tmp_path, tmp_path, tmp_path, tmp_path, width=8, hidden=16, epochs=6, batch_size=32)
    head = fit(_features(800, 1), _features(200, 2), config)
    threshold = chosen_threshold(head, _features(200, 2), config.most_false)
    evaluation = evaluate_head(head, _features(200, 3), threshold)
    assert evaluation["area_under_curve"] > 0.99 and 0 < threshold < 1
    assert evaluation["angle_error_deg"]["turned"]["median"] < 20


def test_a_checkpoint_keeps_the_network_as_it_was_beside_its_head(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = create_model("consensus-lite", width=4).eval()
    save_weights(tmp_path / "plain.safetensors", network.state_dict(), {"model": "consensus-lite", "width": 4})
    head = PresenceHead(HeadSize(channels=32, grid=4, width=4, hidden=4))
    described = {"size": head.size.to_json(), "threshold": 0.8}
    save_with_head(tmp_path / "both.safetensors", tmp_path / "plain.safetensors", head.state_dict(), described)
    plain, both = (load_weights(tmp_path / f"{name}.safetensors") for name in ("plain", "both"))
    assert both[1] == plain[1] and both[0].keys() == plain[0].keys()
    assert all(torch.equal(both[0][name], value) for name, value in plain[0].items())
    assert load_head(tmp_path / "plain.safetensors") is None
    with_head, spec = deployable(tmp_path / "both.safetensors")
    assert isinstance(with_head, ParserWithPresence) and spec.presence and spec.thresholds.presence == 0.8
    alone, plain_spec = deployable(tmp_path / "plain.safetensors")
    assert not plain_spec.presence
    crops = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(with_head(crops)[0], for_inference(alone)(crops))
