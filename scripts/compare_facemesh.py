"""Compare the speed of Unveil with that of MediaPipe FaceMesh: both mask one clip, file to file, in one run.

    .venv/bin/python scripts/compare_facemesh.py [CLIP] [--rounds N] [--json FILE]

FaceMesh runs on every frame, with OpenCV reading and writing. docs/speed.md states what is compared and what is left
out; compare_passes.py has what is timed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import cv2
from compare_passes import Pass, cv2_writer, facemesh, transcode, unveil, unveil_labels, warm_up, x264_writer

from engines import machine
from engines.engine import Engine
from engines.errors import SinkError, UnveilError, UsageError
from engines.zoo import DEFAULT_MODEL
from realtime.faces.composed import load_model
from realtime.faces.detect import Detector, DetectsFaces
from realtime.run.report import table, write_json
from realtime.tools.demo.clip import write_clip
from realtime.video.codecs import CRF
from realtime.video.sources.base import SourceInfo
from realtime.video.sources.open import open_source

SECONDS = 10.0  # of the sample clip
WANTED = {"veryfast": 2.5, "ultrafast": 3.0}  # by preset: times as fast as FaceMesh with OpenCV's writer
LEFT_OUT = (
    "for both: starting Python, importing, loading networks and their first 10 frames",
    "FaceMesh: sound, occlusion, and all faces but one; Unveil copies sound, labels occlusion, follows all faces",
    "mp4v is written at a bitrate of OpenCV's choice: neither its files nor its pictures are those of x264",
)
_FACEMESH, _UNVEIL, _TRANSCODE, _LABELS = "FaceMesh", "Unveil", "transcode, nothing masked", "Unveil, nothing encoded"
_CV2 = f"{_FACEMESH}, OpenCV's mp4v"

Contestant = Callable[[Path, Path], Pass]
"""Takes the clip and the output."""


@dataclass(frozen=True)
class Row:
    """What one contestant did."""

    name: str
    passes: tuple[Pass, ...]
    """One a round."""
    output_mb: float | None
    """Megabytes; None where nothing is written."""

    @property
    def fps(self) -> list[float]:
        """Frames per second, by round."""
        return [one.fps for one in self.passes]

    @property
    def cpu_ms(self) -> float:
        """CPU time of all cores per frame, in milliseconds: the median of the rounds."""
        return 1000 * median(one.cpu_seconds / one.frames for one in self.passes)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return {
            "name": self.name, "frames": self.passes[0].frames, "output_mb": self.output_mb,
            "frames_without_face": self.passes[0].frames_without_face,
            "fps": {
                "median": round(median(self.fps), 2), "min": round(min(self.fps), 2), "max": round(max(self.fps), 2)
            },
            "seconds": [round(one.seconds, 3) for one in self.passes], "cpu_ms": round(self.cpu_ms, 2),
        }  # fmt: skip


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one contestant is as another: median and minimum over the rounds."""

    name: str
    beside: str
    median: float
    min: float
    wanted: float | None
    """The aim; None where there is none."""


@dataclass(frozen=True)
class Comparison:
    """What was measured, on what."""

    about: dict[str, Any]
    rows: tuple[Row, ...]

    @property
    def ratios(self) -> list[Ratio]:
        """Unveil compared with FaceMesh with either writer, and with the transcode; by preset."""
        found = []
        for preset, wanted in WANTED.items():
            ours = _named(_UNVEIL, preset)
            found += [
                self._ratio(ours, _CV2, wanted),
                self._ratio(ours, _named(_FACEMESH, preset)),
                self._ratio(ours, _named(_TRANSCODE, preset)),
            ]
        return [*found, self._ratio(_LABELS, _CV2)]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        contestants = [row.to_json() for row in self.rows]
        return self.about | {
            "contestants": contestants, "ratios": [asdict(ratio) for ratio in self.ratios], "left_out": list(LEFT_OUT),
        }  # fmt: skip

    def _ratio(self, name: str, beside: str, wanted: float | None = None) -> Ratio:
        rates = {row.name: row.fps for row in self.rows}
        ratios = [own / other for own, other in zip(rates[name], rates[beside], strict=True)]
        return Ratio(name, beside, round(median(ratios), 3), round(min(ratios), 3), wanted)


def contestants(engine: Engine, detector: DetectsFaces) -> dict[str, Contestant]:
    """Who takes part, by name."""
    found: dict[str, Contestant] = {_CV2: partial(facemesh, open_writer=cv2_writer)}
    for preset in WANTED:
        writer = partial(x264_writer, preset=preset)
        found[_named(_UNVEIL, preset)] = partial(unveil, preset=preset, engine=engine, detector=detector)
        found[_named(_FACEMESH, preset)] = partial(facemesh, open_writer=writer)
        found[_named(_TRANSCODE, preset)] = partial(transcode, preset=preset)
    return found | {_LABELS: partial(unveil_labels, engine=engine, detector=detector)}


def measure(
    clip: Path, folder: Path, engine: Engine, detector: DetectsFaces, rounds: int, say: Callable[[str], None]
) -> Comparison:
    """Let all contestants take turns, so that a machine whose speed varies treats all alike. Every second round goes
    backwards.

    Args:
        folder: gets the outputs, one for each contestant.
        say: gets each result as it comes.
    """
    about = _about(clip, folder, engine, rounds)  # first: the load of the machine is that before the start
    taking_part = contestants(engine, detector)
    outputs = {name: folder / f"{place}.mp4" for place, name in enumerate(taking_part)}
    passes: dict[str, list[Pass]] = {name: [] for name in taking_part}
    warm_up(clip, engine, detector)
    for turn in range(rounds):
        for name in list(taking_part)[:: -1 if turn % 2 else 1]:
            passes[name].append(taking_part[name](clip, outputs[name]))
            say(f"round {turn + 1} of {rounds}: {name}: {passes[name][-1].fps:.1f} fps")
    rows = [Row(name, tuple(of_one), _megabytes(outputs[name])) for name, of_one in passes.items()]
    return Comparison(about, tuple(rows))


def comparison_text(comparison: Comparison) -> str:
    """What was measured, as tables."""
    about = comparison.about
    clip, writer = about["clip"], about["cv2_writer"]
    rows = [
        (row.name, median(row.fps), min(row.fps), max(row.fps), row.cpu_ms, row.passes[0].frames,
         _or_dash(row.passes[0].frames_without_face), _or_dash(row.output_mb))
        for row in comparison.rows
    ]  # fmt: skip
    ratios = [(each.name, each.beside, each.median, each.min, _or_dash(each.wanted)) for each in comparison.ratios]
    avc1 = "can write avc1 (H.264), too" if writer["avc1"] else "cannot write avc1 (H.264)"
    return "\n".join([
        f"engine: {about['engine']}",
        f"clip: {clip['name']}, {'x'.join(map(str, clip['size_wh']))}; x264 with crf {about['crf']}",
        f"OpenCV {about['versions']['opencv-python']} writes mp4v (MPEG-4 part 2) here, and {avc1}",
        f"load of the machine before the start: {_or_dash(about['load'])} (other work makes every figure worse)",
        "",
        table(rows, ("file to file", "fps, median", "least", "most", "CPU ms", "frames", "no face in", "output MB")),
        "CPU ms: all threads together, per frame; no face in: number of frames without a face",
        "",
        table(ratios, ("times as fast", "as", "median", "least", "wanted")),
        "",
        "left out, or not the same:",
        *(f"  {line}" for line in LEFT_OUT),
    ])  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print. Returns the exit status: 0, or 1 where something failed."""
    parser = argparse.ArgumentParser(description="Compare the speed of Unveil with that of FaceMesh, file to file.")
    parser.add_argument("clip", nargs="?", type=Path, help="a video [default: 10 s of the sample clip, 720p]")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each [default: 3]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, too")
    given = parser.parse_args(arguments)
    if given.rounds < 1:
        parser.error(f"--rounds is {given.rounds}; expected 1 or more")
    try:
        comparison = compare(given.clip, given.rounds, say=partial(print, file=sys.stderr, flush=True))
        print(comparison_text(comparison))
        if given.json:
            write_json(given.json, comparison.to_json())
    except UnveilError as e:
        print(f"failed: {e}", file=sys.stderr)
        return 1
    return 0


def compare(clip: Path | None, rounds: int, say: Callable[[str], None]) -> Comparison:
    """Load what is needed and measure with the default model. Without a clip, the sample clip is made and used."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="unveil-compare-")))
        if clip is None:
            clip = folder / "sample.mp4"
            write_clip(clip, SECONDS)
        _video(clip)  # a wrong clip is reported before anything is loaded
        engine = opened.enter_context(load_model(DEFAULT_MODEL))
        return measure(clip, folder, engine, Detector("auto"), rounds, say)


def _about(clip: Path, folder: Path, engine: Engine, rounds: int) -> dict[str, Any]:
    info = _video(clip)
    packages = ("mediapipe", "opencv-python", "av", "openvino")
    return {
        "machine": machine.host() | {"cores": machine.physical_cores(), "python": platform.python_version()},
        "versions": {name: version(name) for name in packages}, "load": _load(),
        "engine": engine.description, "clip": {"name": info.name, "size_wh": info.size_wh, "fps": info.fps},
        "rounds": rounds, "crf": CRF, "cv2_writer": {"codec": "mp4v", "avc1": _writes_avc1(folder)},
    }  # fmt: skip


def _video(clip: Path) -> SourceInfo:
    with open_source(clip) as source:
        if source.info.kind != "video":
            raise UsageError(f"a video is needed; got a {source.info.kind}: {clip}")
        return source.info


def _load() -> float | None:
    """Load of the machine in the last minute; None where the system has no such figure."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _writes_avc1(folder: Path) -> bool:
    level = cv2.setLogLevel(0)  # a failure would print lines of warnings
    try:
        with cv2_writer(folder / "probe.mp4", 30, (320, 240), "avc1"):
            return True
    except SinkError:
        return False
    finally:
        cv2.setLogLevel(level)


def _named(what: str, preset: str) -> str:
    return f"{what}, x264 {preset}"


def _megabytes(output: Path) -> float | None:
    return round(output.stat().st_size / 1e6, 2) if output.is_file() else None


def _or_dash(value: float | None) -> str | float:
    return "-" if value is None else value


if __name__ == "__main__":
    sys.exit(main())
