"""Compares face detectors on held-out frames: recall by kind of face, false faces, time per search."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engines.engine import Engine
from realtime.faces.detect import DetectsFaces
from realtime.faces.finding.found_faces import FoundFaces, merged
from realtime.faces.probabilities import confidence
from realtime.faces.search import Search
from realtime.faces.thresholds import least_confidence
from realtime.frames.crop import crop_rgb, region_from_box
from realtime.frames.types import Detection, Frame, Region
from train.finder.matching import Scored, recall_at, scored
from train.finder.pictures.cases import Case

Find = Callable[[Frame], FoundFaces]


@dataclass(frozen=True)
class Contestant:
    """A way of finding faces in one frame: the whole of it, then its tiles."""

    name: str
    find: Find
    threshold: float
    """What the detector itself calls a face."""


@dataclass
class Result:
    """How one contestant did."""

    name: str
    threshold: float
    by_kind: dict[str, list[Scored]] = field(default_factory=dict)
    without_face: list[Scored] = field(default_factory=list)

    def false_per_picture(self, threshold: float) -> float:
        """False faces on pictures without a face that score more than a threshold, per picture."""
        return sum(score > threshold for one in self.without_face for score in one.false_scores) / len(
            self.without_face
        )

    def threshold_with(self, false_per_picture: float) -> float:
        """The lowest threshold with so few false faces on pictures without a face."""
        return recall_at(self.without_face, false_per_picture)[1]

    def recall(self, kind: str, threshold: float) -> float:
        """The share of a kind's faces that score more than a threshold."""
        scores = [score for one in self.by_kind[kind] for score in one.face_scores]
        return sum(score > threshold for score in scores) / max(1, len(scores))

    def mean(self, kind: str, name: str) -> float:
        """Mean of the `overlaps` or `turn_errors_deg` of a kind."""
        values = [value for one in self.by_kind[kind] for value in getattr(one, name)]
        return float(np.mean(values)) if values else 0.0


def run(contestants: Sequence[Contestant], frames: Iterable[Case], without: Iterable[Case]) -> list[Result]:
    """Let each contestant search each frame."""
    results = [Result(contestant.name, contestant.threshold) for contestant in contestants]
    for case in frames:
        for contestant, result in zip(contestants, results, strict=True):
            result.by_kind.setdefault(case.kind, []).append(_scored(contestant, case))
    for case in without:
        for contestant, result in zip(contestants, results, strict=True):
            result.without_face.append(_scored(contestant, case))
    return results


def as_tracked(detector: DetectsFaces, engine: Engine) -> Find:
    """The faces that tracks would begin with: one search of the whole frame and all tiles, accepted by the parser."""

    def find(frame: Frame) -> FoundFaces:
        with Search(detector, every=1) as search:
            (result,) = search.search(frame, urgent=True, low_confidence=True)
        in_frame = [detection for detection in result.large if _accepted(frame, detection, engine, False)]
        in_tiles = [detection for detection in result.small if _accepted(frame, detection, engine, True)]
        low = result.low_confidence if not in_frame and not in_tiles else ()
        return as_found([*in_frame, *in_tiles, *(d for d in low if _accepted(frame, d, engine, False))])

    return find


def whole_and_tiles(
    detector: DetectsFaces, tiles: Callable[[tuple[int, int]], list[Region]], engine: Engine | None = None
) -> Find:
    """What a detector finds in the whole frame and in its tiles, each face once.

    Args:
        engine: a parser that must be as confident of each face as of one that scored little; None: none is asked.
    """

    def find(frame: Frame) -> FoundFaces:
        found = [*detector.detect(frame), *detector.detect_in_tiles(frame, tiles(frame.size_wh))]
        if engine is not None:  # the scores of this detector do not speak for themselves
            found = [face for face in found if _accepted(frame, replace(face, score=0.0), engine)]
        return merged(as_found(found))

    return find


def as_found(detections: Sequence[Detection]) -> FoundFaces:
    """Detections in another form, best first, one for each place."""
    ordered = sorted(detections, key=lambda detection: -detection.score)
    boxes = np.array([detection.box_xyxy for detection in ordered], np.float32).reshape(-1, 4)
    angles = np.radians(np.array([detection.angle_deg for detection in ordered], np.float32))
    centres, sides = (boxes[:, 2:] + boxes[:, :2]) / 2, boxes[:, 2:] - boxes[:, :2]
    up = np.stack([np.sin(angles), -np.cos(angles)], axis=1).astype(np.float32)
    return FoundFaces(np.hstack([centres, sides]), up, np.array([d.score for d in ordered], np.float32))


def milliseconds(find: Callable[[Frame], Any], rgb: np.ndarray[Any, np.dtype[np.uint8]], repeats: int = 30) -> float:
    """Median time of one call, on this thread's clock of the CPU: other processes do not count."""
    frame, times = Frame((rgb,), "rgb"), []
    for _ in range(repeats + 3):
        started = time.thread_time()
        find(frame)
        times.append(time.thread_time() - started)
    return 1000 * float(np.median(times[3:]))


def _scored(contestant: Contestant, case: Case) -> Scored:
    return scored(case.faces, contestant.find(Frame((case.rgb,), "rgb")))


def _accepted(frame: Frame, detection: Detection, engine: Engine, in_tile: bool = False) -> bool:
    least = least_confidence(engine.spec.thresholds, detection, in_tile)
    region = region_from_box(detection.box_xyxy, engine.spec.crop_scale, detection.angle_deg)
    parsed = engine(crop_rgb(frame, region, engine.spec.size_px)[None]).probabilities[0]
    return confidence(parsed, engine.spec) >= least
