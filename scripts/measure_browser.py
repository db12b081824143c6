"""Measures the browser view in Chromium, from the picture itself: frames per second and latency.

A fake camera plays a clip in which every frame carries its number as black and white blocks. The page's own camera
element shows when each number came in, its masked picture when it was painted. Latency is the time between. Needs
Playwright and Chromium:

    python scripts/measure_browser.py CLIP [--seconds 20] [--times 1] [--json FILE]

With `--times` it measures so often, one after the other on the same page, and says whether memory or latency grows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
SIZE_WH, FPS = (640, 480), 30
BITS, BLOCK_WH = 12, (40, 24)  # blocks so large stay legible through two JPEGs
CHROMIUM_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
_WARM_UP_SECONDS = 5

# Reads the number from the blocks in the lower left corner; null where they are no black and white.
_WATCH = """
(() => {
  const [bits, blockWidth, blockHeight] = [%(bits)d, %(width)d, %(height)d];
  const seen = { camera: [], picture: [] };
  window.measured = seen;
  const small = document.createElement("canvas");
  small.width = bits * blockWidth;
  small.height = blockHeight;
  const reader = small.getContext("2d", { willReadFrequently: true });
  const read = (image, height) => {
    drawImage.call(reader, image, 0, height - blockHeight, small.width, blockHeight, 0, 0, small.width, blockHeight);
    let number = 0;
    for (let bit = 0; bit < bits; bit++) {
      const x = Math.round((bit + 0.5) * blockWidth);
      const value = reader.getImageData(x, blockHeight >> 1, 1, 1).data[1];
      if (value > 70 && value < 185) return null;
      number = 2 * number + (value >= 185 ? 1 : 0);
    }
    return number;
  };
  const drawImage = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (image, ...rest) {
    drawImage.call(this, image, ...rest);
    if (this.canvas.id !== "picture") return;
    const number = read(this.canvas, this.canvas.height);
    const drawn = performance.now();
    requestAnimationFrame(() => seen.picture.push({ number, drawn, painted: performance.now() }));
  };
  const watch = (video) => {
    const next = (now, { captureTime }) => {
      const came = performance.now();
      if (video.videoWidth) seen.camera.push({ number: read(video, video.videoHeight), came, captureTime });
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
  };
  addEventListener("DOMContentLoaded", () => {
    new MutationObserver((changes, observer) => {
      const video = document.querySelector("video");
      if (video) { observer.disconnect(); watch(video); }
    }).observe(document.body, { childList: true, subtree: true });
  });
})();
"""


def write_camera(clip: Path, path: Path) -> int:
    """Write a fake camera's file, MJPEG of 640x480, whose frames carry their numbers. Returns their count."""
    count = 0
    with av.open(str(clip)) as source, av.open(str(path), "w", format="mjpeg") as out:
        stream = out.add_stream("mjpeg", rate=FPS, options={"q:v": "3"})
        stream.width, stream.height, stream.pix_fmt = *SIZE_WH, "yuvj420p"
        for picture in source.decode(video=0):
            rgb = cv2.resize(picture.to_ndarray(format="rgb24"), SIZE_WH, interpolation=cv2.INTER_AREA)
            draw_number(rgb, count)
            coded = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuvj420p")
            coded.pts, coded.time_base = count, Fraction(1, FPS)
            out.mux(stream.encode(coded))
            count += 1
        out.mux(stream.encode(None))
    return count


def draw_number(rgb: npt.NDArray[Any], number: int) -> None:
    """Draw a number into the lower left corner, the highest bit first."""
    width, height = BLOCK_WH
    for bit in range(BITS):
        is_set = number >> (BITS - 1 - bit) & 1
        rgb[-height:, bit * width : (bit + 1) * width] = 255 * is_set


@dataclass(frozen=True)
class Served:
    """A running `unveil serve`."""

    address: str
    """The page's address, with its token."""
    pid: int

    @property
    def resident_mb(self) -> float:
        """Its resident memory."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(round(int(line.split()[1]) / 1024, 1) for line in lines if line.startswith("VmRSS"))


@contextmanager
def serving(*arguments: str, end: signal.Signals = signal.SIGINT) -> Iterator[Served]:
    """Run `unveil serve` until a signal, on a free port unless another one is given."""
    command = [sys.executable, "-m", "cli", "serve", "--port", "0", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        lines = iter(server.stderr.readline, "")
        address = next((found[1] for line in lines if (found := re.match(r"open (\S+)", line))), None)
        if address is None:
            raise SystemExit("unveil serve did not start")
        yield Served(address, server.pid)
    finally:
        server.send_signal(end)
        said, status = server.stderr.read(), server.wait(20)
        server.stderr.close()
    if status != 128 + end:
        raise SystemExit(f"unveil serve ended with status {status}: {said}")


@contextmanager
def chromium(camera: Path, executable: str = "/usr/bin/chromium") -> Iterator[Page]:
    """A page of a real Chromium whose camera is a file."""
    from playwright.sync_api import sync_playwright  # what serves needs no browser

    with sync_playwright() as playwright:
        flags = [*CHROMIUM_FLAGS, f"--use-file-for-fake-video-capture={camera.absolute()}"]
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        try:
            yield browser.new_page(viewport={"width": 1280, "height": 900})
        finally:
            browser.close()


def show_camera(page: Page, address: str) -> float:
    """Show the camera's masked picture. Returns the milliseconds from the click to the first one."""
    page.add_init_script(_WATCH % {"bits": BITS, "width": BLOCK_WH[0], "height": BLOCK_WH[1]})
    page.goto(address)
    started = page.evaluate("performance.now()")
    page.click("#start-camera")
    wait_for(page, "measured.picture.length > 0")
    first: float = page.evaluate("measured.picture[0].painted")
    page.wait_for_timeout(_WARM_UP_SECONDS * 1000)
    return first - started


def measure(page: Page, seconds: float) -> dict[str, Any]:
    """Measure a page that shows its camera."""
    page.evaluate("measured.camera.length = measured.picture.length = 0")
    page.wait_for_timeout(seconds * 1000)
    return summary(page.evaluate("measured"), seconds)


def wait_for(page: Page, condition: str, seconds: float = 30) -> None:
    """Wait until an expression is true on the page. (Playwright's own way is `eval`, which the page forbids.)"""
    end = time.monotonic() + seconds
    while not page.evaluate(f"Boolean({condition})"):
        if time.monotonic() > end:
            raise SystemExit(f"after {seconds:g} s this is not so: {condition}")
        page.wait_for_timeout(50)


def summary(seen: dict[str, list[dict[str, Any]]], seconds: float) -> dict[str, Any]:
    """Frames per second and latencies of what was seen."""
    came: dict[int, dict[str, Any]] = {}
    events = [(each["came"], "camera", each) for each in seen["camera"]]
    events += [(each["drawn"], "picture", each) for each in seen["picture"]]
    latencies, since_capture, unread = [], [], 0
    for _, kind, each in sorted(events, key=lambda event: event[0]):
        if each["number"] is None:
            unread += 1
        elif kind == "camera":
            came[each["number"]] = each
        elif entry := came.pop(each["number"], None):
            latencies.append(each["painted"] - entry["came"])
            if entry.get("captureTime") is not None:
                since_capture.append(each["painted"] - entry["captureTime"])
    return {
        "fps": round(len(latencies) / seconds, 2),
        "camera_fps": round(len(seen["camera"]) / seconds, 2),
        "latency_ms": _percentiles(latencies),
        "latency_since_capture_ms": _percentiles(since_capture),
        "numbers_that_could_not_be_read": unread,
    }


def slopes(times: list[dict[str, Any]], seconds: float) -> dict[str, float]:
    """How memory and the median latency grow per minute: straight lines, fitted to all but the first tenth."""
    settled = times[len(times) // 10 :]
    minutes = np.arange(len(settled)) * seconds / 60
    values = {
        "resident_mb": [each["resident_mb"] for each in settled],
        "latency_p50_ms": [each["latency_ms"]["p50"] for each in settled],
    }
    return {name: round(float(np.polyfit(minutes, each, 1)[0]), 3) for name, each in values.items()}


def _percentiles(values: list[float]) -> dict[str, float]:
    return (
        {f"p{percent}": round(float(np.percentile(values, percent)), 1) for percent in (50, 95, 99)} if values else {}
    )


def main() -> None:
    """Print, and write, what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, help="a clip with a face")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        camera = Path(folder) / "camera.mjpeg"
        write_camera(options.clip, camera)
        with serving() as server, chromium(camera, options.chromium) as page:
            first_ms = show_camera(page, server.address)
            times = []
            for _ in range(options.times):
                times.append(measure(page, options.seconds) | {"resident_mb": server.resident_mb})
                print(json.dumps(times[-1]), flush=True)
    machine = platform.processor() or platform.machine()
    result = {"first_picture_ms": round(first_ms), "seconds": options.seconds, "machine": machine}
    result |= {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "times": times}
    if options.times > 1:
        result["slopes_per_minute"] = slopes(times, options.seconds)
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
