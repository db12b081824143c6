#!/usr/bin/env python
"""Make the README's pictures: docs/hand.webp, which moves, and docs/gallery.webp, with every render of one frame.

Run: python scripts/make_pictures.py [--clips ../shared/clips] [--output docs]

Both come from the clip eat.mkv (asl_gestures, in sample-videos by Intel Corporation, CC BY 4.0), masked by this
checkout's `unveil process`. The face is small in the clip, so the pictures show the part around it, enlarged.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from engines.spec import CONSENSUS_LABELS
from realtime.render.palette import palette

HERE = Path(__file__).resolve().parents[1]
CLIP = "eat.mkv"
CROP_XYXY = (208, 40, 404, 226)  # around the head, wherever it moves
SHOWN = range(4, 44)  # frames: the hand comes, stays at the mouth and leaves
MOMENT = 25  # the frame of the gallery: the hand is at the mouth
FPS = 20  # two thirds of the clip's speed
PANEL_WH = (368, 350)
TILE_WH = (276, 262)
QUALITY = 80  # of WebP

MOVING = (("frame", None, ""), ("overlay", "overlay", "consensus-lite"), ("cutout", "cutout", "consensus-lite"))
GALLERY = (
    ("frame", None, ""),
    ("overlay", "overlay", "consensus-lite"),
    ("cutout", "cutout", "consensus-lite"),
    ("labels, in colours", "labels", "consensus-lite"),
    ("alpha, on squares", "alpha", "consensus-lite"),
    ("blur", "blur", "consensus-lite"),
    ("parts", "overlay", "parts"),
    ("parts+consensus", "overlay", "parts+consensus"),
    ("parts-depth", "overlay", "parts-depth"),
)
"""Title, render and model of each tile; no render: the frame itself."""

Pixels = npt.NDArray[np.uint8]


def main() -> None:
    """Write both pictures and print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=HERE.parent / "shared" / "clips", help="the folder of eat.mkv")
    parser.add_argument("--output", type=Path, default=HERE / "docs", help="the folder of the pictures")
    arguments = parser.parse_args()
    clip = arguments.clips / CLIP
    if not clip.is_file():
        sys.exit(f"{clip} is missing: name the folder of {CLIP} with --clips")
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rendered = {
            (render, model): frames_of(masked(clip, render, model, Path(folder)), render) if render else frames_of(clip)
            for _, render, model in {*MOVING, *GALLERY}
        }
    panels = [[tile(frame, PANEL_WH, name) for frame in rendered[render, model]] for name, render, model in MOVING]
    write_webp(arguments.output / "hand.webp", loop([np.hstack(row) for row in zip(*panels, strict=True)]))
    tiles = [tile(rendered[render, model][MOMENT], TILE_WH, name) for name, render, model in GALLERY]
    rows = [np.hstack(tiles[start : start + 3]) for start in range(0, len(tiles), 3)]
    write_webp(arguments.output / "gallery.webp", [np.vstack(rows)])


def masked(clip: Path, render: str, model: str, folder: Path) -> Path:
    """The video that `unveil process` makes of the clip."""
    output = folder / model / render
    command = [sys.executable, str(HERE / "cli.py"), "process", str(clip), "--output", str(output)]
    subprocess.run([*command, "--model", model, "--render", render], check=True, cwd=HERE)
    return next(output.glob(f"{clip.stem}.*"))


def frames_of(video: Path, render: str | None = None) -> list[Pixels]:
    """A video's frames, each (height, width, 3) uint8 RGB: labels in their colours, a matte on squares."""
    layout = {"labels": "gray", "alpha": "rgba"}.get(render or "", "rgb24")
    with av.open(str(video)) as container:
        frames = [np.asarray(frame.to_ndarray(format=layout), np.uint8) for frame in container.decode(video=0)]
    if render == "labels":
        return [palette(CONSENSUS_LABELS)[frame] for frame in frames]
    if render == "alpha":
        return [on_squares(frame) for frame in frames]
    return frames


def on_squares(rgba: Pixels, side_px: int = 6) -> Pixels:
    """A picture with transparency, on light and dark squares. The result is RGB."""
    rows, columns = np.indices(rgba.shape[:2]) // side_px
    squares = np.where((rows + columns) % 2, 205, 245)[..., None]
    alpha = rgba[..., 3:] / 255
    return np.asarray(np.rint(rgba[..., :3] * alpha + squares * (1 - alpha)), np.uint8)


def tile(rgb: Pixels, size_wh: tuple[int, int], title: str) -> Pixels:
    """The part of a frame around the head, enlarged, with its title in the upper left corner."""
    left, top, right, bottom = CROP_XYXY
    enlarged = cv2.resize(rgb[top:bottom, left:right], size_wh, interpolation=cv2.INTER_CUBIC)
    font, scale = cv2.FONT_HERSHEY_DUPLEX, 0.5
    (width, height), _ = cv2.getTextSize(title, font, scale, 1)
    plate = enlarged[: height + 14, : width + 16]
    plate[:] = plate * 0.35
    cv2.putText(enlarged, title, (8, height + 7), font, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(enlarged, np.uint8)


def loop(frames: list[Pixels]) -> list[Pixels]:
    """The shown frames, forwards and then backwards: a loop without a jump that begins with the hand at the mouth."""
    order = [*SHOWN, *SHOWN[-2:0:-1]]
    start = order.index(MOMENT)
    return [frames[index] for index in order[start:] + order[:start]]


def write_webp(path: Path, frames: list[Pixels]) -> None:
    """Write one frame, or several that repeat for ever."""
    high, wide = frames[0].shape[:2]
    with av.open(str(path), "w", format="webp", options={"loop": "0"}) as container:
        stream = container.add_stream("libwebp_anim" if len(frames) > 1 else "libwebp", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = wide, high, "yuv420p"
        stream.options = {"quality": str(QUALITY), "compression_level": "6"}
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    print(f"{path}: {wide}x{high}, {len(frames)} frames, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
