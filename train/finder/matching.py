"""Which found faces are true ones: a found face is true where its box overlaps that of a face by half or so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from realtime.faces.finding.found_faces import FoundFaces
from train.finder.pictures.compose import Truth
from train.finder.pictures.upright_box import UprightBox

_SAME_IOU = 0.35  # of the boxes: half a face beside it is another place
_NEWTON_STEPS = 20
_NEAR = 0.6  # of a face's side: what is found this near to a face that does not count is not false


@dataclass(frozen=True)
class Scored:
    """How a detector did on one picture."""

    face_scores: tuple[float, ...]
    """For each face that counts the score of what was found there; 0 where nothing was."""
    false_scores: tuple[float, ...]
    """The scores of what is no face."""
    overlaps: tuple[float, ...] = ()
    """IoU of each face that was found."""
    turn_errors_deg: tuple[float, ...] = ()
    """Error of the direction of each face that was found, in degrees."""


def scored(truths: Sequence[Truth], found: FoundFaces) -> Scored:
    """Match what was found, best first, with the faces of a picture."""
    faces = [truth for truth in truths if truth.counts]
    scores, overlaps, turns, false = [0.0] * len(faces), list[float](), list[float](), list[float]()
    boxes = [
        UprightBox(x, y, width, height, angle_deg)
        for (x, y, width, height), angle_deg in zip(found.boxes.tolist(), found.angles_deg().tolist(), strict=True)
    ]
    for box, score in zip(boxes, found.scores.tolist(), strict=True):
        ious = [overlap(face.box, box) if not scores[i] else 0.0 for i, face in enumerate(faces)]
        best = int(np.argmax(ious)) if ious else -1
        if best >= 0 and ious[best] >= _SAME_IOU:
            scores[best] = score
            overlaps.append(ious[best])
            turns.append(abs((box.angle_deg - faces[best].box.angle_deg + 180) % 360 - 180))
        elif not any(_near(box, truth) for truth in truths if not truth.counts):
            false.append(score)
    return Scored(tuple(scores), tuple(false), tuple(overlaps), tuple(turns))


def recall_at(results: Sequence[Scored], false_per_picture: float) -> tuple[float, float]:
    """The share of faces found at the lowest threshold with so few false faces, and that threshold."""
    false = sorted((score for result in results for score in result.false_scores), reverse=True)
    allowed = int(false_per_picture * len(results))
    threshold = false[allowed] if len(false) > allowed else 0.0
    faces = [score for result in results for score in result.face_scores]
    return (sum(score > threshold for score in faces) / len(faces) if faces else 0.0), threshold


def calibration(results: Sequence[Scored]) -> tuple[float, float]:
    """Slope and offset that make confidences probabilities: of all that is found with 0.8, four in five are faces.

    Platt's method (1999), by Newton's: the calibrated logit is slope x logit + offset.

    Args:
        results: what a network found, down to a low score.
    """
    true = np.array([score for result in results for score in result.face_scores if score > 0])
    false = np.array([score for result in results for score in result.false_scores])
    if not len(true) or not len(false):
        return 1.0, 0.0
    scores = np.clip(np.concatenate([true, false]), 1e-4, 1 - 1e-4)
    logits = np.stack([np.log(scores / (1 - scores)), np.ones(len(scores))], axis=1)
    wanted = np.concatenate([np.ones(len(true)), np.zeros(len(false))])
    values = np.array([1.0, 0.0])
    for _ in range(_NEWTON_STEPS):
        probability = 1 / (1 + np.exp(-logits @ values))
        curvature = (logits * (probability * (1 - probability))[:, None]).T @ logits
        values += np.linalg.solve(curvature + 1e-6 * np.eye(2), logits.T @ (wanted - probability))
    return float(values[0]), float(values[1])


def overlap(first: UprightBox, second: UprightBox) -> float:
    """IoU of two boxes, each in its own upright frame."""
    shared, _ = cv2.intersectConvexConvex(first.corners(), second.corners())
    areas = first.width * first.height + second.width * second.height
    return float(shared / max(1e-6, areas - shared))


def _near(box: UprightBox, truth: Truth) -> bool:
    away = np.hypot(box.centre_x - truth.box.centre_x, box.centre_y - truth.box.centre_y)
    return bool(away < _NEAR * truth.box.side)
