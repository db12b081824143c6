#!/usr/bin/env python
"""Compare the label videos that two checkouts make: every decoded frame and every pts must be the same.

Run: python scripts/compare_labels.py OTHER_CHECKOUT [--clips ../shared/clips] [--models consensus-lite parts ...]

Both checkouts run with this Python, on this machine. Exit status: 0 where all label videos are the same, else 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import av

HERE = Path(__file__).resolve().parents[1]
MODELS = ["consensus-lite", "parts", "parts+consensus"]


def label_videos(checkout: Path, clips: list[Path], model: str, output: Path) -> None:
    """Make the label videos of some clips with one checkout's code."""
    command = [sys.executable, str(checkout / "cli.py"), "process", *map(str, clips), "--output", str(output)]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    subprocess.run([*command, "--model", model, "--render", "labels"], check=True, env=environment, cwd=checkout)


def digest(path: Path) -> tuple[str, int]:
    """A hash of a video's decoded frames and their times, and the number of frames."""
    hashed, count = hashlib.sha256(), 0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            count += 1
            assert frame.pts is not None and frame.time_base is not None
            hashed.update(f"{frame.pts * frame.time_base} {frame.format.name} ".encode())
            hashed.update(frame.to_ndarray().tobytes())
    return hashed.hexdigest(), count


def main() -> None:
    """Print a line per label video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--clips", type=Path, default=HERE.parent / "shared" / "clips")
    parser.add_argument("--models", nargs="+", default=MODELS)
    arguments = parser.parse_args()
    clips = sorted(arguments.clips.glob("*.mkv"))
    differences = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            outputs = [Path(folder) / side / model for side in ("this", "other")]
            for checkout, output in zip((HERE, arguments.other.resolve()), outputs, strict=True):
                label_videos(checkout, clips, model, output)
            for clip in clips:
                (here, frames), (there, _) = (digest(output / clip.name) for output in outputs)
                differences += here != there
                print(f"{model}, {clip.name}: {frames} frames, {'same' if here == there else 'DIFFERENT'}", flush=True)
    print(f"{len(clips) * len(arguments.models)} label videos, {differences} different")
    sys.exit(int(differences > 0))


if __name__ == "__main__":
    main()
