#!/usr/bin/env python
"""Kill `unveil process` at random moments, run it again, and compare with an uninterrupted run.

    .venv/bin/python scripts/kill_batches.py [--kills N] [--seed N] [--render KIND] [--page FILE]

Each round starts a batch of videos with sound and of images, with `--data`, and kills it (SIGKILL) at a random moment
before its usual end. Every second round reuses the previous round's folder after some outputs were deleted. Then the
same command runs to its end. A round passes if each decoded output has the reference's pixels, times and audio packets,
the data have the same lines, the exit status is 0, and no part file and no segment is left.
Exit status: 0 if all rounds pass, else 1.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2

from realtime.run.report import table
from realtime.tools.demo.clip import frames, write_clip

HERE = Path(__file__).resolve().parents[1]
CLIP_SECONDS = (0.4, 1.5, 0.7)
IMAGES = (20, 45, 60)  # the moments of the sample clip, in frames


@dataclass(frozen=True)
class Round:
    """What one kill left."""

    seconds: float
    """From the start to the kill."""
    used_folder: bool
    outputs: int
    """Outputs that were there after the kill."""
    parts: int
    """Part files that the kill left."""
    problem: str | None
    """What differs after the second run; None where all is complete."""


def write_inputs(folder: Path, clip_seconds: Sequence[float]) -> None:
    """Videos with a silent audio track, and images, from the sample clip."""
    for number, seconds in enumerate(clip_seconds):
        write_clip(folder / f"clip{number}.mp4", seconds)
    for number, picture in zip(IMAGES, frames(IMAGES), strict=True):
        cv2.imwrite(str(folder / f"still{number}.jpg"), cv2.resize(picture, None, fx=0.5, fy=0.5)[:, :, ::-1])


def command(inputs: Path, output: Path, render: str) -> list[str]:
    """The command line of the batch."""
    return [sys.executable, "-m", "cli", "process", str(inputs), "-o", str(output), "--render", render, "--data"]


def digest(path: Path) -> str:
    """A hash of what a file holds: decoded pixels with their times, and packets of sound with theirs."""
    if path.suffix == ".jsonl":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    hashed = hashlib.sha256()
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type in ("video", "audio")]
        for packet in container.demux(streams):
            if packet.stream.type == "audio":
                hashed.update(f"{packet.pts} {packet.duration}".encode() + bytes(packet))
                continue
            for frame in packet.decode():
                hashed.update(f"{frame.pts} {frame.time_base} {frame.format.name}".encode())
                hashed.update(frame.to_ndarray().tobytes())
    return hashed.hexdigest()


def results(folder: Path) -> dict[str, str]:
    """The hash of each output in a folder."""
    return {path.name: digest(path) for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def kill_round(
    inputs: Path, output: Path, render: str, seconds: float, reference: dict[str, str], *, used_folder: bool
) -> Round:
    """Start the batch, kill it, run it to its end, and compare."""
    process = subprocess.Popen(command(inputs, output, render), cwd=HERE, stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    there = [path.name for path in output.iterdir()] if output.is_dir() else []
    parts = sum(name.endswith(".part") for name in there)
    again = subprocess.run(command(inputs, output, render), cwd=HERE, capture_output=True, text=True, check=False)
    problem = None
    if again.returncode:
        problem = f"exit status {again.returncode}: {again.stderr.strip().splitlines()[-1:]}"
    elif left := [path.name for path in output.iterdir() if path.name.endswith(".part")]:
        problem = f"left: {', '.join(left)}"
    elif (found := results(output)) != reference:
        different = sorted(name for name in found.keys() | reference if found.get(name) != reference.get(name))
        problem = f"different: {', '.join(different)}"
    return Round(seconds, used_folder, sum(name in reference for name in there), parts, problem)


def page(rounds: Sequence[Round], arguments: argparse.Namespace) -> str:
    """The results as Markdown."""
    failed = [each for each in rounds if each.problem]
    with_parts = sum(each.parts > 0 for each in rounds)
    halfway = sum(0 < each.outputs < 2 * (len(arguments.seconds) + len(IMAGES)) for each in rounds)
    rows = [
        ("kills", len(rounds)),
        ("into fresh folders", sum(not each.used_folder for each in rounds)),
        ("into folders of an earlier round", sum(each.used_folder for each in rounds)),
        ("kills that left a part file", with_parts),
        ("kills after some outputs, before the last", halfway),
        ("complete and equal after the second run", len(rounds) - len(failed)),
    ]
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    problems = [f"- after {each.seconds:.2f} s: {each.problem}" for each in failed]
    seconds = " ".join(f"{each:g}" for each in arguments.seconds)
    command = f"python scripts/kill_batches.py --kills {len(rounds)} --seed {arguments.seed} "
    command += f"--render {arguments.render} --seconds {seconds}"
    text = f"""# Batches that are killed

`{command}`
makes this table. Each kill is a SIGKILL at a random moment of a batch of {len(arguments.seconds)} videos with sound and
three images, with `--data`. Then the same command runs to its end. Its outputs are compared with those of an
uninterrupted run: decoded pixels, times, packets of sound and lines of data.
"""
    return "\n".join([text, *lines, *(["", "## What differs", "", *problems] if problems else []), ""])


def main() -> None:
    """Print a line per round, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--render", default="overlay")
    parser.add_argument(
        "--seconds", type=float, nargs="+", default=CLIP_SECONDS, help="lengths of the videos; long ones have segments"
    )
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory() as folder:
        inputs, output = Path(folder) / "in", Path(folder) / "out"
        inputs.mkdir()
        write_inputs(inputs, arguments.seconds)
        started = time.perf_counter()
        subprocess.run(command(inputs, Path(folder) / "reference", arguments.render), cwd=HERE, check=True)
        usual = time.perf_counter() - started
        reference = results(Path(folder) / "reference")
        for number in range(arguments.kills):
            used_folder = number % 2 == 1
            if used_folder:
                for path in sorted(output.iterdir()):
                    if path.suffix in (".mp4", ".jpg") and dice.random() < 0.5:
                        path.unlink()
            else:
                output = Path(folder) / f"out{number}"
            seconds = dice.uniform(0.0, usual)
            again = kill_round(inputs, output, arguments.render, seconds, reference, used_folder=used_folder)
            rounds.append(again)
            print(f"{number + 1}: killed after {seconds:.2f} s, {again.problem or 'complete'}", flush=True)
    print(table([(len(rounds), sum(each.problem is not None for each in rounds))], ("kills", "not complete")))
    if arguments.page:
        arguments.page.write_text(page(rounds, arguments), encoding="utf-8")
    sys.exit(int(any(each.problem for each in rounds)))


if __name__ == "__main__":
    main()
