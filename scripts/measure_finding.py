#!/usr/bin/env python
"""Count the faces that are found in pictures, by place and size, and what is taken for a face where there is none.

Run: python scripts/measure_finding.py [--detector NAME] [--model MODEL] [--shared ../shared] [--json FILE]

The pictures are composed from the held-out tenth of the shared portraits, hands and objects, with fixed seeds. A face's
ground truth is its mask in the whole, unmodified portrait. It is found where a mask overlaps with that truth: by half
(IoU 0.5), or by 0.7 where the face fills the picture or reaches beyond its edge.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from realtime.faces.composed import load_model
from realtime.faces.detect import DETECTORS, open_detector
from realtime.run.report import table
from train.measure.finding.recall import measure

SHARED = Path(__file__).resolve().parents[2] / "shared"


def main() -> None:
    """Print the table, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default="auto", choices=DETECTORS)
    parser.add_argument("--model", default="consensus-lite")
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--faces", type=int, default=200, help="portraits for each kind of picture")
    parser.add_argument("--without", type=int, default=600, help="pictures without a face")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with load_model(arguments.model) as engine:
        detector = open_detector(arguments.detector)
        results = measure(engine, detector, arguments.shared / "data", arguments.faces, arguments.without)
    rows = [
        (name, result.faces, result.found, f"{result.share:.1%}", result.false, result.ms_per_picture)
        for name, result in results.items()
    ]
    print(table(rows, ("pictures", "faces", "found", "share", "false faces", "ms per picture")))
    if arguments.json:
        arguments.json.write_text(
            json.dumps({name: asdict(result) for name, result in results.items()}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
