"""`unveil evaluate --video`: composes the scenarios, runs each through the loop and sums the scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engines.engine import Engine
from engines.errors import UsageError
from engines.spec import FACE
from realtime.faces.composed import load_model
from realtime.faces.detect import DetectsFaces
from realtime.faces.finding.detectors import open_detector
from train.measure.video import edges
from train.measure.video.blurred import BlurScore, blur_score
from train.measure.video.loop import observe, run_scene
from train.measure.video.scenes import pictures
from train.measure.video.scenes.material import Material
from train.measure.video.scenes.registry import SCENARIOS, TURNED, Scenario
from train.measure.video.scores import SceneScore, face_stories, false_faces, matches, score, survives
from train.measure.video.sheet import Failures

Progress = Callable[[int, int], None]
"""Called with the number of finished scenes and of all."""
_GOOD_IOUS = (0.7, 0.8)
_UPRIGHT = next(scenario for scenario in SCENARIOS if scenario.name == "upright")


@dataclass(frozen=True)
class Plan:
    """What is run."""

    names: tuple[str, ...] = ()
    """Scenarios; none: all."""
    seed: int = 0
    count: int | None = None
    """Scenes of each scenario; None: each scenario's own number."""
    quick: bool = False
    """Few scenes of each, in under a minute."""

    def __post_init__(self) -> None:
        known = [*(scenario.name for scenario in SCENARIOS), TURNED]
        if unknown := [name for name in self.names if name not in known]:
            raise UsageError(f"scenario {unknown[0]!r} is unknown; expected {', '.join(known)}")

    def includes(self, name: str) -> bool:
        """Whether a scenario is run."""
        return not self.names or name in self.names

    def scenes(self, scenario: Scenario) -> int:
        """The number of scenes of a scenario."""
        return self.count or (scenario.quick if self.quick else scenario.count)


@dataclass(frozen=True)
class Run:
    """One evaluation in progress."""

    engine: Engine
    detector: DetectsFaces
    material: Material
    plan: Plan
    failures: Failures
    done: Callable[[], None]
    """Called after each scene."""


def evaluate_video(
    model: str,
    labels: Path,
    occluders: Path,
    plan: Plan,
    *,
    sheet: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Evaluate a model, its detection and its tracking on composed clips and pictures. Returns a JSON-ready object.

    Args:
        model: an engine, as `load_model` takes it.
        labels: the folder that `unveil label` wrote: held-out faces, and the frames of clips.
        occluders: the folder of cut-out occluders.
        sheet: where to write pictures of what failed.

    Raises:
        UsageError: there is no such scenario.
        DataError: a folder is missing, or holds too few faces.
    """
    chosen = [scenario for scenario in SCENARIOS if plan.includes(scenario.name)]
    material = Material(labels, occluders)
    if not material.clip_names:
        chosen = [scenario for scenario in chosen if scenario.name != "clips"]
    total = sum(plan.scenes(scenario) for scenario in chosen)
    total += plan.scenes(_UPRIGHT) if plan.includes(TURNED) else 0
    finished = 0

    def done() -> None:
        nonlocal finished
        finished += 1
        if progress:
            progress(min(finished, total), total)

    begin = time.perf_counter()
    with load_model(model) as engine:
        run = Run(engine, open_detector(), material, plan, Failures(wanted=sheet is not None), done)
        result: dict[str, Any] = {"model": engine.name, "seed": plan.seed, "quick": plan.quick}
        for kind, evaluate in (("followed", _followed), ("found", _found), ("blurred", _blurred)):
            result[kind] = [evaluate(run, scenario) for scenario in chosen if scenario.scores == kind]
        if plan.includes(TURNED):
            result["turned"] = _turned(run)
    if sheet:
        run.failures.write(sheet)
    return result | {"seconds": round(time.perf_counter() - begin, 1)}


def _followed(run: Run, scenario: Scenario) -> dict[str, Any]:
    """One row of clips: how faces are followed."""
    total = SceneScore(0, 0, 0, 0, 0, 0, 0, 0, 0.0)
    ghost_scenes, survived, covered = 0, 0, 0
    flicker: list[float] = []
    lags: list[float] = []
    for index in range(run.plan.scenes(scenario)):
        scene = scenario.scene(run.material, run.plan.seed, index)
        source, observed = observe(scene, run.engine, run.detector)
        one = score(source.truths, observed)
        total += one
        ghost_scenes += one.ghost_frames > 0
        if scene.fully_covered:
            story = face_stories(source.truths, observed)[1]
            covered += 1
            survived += survives(story, scene.fully_covered)
        if scenario.edges:
            flicker += edges.flicker(source.frames, source.truths, observed)
            lag = edges.edge_lag(source.truths, observed)
            lags += [lag] if lag is not None else []
        run.failures.add(f"{scenario.name} {index}", source.frames, source.truths, observed)
        run.done()
    visible = max(1, total.visible_frames)
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "scenes": run.plan.scenes(scenario),
        "frames": total.frames,
        "ghost_frames": total.ghost_frames,
        "ghost_scenes": ghost_scenes,
        "faces": total.faces,
        "late_faces": total.faces_late,
        "late_frames": total.late_frames,
        "visible_frames": total.visible_frames,
        "lost_frames": total.lost_frames,
        "switches": total.switches,
        "iou": round(100 * total.iou_sum / visible, 2),
        "survived": survived if covered else None,
        "flicker": round(100 * float(np.mean(flicker)), 3) if flicker else None,
        "lag_frames": round(float(np.median(lags)), 2) if lags else None,
    }


def _found(run: Run, scenario: Scenario) -> dict[str, Any]:
    """One row of pictures: whether faces are found, and how well they are masked."""
    ious: list[float] = []
    false, pictures_with_false = 0, 0
    for index in range(run.plan.scenes(scenario)):
        source, observed = observe(scenario.scene(run.material, run.plan.seed, index), run.engine, run.detector)
        truth, shown = source.truths[0], observed[0]
        found = matches(truth, shown)
        ious += [found[face.face_id][0] if face.face_id in found else 0.0 for face in truth.faces]
        ghosts = false_faces(truth, shown)
        false += ghosts
        pictures_with_false += ghosts > 0
        run.failures.add(f"{scenario.name} {index}", source.frames, source.truths, observed)
        run.done()
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "pictures": run.plan.scenes(scenario),
        **_iou_columns(ious),
        "false_faces": false,
        "pictures_with_false_faces": pictures_with_false,
    }


def _iou_columns(ious: Sequence[float]) -> dict[str, Any]:
    """Found faces (IoU of 0.5 or more), the mean IoU, and how many have a good one, in percent."""
    if not ious:
        return {"faces": 0, "found": None, "iou": None, **{f"iou_over_{good}": None for good in _GOOD_IOUS}}
    values = np.array(ious)
    return {
        "faces": len(ious),
        "found": round(100 * float((values >= 0.5).mean()), 2),
        "iou": round(100 * float(values.mean()), 2),
        **{f"iou_over_{good}": round(100 * float((values >= good).mean()), 2) for good in _GOOD_IOUS},
    }


def _turned(run: Run) -> list[dict[str, Any]]:
    """A row for each angle: the mask of a turned picture against that of the upright one, turned likewise."""
    ious: dict[int, list[float]] = {angle: [] for angle in pictures.TURNED_ANGLES}
    for index in range(run.plan.scenes(_UPRIGHT)):
        upright = _face_of_turned(run, index, 0)
        for angle in ious if upright.any() else ():
            found = _face_of_turned(run, index, angle)
            expected = _turned_mask(upright, angle)
            ious[angle].append(float((found & expected).sum() / max(1, (found | expected).sum())))
        run.done()
    return [{"angle_deg": angle, **_iou_columns(values)} for angle, values in ious.items()]


def _face_of_turned(run: Run, index: int, angle_deg: float) -> npt.NDArray[np.bool_]:
    """(H, W) bool: what is labelled face in the picture of a person who is turned."""
    scene = pictures.turned(run.material, _UPRIGHT.rng(run.plan.seed, index), angle_deg)
    source, observed = observe(scene, run.engine, run.detector)
    run.failures.add(f"turned {angle_deg}, {index}", source.frames, source.truths, observed)
    return np.asarray(observed[0].labels == FACE)


def _turned_mask(mask: npt.NDArray[np.bool_], angle_deg: float) -> npt.NDArray[np.bool_]:
    """A square mask, turned clockwise about its middle."""
    middle = (mask.shape[0] - 1) / 2
    affine = cv2.getRotationMatrix2D((middle, middle), -angle_deg, 1)
    turned = cv2.warpAffine(mask.astype(np.uint8), affine, mask.shape[::-1], flags=cv2.INTER_NEAREST)
    return np.asarray(turned > 0)


def _blurred(run: Run, scenario: Scenario) -> dict[str, Any]:
    """One row of pictures and clips under the renderer `blur`."""
    total, frames = BlurScore(0, 0, 0, 0), 0
    for index in range(run.plan.scenes(scenario)):
        scene = scenario.scene(run.material, run.plan.seed, index)
        source, drawn = run_scene(scene, run.engine, run.detector, "blur")
        total += blur_score(source.frames, drawn, source.truths)
        frames += len(drawn)
        run.done()
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "scenes": run.plan.scenes(scenario),
        "frames": frames,
        "faces": total.faces,
        "left": total.left,
        "unchanged": round(100 * total.unchanged / max(1, total.pixels), 2),
    }
