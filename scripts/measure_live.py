"""Measure `unveil live`: rate, drops, latency from the picture itself, the first masked frame, and memory over hours.

    .venv/bin/python scripts/measure_live.py [CLIP] [--seconds S | --hours H] [--json FILE] [--plot FILE]

A camera is imitated: a clip of 720p at 30 fps is sent in a loop as JPEG pictures over HTTP on the loopback. Each
picture carries its number as black and white squares. `unveil live --pipe raw` writes what it shows to this script,
which reads the number: the latency of a frame is from its sending to its arrival here, so it holds the network, the
decoder, the masks and the pipe, and neither a camera nor a screen.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from engines.machine import cpu_name
from realtime.frames.types import U8
from realtime.run.report import write_json
from realtime.tools.demo.clip import write_clip

SIZE_WH, FPS = (1280, 720), 30
_LOOP = 600  # frames with numbers of their own: 20 s
_SQUARE_PX, _BITS = 16, 10
_WARM_UP_SECONDS = 2.0  # frames before are not in the latencies: they wait for the first search
_MEMORY_EVERY_SECONDS = 5.0


def stamped(rgb: U8, number: int) -> bytes:
    """A JPEG picture with a number in its upper left corner."""
    bgr = np.ascontiguousarray(cv2.resize(rgb, SIZE_WH)[:, :, ::-1])
    for bit in range(_BITS):
        left = bit * _SQUARE_PX
        bgr[:_SQUARE_PX, left : left + _SQUARE_PX] = 255 * (number >> bit & 1)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())


def number_of(luma: U8) -> int:
    """The number in a picture's brightness."""
    middle = _SQUARE_PX // 2
    squares = luma[middle, middle : _BITS * _SQUARE_PX : _SQUARE_PX]
    return sum(1 << bit for bit, value in enumerate(squares) if value > 127)


class Camera(ThreadingHTTPServer):
    """Sends the pictures in a loop, and notes when it sent each number last."""

    daemon_threads = True

    def __init__(self, jpegs: Sequence[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Sending)
        self.jpegs = jpegs
        self.sent_at = [0.0] * len(jpegs)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/camera"


class _Sending(BaseHTTPRequestHandler):
    server: Camera

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        start, count = time.perf_counter(), 0
        try:
            while True:
                time.sleep(max(0.0, start + count / FPS - time.perf_counter()))
                number = count % len(self.server.jpegs)
                jpeg = self.server.jpegs[number]
                self.server.sent_at[number] = time.perf_counter()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                count += 1
        except OSError:
            return

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""


@dataclass
class Measured:
    """What was measured of one run."""

    seconds: float
    load_before: float
    """The machine's load average before the run: what else it had to do."""
    first_frame_seconds: float = 0.0
    """From the command to its first frame."""
    latencies_ms: list[float] = field(default_factory=list)
    at_seconds: list[float] = field(default_factory=list)
    """When each of those frames came, since the command."""
    memory_mb: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the command, and resident memory."""
    cpu_seconds: float = 0.0
    """CPU time of the command, start included."""
    summary: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The figures."""
        settled = [ms for ms, at in zip(self.latencies_ms, self.at_seconds, strict=True) if at > self._settled_at]
        late = [latency for latency in self.at_seconds if latency > self._settled_at]
        p50, p95, p99 = np.percentile(settled or [0.0], (50, 95, 99)).round(1).tolist()
        return {
            "machine": cpu_name(), "cores": os.cpu_count(), "load_before": self.load_before,
            "seconds": round(self.seconds, 1), "model": self.summary["engine"],
            "first_frame_seconds": round(self.first_frame_seconds, 2),
            "first_frame_masked": self.summary["frames_without_face"] == 0,
            "fps_settled": round((len(late) - 1) / (late[-1] - late[0]), 2) if len(late) > 1 else None,
            "frames": self.summary["frames"], "dropped": self.summary["dropped"],
            "dropped_settled": self._dropped_settled(),
            "latency_ms": {"p50": p50, "p95": p95, "p99": p99},
            "latency_slope_ms_per_hour": _slope_per_hour(self._minutes_of_latency()),
            "cpu_ms_per_frame": round(self.cpu_seconds / max(1, self.summary["frames"]) * 1e3, 2),
            "memory_mb": [round(mb, 1) for _, mb in self.memory_mb[:: max(1, len(self.memory_mb) // 12)]],
            "memory_slope_mb_per_hour": _slope_per_hour(self._settled_memory()),
        }  # fmt: skip

    @property
    def _settled_at(self) -> float:
        return self.first_frame_seconds + _WARM_UP_SECONDS

    def _dropped_settled(self) -> int:
        late = [at for at in self.at_seconds if at > self._settled_at]
        return max(0, round((late[-1] - late[0]) * FPS) - len(late) + 1) if late else 0

    def _settled_memory(self) -> list[tuple[float, float]]:
        return [(at, mb) for at, mb in self.memory_mb if at > max(self._settled_at, 0.1 * self.seconds)]

    def _minutes_of_latency(self) -> list[tuple[float, float]]:
        """The median of each ten seconds."""
        ten: dict[int, list[float]] = {}
        for at, latency in zip(self.at_seconds, self.latencies_ms, strict=True):
            if at > self._settled_at:
                ten.setdefault(int(at // 10), []).append(latency)
        return [(10.0 * number, float(np.median(values))) for number, values in ten.items()]


def _slope_per_hour(points: list[tuple[float, float]]) -> float | None:
    if len(points) < 3:
        return None
    seconds, values = np.array(points).T
    return round(float(np.polyfit(seconds, values, 1)[0]) * 3600, 2)


def measure(clip: Path, seconds: float, arguments: Sequence[str]) -> Measured:
    """Run `unveil live` on an imitated camera for some seconds."""
    with av.open(str(clip)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in islice(container.decode(video=0), _LOOP)]
    order = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]  # there and back, so that it never cuts
    camera = Camera([stamped(pictures[order[number % len(order)]], number) for number in range(_LOOP)])
    measured = Measured(seconds, round(os.getloadavg()[0], 2))
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "live.json"
        command = [
            sys.executable, "-m", "cli", "live", camera.url, "--view", "none", "--pipe", "raw",
            "--seconds", str(seconds), "--json", str(report), *arguments,
        ]  # fmt: skip
        before, started = os.times(), time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pipesize=1 << 20) as process:
            _read_frames(process, camera, measured, started)
        after = os.times()
        measured.cpu_seconds = (
            after.children_user + after.children_system - (before.children_user + before.children_system)
        )
        measured.summary = json.loads(report.read_text())
    return measured


def _read_frames(process: subprocess.Popen[bytes], camera: Camera, measured: Measured, started: float) -> None:
    assert process.stdout is not None
    width, height = SIZE_WH
    frame, memory_at = bytearray(width * height * 3 // 2), 0.0
    while process.stdout.readinto(frame) == len(frame):  # type: ignore[attr-defined]
        now = time.perf_counter()
        luma = np.frombuffer(frame, np.uint8, width * height).reshape(height, width)
        if not measured.at_seconds:
            measured.first_frame_seconds = now - started
        measured.at_seconds.append(now - started)
        measured.latencies_ms.append((now - camera.sent_at[number_of(luma)]) * 1e3)
        if now - memory_at > _MEMORY_EVERY_SECONDS:
            memory_at = now
            measured.memory_mb.append((now - started, resident_mb(process.pid)))


def resident_mb(pid: int) -> float:
    """The resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def plot(measured: Measured, path: Path) -> None:
    """Memory and latency over time."""
    from matplotlib.figure import Figure

    figure = Figure((8, 4.5), layout="constrained")
    memory, latency = figure.subplots(2, 1, sharex=True)
    memory.plot(*zip(*[(at / 60, mb) for at, mb in measured.memory_mb], strict=True))
    memory.set(ylabel="resident memory, MB", ylim=(0, None))
    latency.plot(*zip(*[(at / 60, ms) for at, ms in measured._minutes_of_latency()], strict=True))
    latency.set(xlabel="minutes", ylabel="latency, ms (median of 10 s)", ylim=(0, None))
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print the figures, and write them where they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, nargs="?", help="a video with a face [default: a drawn sample]")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--hours", type=float, help="instead of --seconds")
    parser.add_argument("--json", type=Path, help="write the figures")
    parser.add_argument("--plot", type=Path, help="write a plot of memory and latency (PNG)")
    options, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = options.clip or Path(folder) / "sample.mp4"
        if not options.clip:
            write_clip(clip, seconds=_LOOP / FPS / 4)
        measured = measure(clip, options.hours * 3600 if options.hours else options.seconds, arguments)
    figures = measured.to_json()
    print(json.dumps(figures, indent=2))
    if options.json:
        write_json(options.json, figures)
    if options.plot:
        plot(measured, options.plot)


if __name__ == "__main__":
    main()
