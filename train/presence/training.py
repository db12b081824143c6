"""Trains the output `presence` of a network whose weights stay as they are."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.errors import UsageError
from engines.manifest import sha256_of
from realtime.run.report import table
from train.data.split import Split
from train.learn.checkpoint import find_weights, save_with_head
from train.learn.log import Say
from train.models import for_inference, restore
from train.models.presence import HasTrunk, PresenceHead
from train.presence.config import PresenceConfig
from train.presence.features import F32, SHARD, Features, Progress, features_of, open_cache
from train.presence.fit import fit, outputs
from train.presence.scores import (
    angle_errors,
    area_under_curve,
    calibration_error,
    errors_by_kind,
    threshold_for,
)
from train.presence.supply import PresenceSupply

_UPRIGHT_DEG = 50
"""As far as crops are turned in the training of the networks."""


def train_presence(
    config: PresenceConfig,
    say: Say = print,
    progress: Progress = lambda done, total: None,
    device: str | None = None,
) -> dict[str, Any]:
    """Train a head, and write the network's weights with it and its evaluation.

    The crops' features take most of the time. They are kept, so that a run that was stopped goes on.

    Half of the validation set calibrates the head, the other half measures it. The threshold is chosen on both: it
    rests on a few crops.

    Args:
        device: no other than the CPU is used, which takes minutes.

    Returns:
        The evaluation.

    Raises:
        UsageError: the network cannot have a head.
        DataError: weights, portraits, occluders or pictures are missing or damaged, or the folder is another run's.
        TrainingStopped: Ctrl-C or SIGTERM. The same command goes on.
    """
    start = find_weights(config.start)
    network, spec = restore(start)
    network = for_inference(network)
    if not isinstance(network, HasTrunk):
        raise UsageError(f"{spec.name} has no trunk that a head could read; expected a network with encode and decode")

    cv2.setNumThreads(0)
    open_cache(config.output / "features", config.of_features() | {"start": sha256_of(start)})

    def cached(split: Split, count: int) -> Features:
        folder = config.output / "features" / split.replace(" ", "_")
        folder.mkdir(exist_ok=True)
        say(f"{split}: {count} crops for {spec.name}")
        supply = partial(PresenceSupply, config, spec, split, SHARD)
        return features_of(supply, -(-count // SHARD), network, spec, folder, progress)

    train, held_out = cached("train", config.samples), cached("held out", config.validation_samples)
    say(f"fitting a head of {spec.name} to {len(train)} crops")
    head = fit(train, held_out.half(0), config)
    threshold = chosen_threshold(head, held_out, config.most_false)
    evaluation = evaluate_head(head, held_out.half(1), threshold)
    say(described(evaluation))
    presence = {"size": head.size.to_json(), "threshold": threshold, "samples": config.samples}
    save_with_head(config.output / "weights.safetensors", start, head.state_dict(), presence)
    (config.output / "evaluation.json").write_text(json.dumps(evaluation, indent=2) + "\n", encoding="utf-8")
    return evaluation


def chosen_threshold(head: PresenceHead, held_out: Features, most_false: float) -> float:
    """The least threshold that at most `most_false` of the held-out crops without a face reach."""
    return round(threshold_for(_probability(outputs(head, held_out)), held_out.is_face, most_false), 3)


def evaluate_head(head: PresenceHead, features: Features, threshold: float) -> dict[str, Any]:
    """JSON-ready: ranking, calibration, errors at the threshold by kind of crop, and the direction's errors."""
    said = outputs(head, features)
    probability, is_face = _probability(said), features.is_face
    errors = angle_errors(np.degrees(np.arctan2(said[:, 2], said[:, 1])).astype(np.float64), features.angle_deg)[
        is_face
    ]
    upright = np.abs(features.angle_deg[is_face]) < _UPRIGHT_DEG
    return {
        "crops": len(features),
        "area_under_curve": round(area_under_curve(probability, is_face), 5),
        "calibration_error": round(calibration_error(probability, is_face), 4),
        "threshold": threshold,
        "missed": round(float((probability[is_face] < threshold).mean()), 4),
        "false": round(float((probability[~is_face] >= threshold).mean()), 4),
        "by_kind": errors_by_kind(probability, is_face, features.kinds, threshold),
        "angle_error_deg": {
            name: {"median": round(float(np.median(own)), 1), "90 %": round(float(np.quantile(own, 0.9)), 1)}
            for name, own in (("upright", errors[upright]), ("turned", errors[~upright]))
            if len(own)
        },
    }


def described(evaluation: dict[str, Any]) -> str:
    """The evaluation as a table: each kind of crop, and the share that the threshold gets wrong."""
    rows = [
        (kind, "face" if own["is_face"] else "none", own["crops"], round(100 * own["wrong"], 1))
        for kind, own in sorted(evaluation["by_kind"].items(), key=lambda item: (not item[1]["is_face"], item[0]))
    ]
    rows += [("all faces", "face", "", round(100 * evaluation["missed"], 1))]
    rows += [("all others", "none", "", round(100 * evaluation["false"], 1))]
    return (
        f"{table(rows, ('held-out crops', 'shows', 'crops', 'wrong %'))}\n"
        f"area under the curve {evaluation['area_under_curve']:.4f}, calibration error "
        f"{evaluation['calibration_error']:.3f}, threshold {evaluation['threshold']}"
    )


def _probability(said: F32) -> npt.NDArray[np.float64]:
    return 1 / (1 + np.exp(-said[:, 0].astype(np.float64)))
