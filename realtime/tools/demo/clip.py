"""The sample clip: a public-domain portrait that moves a little while a hand and a microphone pass in front of it.

The portrait shows Commodore Grace Hopper (a photograph of the United States Navy, 1984). It is a file of matplotlib,
which comes with mediapipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from engines.errors import SinkError, SourceError
from engines.installation import install_command
from realtime.frames.types import U8
from realtime.tools.demo.sprites import F32, HAND, MICROPHONE, hand, microphone

SIZE_WH, FPS, SECONDS = (1280, 720), 30, 6.0
_ZOOM = 1.75  # frame pixels per portrait pixel
_VIEW = (-55.0, 14.0)  # the portrait pixel in the frame's upper left corner
_MARGIN = 240  # portrait pixels added on each side
_HEAD, _HEAD_RADII, _NECK = (266.0, 200.0), (150.0, 190.0), (266.0, 335.0)  # in portrait pixels

# seconds, x and y of the sprite's anchor in the frame, degrees
_HAND_PATH = (
    (0.6, 1390, 1010, 38), (1.45, 715, 505, -28), (1.95, 640, 500, -44), (2.5, 575, 455, -38), (3.2, 1210, 1130, 10),
)  # fmt: skip
_MICROPHONE_PATH = (
    (3.0, 250, 1000, 24), (3.7, 520, 590, 15), (4.4, 560, 500, 8), (4.9, 600, 520, 4), (5.6, 420, 980, 18),
)  # fmt: skip
_HAND_ANCHOR, _MICROPHONE_ANCHOR = (0.0, 0.2), (0.0, 0.1)  # in the sprites' units


def portrait_file() -> Path:
    """The portrait on this machine. Raises SourceError where matplotlib's sample data is missing."""
    matplotlib = find_spec("matplotlib")  # found, not imported: importing it takes half a second
    if matplotlib is None or matplotlib.origin is None:
        raise SourceError(f"the demo's portrait is a file of matplotlib, which is missing; run: {install_command()}")
    path = Path(matplotlib.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    if not path.is_file():
        raise SourceError(f"the demo's portrait is missing: expected {path}; reinstall matplotlib")
    return path


def frames(indices: Iterable[int]) -> Iterator[U8]:
    """The clip's pictures of these positions, (720, 1280, 3) uint8 RGB, the same at every call."""
    scene = _scene(np.asarray(cv2.imread(str(portrait_file())), np.uint8)[:, :, ::-1])
    a_hand, a_microphone = _sprites()
    occluders = (
        (a_hand, HAND.pixel(*_HAND_ANCHOR), _HAND_PATH),
        (a_microphone, MICROPHONE.pixel(*_MICROPHONE_ANCHOR), _MICROPHONE_PATH),
    )
    for index in indices:
        time = index / FPS
        picture = _turn(scene, time)
        for sprite, anchor, path in occluders:
            if path[0][0] <= time <= path[-1][0]:
                _pass_before(picture, sprite, _placed(anchor, path, time))
        yield picture.clip(0, 255).astype(np.uint8)


def write_clip(path: Path, seconds: float = SECONDS) -> int:
    """Write the clip as H.264 (BT.709) with a silent audio track.

    Returns:
        The number of frames. Raises SinkError where the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            return _encode(container, seconds)
    except OSError as e:
        raise SinkError(f"cannot write the sample clip {path} ({e.strerror or e}); choose another folder") from e


@lru_cache
def _sprites() -> tuple[F32, F32]:
    """Hand and microphone; drawing them takes longer than a second of the clip."""
    return hand(), microphone()


def _encode(container: av.container.OutputContainer, seconds: float) -> int:
    video = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "16"})
    video.width, video.height, video.pix_fmt = *SIZE_WH, "yuv420p"
    video.codec_context.time_base = Fraction(1, FPS)
    video.codec_context.colorspace, video.codec_context.color_range = Colorspace.ITU709, ColorRange.MPEG
    video.codec_context.color_primaries = video.codec_context.color_trc = 1  # BT.709
    audio = container.add_stream("aac", rate=48_000, layout="mono")
    count = 0
    for count, picture in enumerate(frames(range(round(seconds * FPS))), start=1):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        frame.pts, frame.time_base = count - 1, Fraction(1, FPS)
        container.mux(video.encode(frame))
        container.mux(audio.encode(_silence(count - 1)))
    container.mux(video.encode(None))
    container.mux(audio.encode(None))
    return count


def _silence(index: int) -> av.AudioFrame:
    """The audio of one picture's time."""
    samples = 48_000 // FPS
    frame = av.AudioFrame.from_ndarray(np.zeros((1, samples), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, index * samples, Fraction(1, 48_000)
    return frame


def _scene(portrait: U8) -> U8:
    """The portrait with the flag and the backdrop continued, softer, so that the frame is never empty."""
    scene = np.pad(portrait, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), "reflect")
    # Mirrored on the right, the backdrop would show a second shoulder: its last columns go on instead.
    last_columns = scene[:, -_MARGIN - 12 : -_MARGIN].mean(axis=1, keepdims=True)
    scene[:, -_MARGIN:] = cv2.GaussianBlur(last_columns, (1, 0), 1, sigmaY=18)
    soft = cv2.GaussianBlur(scene, (0, 0), 5).astype(np.float32)
    inside = np.zeros(scene.shape[:2], np.float32)
    inside[_MARGIN + 12 : -_MARGIN - 12, _MARGIN + 12 : -_MARGIN - 12] = 1
    share = cv2.blur(inside, (25, 25))[..., None]
    return (soft + (scene - soft) * share).astype(np.uint8)


def _turn(scene: U8, time: float) -> F32:
    """The scene at a time: the head sways about the neck and turns by parallax, the camera drifts.

    The displacement is smooth: it is computed for every fourth pixel and interpolated.
    """
    width, height = SIZE_WH
    x, y = np.meshgrid(np.arange(1.5, width, 4, dtype=np.float32), np.arange(1.5, height, 4, dtype=np.float32))
    zoom = _ZOOM * (1 + 0.03 * np.sin(0.9 * time))
    x = (x - width / 2) / zoom + width / 2 / _ZOOM + _VIEW[0] + 6 * np.sin(0.7 * time)
    y = (y - height / 2) / zoom + height / 2 / _ZOOM + _VIEW[1] + 3 * np.sin(1.1 * time)
    from_centre = np.hypot((x - _HEAD[0]) / _HEAD_RADII[0], (y - _HEAD[1]) / _HEAD_RADII[1])
    follows = np.exp(-(from_centre**4) / 1.6)  # 1 on the head, falling to 0 around it
    relief = np.exp(-2.6 * from_centre**2)  # nearer to the camera in the middle: moves more
    angle = follows * np.radians(3.5) * np.sin(1.9 * time)
    away_x, away_y = x - _NECK[0], y - _NECK[1]
    x = x + away_x * (np.cos(angle) - 1) + away_y * np.sin(angle) - 13 * np.sin(1.3 * time + 0.4) * relief
    y = y + away_y * (np.cos(angle) - 1) - away_x * np.sin(angle) - 6 * np.sin(1.7 * time) * relief
    map_x, map_y = (cv2.resize(part.astype(np.float32) + _MARGIN, SIZE_WH) for part in (x, y))
    return cv2.remap(scene, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)


def _placed(anchor: tuple[float, float], path: tuple[tuple[float, ...], ...], time: float) -> F32:
    """(2, 3) affine, sprite -> frame, at a time on a path of key positions."""
    times, xs, ys, angles = (np.array(values) for values in zip(*path, strict=True))
    leg = int(np.clip(np.searchsorted(times, time) - 1, 0, len(times) - 2))
    share = (time - times[leg]) / (times[leg + 1] - times[leg])
    share = share * share * (3 - 2 * share)  # starts and stops gently
    x, y, angle = (values[leg] + share * (values[leg + 1] - values[leg]) for values in (xs, ys, angles))
    affine = cv2.getRotationMatrix2D(anchor, -angle, 1.0).astype(np.float32)
    affine[:, 2] += np.array([x, y]) - anchor
    return affine


def _pass_before(picture: F32, sprite: F32, affine: F32) -> None:
    """Put a sprite over the picture, in place, with the soft shadow that it throws to the lower right."""
    height, width = sprite.shape[:2]
    corners = affine[:, :2] @ np.array([[0, width, 0, width], [0, 0, height, height]]) + affine[:, 2:]
    x0, y0 = (max(0, int(low)) for low in corners.min(axis=1))
    x1, y1 = (max(0, int(high) + 60) for high in corners.max(axis=1))  # the shadow reaches 60 pixels further
    window = picture[y0:y1, x0:x1]
    if window.size == 0:
        return
    window_wh = (window.shape[1], window.shape[0])
    affine = affine - np.array([[0, 0, x0], [0, 0, y0]], np.float32)
    placed = cv2.warpAffine(sprite, affine, window_wh, flags=cv2.INTER_LINEAR)
    # A wide blur of a quarter of the size looks the same and costs a sixteenth.
    quarter_wh = (max(1, window_wh[0] // 4), max(1, window_wh[1] // 4))
    shadow = cv2.resize(placed[:, :, 3], quarter_wh, interpolation=cv2.INTER_AREA)
    shadow = cv2.warpAffine(shadow, np.array([[1, 0, 5], [0, 1, 7]], np.float32), quarter_wh)
    shadow = cv2.resize(cv2.GaussianBlur(shadow, (0, 0), 5), window_wh)
    window *= ((1 - 0.42 * shadow) * (1 - placed[..., 3]))[..., None]
    window += placed[..., :3]
