#!/usr/bin/env python
"""Compare face detectors on held-out composed frames: recall by kind of face at equal false faces, and their time.

Run: python scripts/compare_finders.py --portraits FOLDER --occluders FOLDER [--without-faces FOLDER] [--engine FOLDER]

`auto` is MediaPipe's pair of networks, as tracks begin with it: the whole frame, all tiles, accepted by the parser.
The project's own finder is shown alone and accepted by the parser. Overlap and turn error are the first engine's.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engines.finder.engine import load_finder
from engines.load import load_engine
from engines.zoo import DEFAULT_MODEL
from realtime.faces.detect import Detector
from realtime.faces.finding.finder import FaceFinder, tiles_of_frame
from realtime.run.report import table
from train.finder.compare import Contestant, Result, as_tracked, milliseconds, run, whole_and_tiles
from train.finder.pictures.cases import KINDS, Case, cases, without_faces
from train.finder.pictures.sources import Sources

LEAST_SCORE = 0.05
"""What is found below this is not counted, whatever the threshold."""


def main() -> None:
    """Parse, compare, print."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    sources = Sources.load(arguments.portraits, arguments.occluders, arguments.without_faces, "held out")
    engine = load_engine(DEFAULT_MODEL, threads=1)
    own = [load_finder(folder) for folder in arguments.engine] or [load_finder()]
    auto = Contestant("auto, accepted", as_tracked(Detector(), engine), 0.0)
    names = [f"{finder.manifest.name} {finder.manifest.precision}" for finder in own]
    contestants = [auto]
    for name, finder in zip(names, own, strict=True):
        find = whole_and_tiles(FaceFinder(finder, LEAST_SCORE), tiles_of_frame)
        contestants.append(Contestant(name, find, finder.manifest.threshold))
        find = whole_and_tiles(FaceFinder(finder, finder.manifest.low_confidence), tiles_of_frame, engine)
        contestants.append(Contestant(f"{name}, accepted", find, finder.manifest.threshold))
    results = run(contestants, _frames(sources, arguments.faces), without_faces(sources, arguments.without))
    rows = _rows(results)
    print(table([[row.get(column) for column in rows[0]] for row in rows], list(rows[0])))
    picture = np.asarray(next(iter(cases(sources, "40 px in 1280x720", 1))).rgb)
    times = {"auto": milliseconds(Detector().detect, picture)}
    times |= {name: milliseconds(FaceFinder(finder).detect, picture) for name, finder in zip(names, own, strict=True)}
    for name, value in times.items():
        print(f"{name}: {value:.2f} ms of one core for the whole of a 720p frame")
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows, "milliseconds": times}, indent=2) + "\n")


def _rows(results: list[Result]) -> list[dict[str, str | float]]:
    """One row per kind: recall of `auto`, then of each finder with as few false faces, and at its own threshold."""
    auto, *own = results
    false_of_auto = auto.false_per_picture(0.0)
    rows = list[dict[str, str | float]]()
    for kind in auto.by_kind:
        row: dict[str, str | float] = {"kind": kind, auto.name: _percent(auto.recall(kind, 0.0))}
        for result in own:
            row[f"{result.name}, as few false"] = _percent(result.recall(kind, result.threshold_with(false_of_auto)))
            row[f"{result.name}, own threshold"] = _percent(result.recall(kind, result.threshold))
        row["overlap"] = _percent(own[0].mean(kind, "overlaps"))
        row["turn error, degrees"] = round(own[0].mean(kind, "turn_errors_deg"), 1)
        rows.append(row)
    last: dict[str, str | float] = {"kind": "false faces per picture", auto.name: round(false_of_auto, 4)}
    for result in own:
        last[f"{result.name}, as few false"] = f"at {result.threshold_with(false_of_auto):.3f}"
        last[f"{result.name}, own threshold"] = round(result.false_per_picture(result.threshold), 4)
    return [*rows, last]


def _frames(sources: Sources, count: int) -> Iterator[Case]:
    for kind in KINDS:
        yield from cases(sources, kind, count)


def _percent(share: float) -> float:
    return round(100 * share, 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, required=True, help="folder that `unveil portraits` wrote")
    parser.add_argument("--occluders", type=Path, required=True)
    parser.add_argument("--without-faces", type=Path)
    parser.add_argument("--engine", type=Path, action="append", default=[], help="finder's engine [default: it ships]")
    parser.add_argument("--faces", type=int, default=60, help="frames of each kind")
    parser.add_argument("--without", type=int, default=500, help="frames without a face")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
