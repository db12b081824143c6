"""Measure whether memory grows: `unveil process` masks a clip that repeats for hours.

    .venv/bin/python scripts/watch_memory.py [CLIP] [--hours H] [--render KIND] [--json FILE]

The long clip and its output go to a temporary folder: an hour of 720p takes about 1.3 GB with an overlay.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from engines.errors import UnveilError
from realtime.run.report import table, write_json
from realtime.tools.demo.clip import write_clip

SECONDS = 10.0  # of the sample clip
_EVERY_SECONDS = 5.0
_SETTLED = 0.1  # of the run: until then queues and pools fill
_SHOWN = (0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Memory:
    """The resident memory of a process over time."""

    minutes: tuple[float, ...]
    """Since the start of the process."""
    megabytes: tuple[float, ...]
    """Resident memory at those times."""

    @property
    def growth_mb(self) -> float:
        """Growth of a straight line fitted to all but the first tenth, from its start to its end."""
        settled = np.array(self.minutes) >= _SETTLED * self.minutes[-1]
        minutes = np.array(self.minutes)[settled]
        slope, _ = np.polyfit(minutes, np.array(self.megabytes)[settled], 1) if len(minutes) > 1 else (0.0, 0.0)
        return round(float(slope * np.ptp(minutes)), 2)

    def at(self, share: float) -> tuple[float, float]:
        """Minutes and megabytes at a share of the way."""
        index = round(share * (len(self.minutes) - 1))
        return self.minutes[index], self.megabytes[index]


def repeat(clip: Path, output: Path, seconds: float) -> float:
    """Repeat a clip, packet by packet, until it is long enough. Returns its length in seconds."""
    shift, end = 0, 0
    with av.open(str(output), "w") as container:
        stream = None
        while True:
            with av.open(str(clip)) as source:
                if not source.streams.video:
                    raise UnveilError(f"{clip} has no video; expected a clip such as an .mp4")
                read = source.streams.video[0]
                stream = stream or container.add_stream_from_template(read)
                time_base = read.time_base
                assert time_base is not None
                for packet in source.demux(read):
                    if packet.dts is None or packet.pts is None:  # the empty one at the end
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    end = max(end, packet.pts + (packet.duration or 0))
                    container.mux(packet)
            if end == shift:
                raise UnveilError(f"{clip} does not say when its frames are due; expected a clip such as an .mp4")
            shift = end
            if end * time_base >= seconds:
                return float(end * time_base)


def watch(command: Sequence[str], every_seconds: float, say: Callable[[float, float], None]) -> Memory:
    """Run a command to its end. Raises UnveilError where it fails.

    Args:
        say: gets minutes and megabytes of each measurement.
    """
    minutes, megabytes = [], []
    started = time.monotonic()
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors) as process,
    ):
        while process.poll() is None:
            if resident := _resident_mb(process.pid):
                minutes.append(round((time.monotonic() - started) / 60, 3))
                megabytes.append(resident)
                say(minutes[-1], resident)
            time.sleep(every_seconds)
        errors.seek(0)
        if process.returncode or not minutes:
            raise UnveilError(f"{' '.join(command)} failed: {errors.read().decode(errors='replace')[-500:]}")
    return Memory(tuple(minutes), tuple(megabytes))


def _resident_mb(pid: int) -> float:
    """Resident megabytes of a process; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((round(int(line.split()[1]) / 1024, 1) for line in lines if line.startswith("VmRSS")), 0.0)


def text(memory: Memory) -> str:
    """The result as a table and a line."""
    rows = [tuple(f"{value:.1f}" for value in memory.at(share)) for share in _SHOWN]
    return f"{table(rows, ('minutes', 'MB'))}\nfrom a tenth of the way to the end: {memory.growth_mb:+.1f} MB"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path, help="a video (default: the sample clip)")
    parser.add_argument("--hours", type=float, default=1.0, help="how long the repeated clip lasts")
    parser.add_argument("--render", default="overlay")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="unveil-memory-") as folder:
            clip = given.clip or Path(folder) / "sample.mp4"
            if not given.clip:
                write_clip(clip, SECONDS)
            long = Path(folder) / "long.mp4"
            lasts = repeat(clip, long, given.hours * 3600)
            command = [sys.executable, "-m", "cli", "process", str(long), "--output", str(Path(folder) / "out")]
            command += ["--render", given.render]
            memory = watch(
                command, _EVERY_SECONDS, lambda at, megabytes: print(f"\r{at:6.1f} min {megabytes:8.1f} MB", end="")
            )
    except (UnveilError, av.FFmpegError, OSError) as e:
        print(f"failed: {e}", file=sys.stderr)
        return 1
    print("\r" + text(memory))
    if given.json:
        about: dict[str, Any] = {"hours": round(lasts / 3600, 3), "render": given.render}
        write_json(given.json, about | asdict(memory) | {"growth_mb": memory.growth_mb})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
