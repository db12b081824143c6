#!/usr/bin/env python
"""Damage small media files at random and process them. Fail on a crash, a hang, memory growth or an unexpected error.

    .venv/bin/python scripts/fuzz_files.py [--files N] [--seed N] [--render KIND] [--page FILE] [--keep FOLDER]

The seed chooses how each file is damaged (DAMAGES); the formats take turns (FORMATS). `unveil process` gets them in
batches. A file may be processed, processed with its damage reported, or refused with a reason. Lost frames that nothing
reports are counted, but are not a failure. These are: an error called "unexpected"; an exit status other than 0, 1; a
batch that takes longer than 30 s plus SECONDS_PER_FILE per file; memory GROWTH_MB above that of the undamaged files.
Exit status: 0 without failures, else 1.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from realtime.frames.types import U8
from realtime.run.report import table
from realtime.tools.demo.clip import frames

HERE = Path(__file__).resolve().parents[1]
VIDEOS = {
    "mp4": ("libx264", "aac"), "mkv": ("libx264", "mp3"), "mov": ("mpeg4", "aac"), "avi": ("mjpeg", "pcm_s16le"),
    "webm": ("libvpx", "libopus"), "ts": ("libx264", "mp2"), "h264": ("libx264", None),
}  # fmt: skip
IMAGES = ("jpg", "png", "webp", "tiff", "bmp")
FORMATS = (*VIDEOS, *IMAGES)
PER_BATCH = 20
SECONDS_PER_FILE = 20.0
GROWTH_MB = 300
SIZE_WH, FRAMES, SHOWN_FROM = (320, 180), 12, 30


def write_video(path: Path, pictures: Sequence[U8], codec: str, sound: str | None) -> None:
    """A short video with a tone."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        tone = out.add_stream(sound, rate=48_000, layout="mono") if sound else None
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=stream.pix_fmt)
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if tone is not None:
            samples = np.sin(np.arange(48_000 * len(pictures) // 25) / 20)[None].astype(np.float32)
            for start in range(0, samples.shape[1], 960):
                block = av.AudioFrame.from_ndarray(samples[:, start : start + 960], "fltp", "mono")
                block.rate, block.pts = 48_000, start
                resampler = av.AudioResampler(
                    tone.codec_context.format, "mono", 48_000, tone.codec_context.frame_size or None
                )
                for converted in resampler.resample(block):
                    out.mux(tone.encode(converted))
            out.mux(tone.encode(None))


def write_all(folder: Path) -> dict[str, bytes]:
    """One undamaged file of each format, as bytes."""
    shown = range(SHOWN_FROM, SHOWN_FROM + FRAMES)
    pictures = [np.asarray(cv2.resize(picture, SIZE_WH), np.uint8) for picture in frames(shown)]
    for suffix, (codec, sound) in VIDEOS.items():
        write_video(folder / f"whole.{suffix}", pictures, codec, sound)
    for suffix in IMAGES:
        cv2.imwrite(str(folder / f"whole.{suffix}"), pictures[0][:, :, ::-1])
    return {suffix: (folder / f"whole.{suffix}").read_bytes() for suffix in FORMATS}


def cut(data: bytes, dice: random.Random) -> bytes:
    """The start of the file."""
    return data[: dice.randrange(len(data))]


def flipped(data: bytes, dice: random.Random) -> bytes:
    """Some bits are flipped."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 3, 10, 100))):
        changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def wrong_header(data: bytes, dice: random.Random) -> bytes:
    """Some of the first bytes are others."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 4, 16))):
        changed[dice.randrange(min(len(data), 256))] = dice.randrange(256)
    return bytes(changed)


def with_hole(data: bytes, dice: random.Random) -> bytes:
    """A part is zero."""
    start = dice.randrange(len(data))
    length = min(dice.choice((16, 512, 4096)), len(data) - start)
    return data[:start] + bytes(length) + data[start + length :]


def without_part(data: bytes, dice: random.Random) -> bytes:
    """A part is missing."""
    start = dice.randrange(len(data))
    return data[:start] + data[start + dice.choice((1, 7, 188, 5000)) :]


def with_more(data: bytes, dice: random.Random) -> bytes:
    """Noise is inserted."""
    start = dice.randrange(len(data))
    return data[:start] + dice.randbytes(dice.choice((1, 100, 10_000))) + data[start:]


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    each.__name__: each for each in (cut, flipped, wrong_header, with_hole, without_part, with_more)
}


@dataclass
class Tally:
    """What became of the files."""

    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By format and by `kind`."""
    problems: list[str] = field(default_factory=list)
    peak_mb: float = 0.0


def process(inputs: Path, output: Path, render: str, count: int) -> tuple[int | None, list[dict[str, Any]], str]:
    """Run a batch. Returns the exit status (None: it hung), what became of each file, and standard error."""
    command = [sys.executable, "-m", "cli", "process", str(inputs), "-o", str(output), "--render", render]
    command += ["--json-lines", "-", "--name", "{stem}_{source}{suffix}"]
    try:
        run = subprocess.run(
            command, cwd=HERE, capture_output=True, text=True, check=False, timeout=30 + SECONDS_PER_FILE * count
        )
    except subprocess.TimeoutExpired as e:
        return None, _lines((e.stdout or b"").decode()), ""
    return run.returncode, _lines(run.stdout), run.stderr


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]


def kind(outcome: dict[str, Any]) -> str:
    """What became of a file, in a word."""
    if outcome["error"] is None:
        is_video = Path(outcome["input"]).suffix[1:] in VIDEOS
        return "processed" if not is_video or outcome["frames"] >= FRAMES else "frames lost, not reported"
    return "damage reported" if "frames" in outcome else "refused"


def run_batch(inputs: Path, output: Path, render: str, tally: Tally) -> None:
    """Process a folder of damaged files, and count."""
    names = sorted(path.name for path in inputs.iterdir())
    status, outcomes, errors = process(inputs, output, render, len(names))
    tally.peak_mb = max(tally.peak_mb, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
    done = {Path(outcome["input"]).name for outcome in outcomes}
    if status not in (0, 1):
        left = [name for name in names if name not in done]
        what = "hung" if status is None else f"ended with status {status}"
        tally.problems.append(f"{what}, at {left[0] if left else 'its end'}: {errors.strip().splitlines()[-1:]}")
    for outcome in outcomes:
        name = Path(outcome["input"]).name
        tally.results[name.rpartition(".")[2], kind(outcome)] += 1
        if "unexpected" in (outcome["error"] or ""):
            tally.problems.append(f"{name}: {outcome['error']}")
    if any(path.name.endswith(".part") for path in output.rglob("*")):
        tally.problems.append(f"a part file is left of {names[0]} .. {names[-1]}")


def page(tally: Tally, arguments: argparse.Namespace) -> str:
    """The results as Markdown."""
    kinds = ("processed", "damage reported", "refused", "frames lost, not reported")
    lines = [f"| format | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    lines += [f"| {each} | {' | '.join(str(tally.results[each, what]) for what in kinds)} |" for each in FORMATS]
    text = f"""# Damaged files

`python scripts/fuzz_files.py --files {arguments.files} --seed {arguments.seed} --render {arguments.render}` makes this
table: files of {len(FORMATS)} formats, each damaged in one of {len(DAMAGES)} ways (cut, flipped bits, a wrong header, a
hole, a missing part, noise inserted). damage reported: what could be read is processed, and the damage is an error with
exit status 1. refused: no output, but the reason, exit status 1. frames lost, not reported: a video with fewer frames
than before, and nothing in the file states that there were more.
"""
    end = f"Peak memory of a batch: {tally.peak_mb:.0f} MB. Crashes, hangs, unexpected errors: {len(tally.problems)}."
    return "\n".join([text, *lines, "", end, *(["", *(f"- {each}" for each in tally.problems)]), ""])


def main() -> None:
    """Print what became of the files, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--render", default="labels")
    parser.add_argument("--page", type=Path)
    parser.add_argument("--keep", type=Path, help="also keep the damaged files in this folder")
    arguments = parser.parse_args()
    dice, tally = random.Random(arguments.seed), Tally()
    with tempfile.TemporaryDirectory() as top:
        whole = Path(top) / "whole"
        whole.mkdir()
        contents = write_all(whole)
        run_batch(whole, Path(top) / "out_whole", arguments.render, tally)
        usual_mb, tally = tally.peak_mb, Tally(problems=tally.problems)
        for start in range(0, arguments.files, PER_BATCH):
            inputs = Path(top) / f"in{start}"
            inputs.mkdir()
            for number in range(start, min(start + PER_BATCH, arguments.files)):
                suffix = FORMATS[number % len(FORMATS)]
                damage = dice.choice(sorted(DAMAGES))
                path = inputs / f"{number:04d}_{damage}.{suffix}"
                path.write_bytes(DAMAGES[damage](contents[suffix], dice))
                if arguments.keep:
                    arguments.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, arguments.keep)
            before = len(tally.problems)
            run_batch(inputs, Path(top) / f"out{start}", arguments.render, tally)
            shutil.rmtree(inputs)
            shutil.rmtree(Path(top) / f"out{start}", ignore_errors=True)
            print(
                f"{start + PER_BATCH} files, {len(tally.problems)} problems",
                *tally.problems[before:],
                sep="\n  ",
                flush=True,
            )
    if tally.peak_mb > usual_mb + GROWTH_MB:
        tally.problems.append(f"memory rose to {tally.peak_mb:.0f} MB; {usual_mb:.0f} MB with undamaged files")
    rows = [(each, what, count) for (each, what), count in sorted(tally.results.items())]
    print(table(rows, ("format", "became", "files")), *tally.problems, sep="\n")
    if arguments.page:
        arguments.page.write_text(page(tally, arguments), encoding="utf-8")
    sys.exit(int(bool(tally.problems)))


if __name__ == "__main__":
    main()
