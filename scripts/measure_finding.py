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
from realtime.faces.finding.detectors import DETECTORS, open_detector
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
    results = {}
    print(f"{'pictures':24}  faces  found   share  false faces  ms per picture")
    with load_model(arguments.model) as engine:
        detector = open_detector(arguments.detector)
        for name, recall in measure(engine, detector, arguments.shared / "data", arguments.faces, arguments.without):
            counts = f"{recall.faces:5}  {recall.found:5}  {recall.share:6.1%}  {recall.false:11}"
            print(f"{name:24}  {counts}  {recall.ms_per_picture:14}", flush=True)
            results[name] = asdict(recall)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
