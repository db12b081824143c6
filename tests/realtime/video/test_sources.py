"""Video files, images, cameras and streams: what frames they give, and what they say of bad input."""

from __future__ import annotations

import functools
import gc
import http.server
import logging
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from engines.errors import SourceError
from realtime.frames.crop import crop_rgb, region_of_frame
from realtime.frames.types import Frame
from realtime.video.sources import camera as source_camera
from realtime.video.sources.image import is_image
from realtime.video.sources.open import PacedSource, SourceInfo, open_source
from realtime.video.sources.stream import without_password
from tests.fakes.video import Clip, corner_plane, luma, sine

CLIPS = Path(__file__).parents[4] / "shared" / "clips"
FASTSTART = {"movflags": "faststart"}
HLG = {"colorspace": 9, "color_primaries": 9, "color_trc": 18, "color_range": 1}
BT709 = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 1}


def read(path: Path, **options: bool) -> tuple[SourceInfo, list[Frame]]:
    with open_source(path, **options) as source:
        return source.info, list(source)


def test_frames_come_whole_in_order_with_their_times(tmp_path: Path) -> None:
    clip = Clip(options={"bf": "2"})
    info, frames = read(clip.write(tmp_path / "clip.mp4"))
    assert (info.name, info.kind, info.size_wh, info.frames, info.fps) == ("clip.mp4", "video", (64, 48), 12, 30.0)
    assert info.duration_seconds == pytest.approx(0.4)
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([i / 30 for i in range(12)])
    assert [int(frame.planes[0][-1, -1]) for frame in frames] == pytest.approx([luma(i) for i in range(12)], abs=2)


def test_planes_are_those_of_the_decoder_and_cannot_be_written_to(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "clip.mp4")
    _, frames = read(path)
    with av.open(str(path)) as container:
        decoded = [picture.to_ndarray() for picture in container.decode(video=0)]
    joined = [np.concatenate([plane.ravel() for plane in frame.planes]) for frame in frames]
    assert all(np.array_equal(ours, theirs.ravel()) for ours, theirs in zip(joined, decoded, strict=True))
    with pytest.raises(ValueError, match="read-only"):
        frames[0].planes[0][0, 0] = 1


def test_variable_frame_rate_and_a_late_start_are_kept(tmp_path: Path) -> None:
    pts = [600, 620, 700, 1300, 1310, 1900]
    _, frames = read(Clip(frames=6, pts=pts).write(tmp_path / "vfr.mkv"))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([tick / 600 for tick in pts], abs=1e-3)


def test_missing_times_continue_at_the_average_rate(tmp_path: Path) -> None:
    info, frames = read(Clip(container_format="h264", options={"bf": "2"}).write(tmp_path / "raw.h264"))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([index / (info.fps or 0) for index in range(12)])


def test_times_that_start_again_go_on(tmp_path: Path) -> None:
    part = Clip(time_base=Fraction(1, 30)).write(tmp_path / "part.ts").read_bytes()
    (tmp_path / "joined.ts").write_bytes(part + part)
    _, frames = read(tmp_path / "joined.ts")
    steps = [(b - a) for a, b in pairwise(frame.pts_seconds or 0.0 for frame in frames)]
    assert len(frames) == 24
    assert steps == pytest.approx([1 / 30] * 23, abs=1e-4)


@pytest.mark.parametrize(
    "clip, layout_luma, full_range",
    [
        (Clip(codec="ffv1", pixel_format="yuv444p"), 40, False),
        (Clip(codec="ffv1", pixel_format="yuv422p10le"), 40, False),
        (Clip(codec="ffv1", pixel_format="yuva420p"), 40, False),
        (Clip(codec="ffv1", pixel_format="gray"), 40, True),
        (Clip(codec="ffv1", pixel_format="gray10le"), 40, True),
        (Clip(codec="ffv1", pixel_format="bgra"), 16 + 40 * 219 / 255, False),
        (Clip(codec="mjpeg", pixel_format="yuvj420p"), 40, True),
        (Clip(codec="ffv1", pixel_format="yuv420p", size_wh=(33, 25)), 40, False),
    ],
    ids=lambda value: f"{value.pixel_format} {value.size_wh}" if isinstance(value, Clip) else "",
)
def test_every_pixel_format_becomes_yuv420p_of_the_same_picture(
    tmp_path: Path, clip: Clip, layout_luma: float, full_range: bool
) -> None:
    info, frames = read(clip.write(tmp_path / "clip.mkv"))
    frame = frames[0]
    assert info.size_wh == frame.size_wh == clip.size_wh
    assert frame.layout == "yuv420p"
    assert int(frame.planes[0][-1, -1]) == pytest.approx(layout_luma, abs=1)
    assert int(frame.planes[1][-1, -1]) == pytest.approx(128, abs=1)
    assert frame.colour.full_range is full_range


def test_rgb_video_keeps_its_colours(tmp_path: Path) -> None:
    rgb = np.full((48, 64, 3), (200, 60, 90), np.uint8)
    with av.open(str(tmp_path / "screen.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        out.mux(stream.encode(None))
    _, (frame,) = read(tmp_path / "screen.mkv")
    assert frame.colour.space == 1
    assert crop_rgb(frame, region_of_frame((64, 48)), 16)[8, 8] == pytest.approx((200, 60, 90), abs=3)


def test_ten_bit_hlg_keeps_its_tags(tmp_path: Path) -> None:
    clip = Clip(codec="libx265", pixel_format="yuv420p10le", tags=HLG, options={"x265-params": "log-level=none"})
    _, frames = read(clip.write(tmp_path / "hlg.mp4"))
    colour = frames[0].colour
    assert (colour.matrix, colour.primaries, colour.transfer, colour.space) == ("bt2020", 9, 18, 9)
    assert colour.full_range is False
    assert int(frames[0].planes[0][-1, -1]) == pytest.approx(luma(0), abs=2)


@pytest.mark.parametrize(
    "height, tags, matrix, space", [(48, {}, "bt601", 2), (720, {}, "bt709", 2), (48, BT709, "bt709", 1)]
)
def test_matrix_is_as_tagged_and_guessed_by_height_otherwise(
    tmp_path: Path, height: int, tags: dict[str, int], matrix: str, space: int
) -> None:
    clip = Clip(frames=1, size_wh=(64, height), tags=tags)
    _, (frame,) = read(clip.write(tmp_path / "clip.mp4"))
    assert (frame.colour.matrix, frame.colour.space) == (matrix, space)


@pytest.mark.parametrize(
    "rotation, mirrored", [(0, False), (90, False), (180, False), (-90, False), (0, True), (90, True)]
)
def test_rotated_video_stands_upright(tmp_path: Path, rotation: int, mirrored: bool) -> None:
    clip = Clip(frames=2, rotation=rotation, mirrored=mirrored, pixel_aspect=Fraction(4, 3))
    info, frames = read(clip.write(tmp_path / "phone.mp4"))
    upright = np.rot90(corner_plane((64, 48), luma(0)), rotation // 90)  # counterclockwise, as the display matrix says
    upright = upright[:, ::-1] if mirrored else upright
    assert info.size_wh == frames[0].size_wh == upright.shape[::-1]
    assert info.pixel_aspect == (Fraction(3, 4) if rotation % 180 else Fraction(4, 3))
    assert np.abs(frames[0].planes[0].astype(int) - upright).mean() < 5


def test_stream_that_changes_its_size_keeps_the_first(tmp_path: Path) -> None:
    parts = [
        Clip(size_wh=size, container_format="h264").write(tmp_path / f"{size[0]}.h264")
        for size in ((64, 48), (128, 96))
    ]
    (tmp_path / "both.h264").write_bytes(b"".join(part.read_bytes() for part in parts))
    _, frames = read(tmp_path / "both.h264")
    assert len(frames) == 24
    assert {frame.size_wh for frame in frames} == {(64, 48)}
    assert int(frames[-1].planes[0][-1, -1]) == pytest.approx(luma(11), abs=2)


@pytest.mark.parametrize("rotation", [0, 90])
def test_frames_that_are_let_go_free_their_memory_at_once(tmp_path: Path, rotation: int) -> None:
    path = Clip(rotation=rotation).write(tmp_path / "clip.mp4")
    gc.collect()
    gc.disable()
    try:
        read(path)
        kept = [thing.width for thing in gc.get_objects() if issubclass(type(thing), av.VideoFrame)]
    finally:
        gc.enable()
    assert kept in ([], [2])  # the tiny copy that was asked which way is up


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("missing.mp4", None, "no such file"),
        ("missing.png", None, "No such file"),
        ("empty.mp4", b"", "empty"),
        ("empty.jpg", b"", "empty"),
        ("text.mp4", b"this is no video\n" * 50, "cannot be opened as a video"),
        ("text.srt", b"1\n00:00:01,000 --> 00:00:02,000\nhello\n", "no video stream"),
        ("text.png", b"this is no picture", "not an image"),
        ("folder.mp4", Path, "a folder"),
    ],
)
def test_what_is_no_video_or_image_is_refused_by_name(tmp_path: Path, name: str, content: object, says: str) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is Path:
        path.mkdir()
    with pytest.raises(SourceError, match=says) as caught:
        open_source(path)
    assert name in str(caught.value)


def test_sound_without_pictures_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.m4a"), "w") as out:
        stream = out.add_stream("aac", rate=48_000, layout="mono")
        for frame in sine(0.5):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with pytest.raises(SourceError, match=r"no video stream \(found: audio\)"):
        open_source(tmp_path / "song.m4a")


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "avi"])
def test_file_cut_anywhere_gives_what_decodes_or_a_source_error(tmp_path: Path, container: str) -> None:
    codec = "mpeg4" if container == "avi" else "libx264"
    options = FASTSTART if container == "mp4" else {}
    clip = Clip(frames=20, codec=codec, time_base=Fraction(1, 30), container_options=options)
    whole = clip.write(tmp_path / f"whole.{container}").read_bytes()
    counts = []
    for part in range(1, 30):
        path = tmp_path / f"cut.{container}"
        path.write_bytes(whole[: len(whole) * part // 30])
        frames = []
        try:
            with open_source(path) as source:
                for frame in source:
                    frames.append(frame)
        except SourceError as e:
            assert path.name in str(e)
        counts.append(len(frames))
    assert counts[15:] == sorted(counts[15:])
    assert 10 < counts[-1] <= 20


def test_cut_mp4_says_after_how_many_frames_it_ends(tmp_path: Path) -> None:
    path = Clip(frames=40, container_options=FASTSTART).write(tmp_path / "cut.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    frames = []
    with open_source(path) as source, pytest.raises(SourceError, match=r"ends early: \d+ frames of about 40"):
        for frame in source:
            frames.append(frame)
    assert len(frames) > 10


def test_mp4_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "cut.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match="cut off before its index"):
        open_source(path)


def test_pictures_that_end_long_before_the_file_says_are_worth_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = Clip(frames=150).write(tmp_path / "cut.mkv")
    with caplog.at_level(logging.WARNING):
        read(path)
        assert not caplog.records
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        read(path)
    assert "its pictures end after" in caplog.text


def test_images_are_told_from_videos_by_suffix() -> None:
    assert is_image(Path("a.PNG"))
    assert not is_image(Path("a.gif"))


def test_image_is_one_upright_rgb_frame(tmp_path: Path) -> None:
    bgr = np.zeros((20, 30, 3), np.uint8)
    bgr[:10, :15] = (10, 100, 250)
    cv2.imwrite(str(tmp_path / "flat.png"), bgr)
    info, (frame,) = read(tmp_path / "flat.png")
    assert (info.kind, info.size_wh, info.frames, frame.layout, frame.pts) == ("image", (30, 20), 1, "rgb", None)
    assert frame.planes[0][0, 0].tolist() == [250, 100, 10]


def test_image_follows_its_exif_orientation(tmp_path: Path) -> None:
    bgr = cv2.cvtColor(corner_plane((32, 16), 0), cv2.COLOR_GRAY2BGR)
    jpeg = cv2.imencode(".jpg", bgr)[1].tobytes()
    quarter_turn = b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"  # orientation 6: turn clockwise to show
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + quarter_turn + b"\0\0\0\0"
    (tmp_path / "phone.jpg").write_bytes(jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:])
    _, (frame,) = read(tmp_path / "phone.jpg")
    assert frame.size_wh == (16, 32)
    assert frame.planes[0][2, 14, 0] > 200 > 50 > frame.planes[0][30, 2, 0]


@pytest.mark.parametrize("size_wh", [(1, 1), (8000, 8000)])
def test_smallest_and_huge_images_open(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), np.full(size_wh[::-1], 77, np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    info, (frame,) = read(tmp_path / "image.png")
    assert info.size_wh == frame.size_wh == size_wh
    assert frame.planes[0][0, 0].tolist() == [77, 77, 77]


def test_deep_image_with_alpha_becomes_8_bit_rgb(tmp_path: Path) -> None:
    deep = np.full((4, 4, 4), 0x8000, np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    _, (frame,) = read(tmp_path / "deep.png")
    assert frame.planes[0].shape == (4, 4, 3)
    assert int(frame.planes[0][0, 0, 0]) == pytest.approx(128, abs=1)


def test_file_played_live_keeps_its_own_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    def wait(seconds: float) -> bool:
        nonlocal now
        now += seconds
        return False

    with open_source(Clip(frames=7).write(tmp_path / "clip.mp4"), live=True) as source, monkeypatch.context() as clock:
        clock.setattr(time, "perf_counter", lambda: now)
        clock.setattr(source._stopped, "wait", wait)
        captured = [frame.captured_at for frame in source]
    assert source.info.live
    assert captured == pytest.approx([100 + index / 30 for index in range(7)])


def test_file_not_played_live_does_not_wait(tmp_path: Path) -> None:
    path = Clip(frames=2, pts=[0, 60_000]).write(tmp_path / "slides.mp4")
    start = time.perf_counter()
    info, frames = read(path)
    assert not info.live
    assert len(frames) == 2
    assert time.perf_counter() - start < 5


def test_stopping_a_paced_source_ends_its_wait(tmp_path: Path) -> None:
    path = Clip(frames=2, pts=[0, 60_000]).write(tmp_path / "slides.mp4")
    with open_source(path, live=True) as source:
        threading.Timer(0.1, source.stop).start()
        start = time.perf_counter()
        assert len(list(source)) == 1
    assert time.perf_counter() - start < 5


class FakeCapture:
    """Stands in for cv2.VideoCapture: three frames, then the plug is pulled."""

    opened = True

    def __init__(self, index: int, backend: int) -> None:
        self.left = 3

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def get(self, prop: int) -> float:
        return {cv2.CAP_PROP_FRAME_WIDTH: 64.0, cv2.CAP_PROP_FRAME_HEIGHT: 48.0, cv2.CAP_PROP_FPS: 30.0}[prop]

    def set(self, prop: int, value: float) -> bool:
        return False

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return (False, None) if self.left < 0 else (True, np.full((48, 64, 3), (1, 2, 3), np.uint8))

    def release(self) -> None:
        pass


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_camera, "cameras", lambda: [2])
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("spec", [2, "2", "/dev/video2", Path("/dev/video2")])
def test_camera_gives_rgb_frames_with_capture_times(spec: int | str | Path) -> None:
    frames = []
    with open_source(spec) as source, pytest.raises(SourceError, match="camera 2 stopped giving frames after 3"):
        for frame in source:
            frames.append(frame)
    assert (source.info.kind, source.info.live, source.info.size_wh) == ("camera", True, (64, 48))
    assert frames[0].planes[0][0, 0].tolist() == [3, 2, 1]
    times = [(frame.index, frame.pts, frame.captured_at) for frame in frames]
    assert times == sorted(times)
    assert len({frame.pts for frame in frames}) == 3


@pytest.mark.usefixtures("camera")
def test_camera_that_is_not_there_or_busy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(SourceError, match=r"no camera 7: .*found: 2"):
        open_source(7)
    monkeypatch.setattr(FakeCapture, "opened", False)
    with pytest.raises(SourceError, match="camera 2 cannot be opened"):
        open_source(2)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Content-Length" or "endless" not in self.path:
            super().send_header(keyword, value)


@pytest.fixture
def web_address(tmp_path: Path) -> Iterator[str]:
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_stream_is_read_from_its_address(tmp_path: Path, web_address: str) -> None:
    Clip().write(tmp_path / "clip.ts")
    with open_source(f"{web_address}/clip.ts") as source:
        frames = list(source)
    assert (source.info.kind, source.info.live, source.info.path) == ("stream", True, None)
    assert len(frames) == 12


@pytest.mark.parametrize("name, paced", [("clip.mp4", True), ("endless.ts", False)])
def test_only_a_web_address_that_states_its_duration_is_paced(
    tmp_path: Path, web_address: str, name: str, paced: bool
) -> None:
    Clip(frames=31, container_options={"movflags": "faststart"} if paced else {}).write(tmp_path / name)
    with open_source(f"{web_address}/{name}", live=True) as source:
        start = time.perf_counter()
        assert len(list(islice(source, 25))) == 25
    assert source.info.live
    assert isinstance(source, PacedSource) is paced
    assert not paced or time.perf_counter() - start >= 0.8


def test_stream_that_is_not_there_is_refused_without_its_password(web_address: str) -> None:
    address = web_address.replace("//", "//me:secret@") + "/none.ts"
    with pytest.raises(SourceError, match="is it there and playing") as caught:
        open_source(address)
    assert "secret" not in str(caught.value)
    assert without_password(address) == web_address + "/none.ts"


@pytest.mark.data
@pytest.mark.skipif(not CLIPS.is_dir(), reason="no ../shared/clips beside the checkout")
def test_real_clips_decode_whole() -> None:
    for path in sorted(CLIPS.glob("*.mkv")):
        info, frames = read(path)
        assert info.size_wh == (640, 480)
        assert info.frames == pytest.approx(len(frames), abs=1)  # Matroska does not state it
        assert frames[0].colour.full_range
