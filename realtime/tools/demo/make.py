"""Makes the demo: a sample clip, what masking makes of it, and a sheet of stills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.engine import Engine
from engines.errors import UnveilError
from realtime.faces.finding.detectors import open_detector
from realtime.pipeline import Options, Summary
from realtime.run.batch import process_file
from realtime.run.jobs import Job
from realtime.run.progress import Progress
from realtime.tools.demo.clip import FPS, SECONDS, write_clip
from realtime.tools.demo.sheet import write_sheet

_MOMENTS = (0.3, 1.2, 1.6, 2.3, 3.65, 4.5)  # seconds: the face alone, three with the hand, two with the microphone
_OUTPUTS: dict[str, str] = {"overlay": "demo.mp4", "cutout": "demo_cutout.mp4", "labels": "demo_labels.mkv"}


@dataclass(frozen=True)
class DemoResult:
    """The files of the demo, and the summary of a run."""

    overlay: Summary
    """The summary of the run that made demo.mp4."""
    files: tuple[Path, ...]


def make(engine: Engine, output: Path, progress: Progress, seconds: float = SECONDS) -> DemoResult:
    """Write the sample clip, its overlay, cutout and labels, and the contact sheet into a folder.

    Args:
        seconds: the clip's length.
    """
    clip = output / "demo_input.mp4"
    progress.say(f"making {clip}: a portrait, and what passes in front of it")
    write_clip(clip, seconds)
    paths = {kind: output / name for kind, name in _OUTPUTS.items()}
    summaries = {kind: _masked(clip, path, kind, engine, progress) for kind, path in paths.items()}
    sheet = output / "demo_sheet.png"
    moments = [round(moment * FPS) for moment in _MOMENTS if moment < seconds]
    write_sheet(sheet, clip, paths["labels"], paths["cutout"], moments, engine.spec.labels)
    return DemoResult(summaries["overlay"], (clip, *paths.values(), sheet))


def _masked(clip: Path, output: Path, kind: str, engine: Engine, progress: Progress) -> Summary:
    options = Options(render=kind)
    outcome = process_file(
        Job(clip, output, overwrite=True), engine, options, open_detector(options.detector), progress
    )
    progress.finished(outcome)
    if outcome.summary is None:
        raise UnveilError(f"the demo failed at {output.name}: {outcome.error}")
    return outcome.summary
