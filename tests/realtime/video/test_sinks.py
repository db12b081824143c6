"""Outputs: same pictures, times, tags and sound; and no trace of what failed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from engines.errors import SinkError, UsageError
from realtime.frames.colour import Colour
from realtime.frames.types import U8, Frame
from realtime.timing import StageTimer
from realtime.video.av_frame import rgb_from_frame
from realtime.video.sinks import audio, window
from realtime.video.sinks.base import PartFile
from realtime.video.sinks.open import (
    AlphaVideoSink,
    BackgroundSink,
    Codec,
    ImageSink,
    LabelVideoSink,
    NullSink,
    VideoSink,
    WindowSink,
    open_sink,
)
from realtime.video.sources.open import SourceInfo, open_source
from tests.fakes.pipeline import FakeSink
from tests.fakes.video import Clip, corner_plane, luma, yuv_frame

HLG = {"colorspace": 9, "color_primaries": 9, "color_trc": 18, "color_range": 1}
VFR = [100, 120, 180, 200, 900, 910, 1000, 1100, 1120, 1140, 1160, 5000]
INFO = SourceInfo("clip", "video", (64, 48), fps=30.0)


def transcode(source_path: Path, sink_path: Path, codec: Codec = "h264") -> list[Frame]:
    with open_source(source_path) as source, open_sink(sink_path, source.info, codec) as sink:
        frames = list(source)
        for frame in frames:
            sink.write(frame if codec != "ffv1" else frame.with_planes((frame.planes[0],), "gray"))
    return frames


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def packets(path: Path) -> list[tuple[float, bytes]]:
    """Time and content of each packet of sound."""
    with av.open(str(path)) as container:
        found = [packet for packet in container.demux(audio=0) if packet.size]
        return [(round(float(packet.pts * packet.time_base), 3), bytes(packet)) for packet in found]


def rgb_frame(rgb: tuple[int, ...], layout: str = "rgb", size_wh: tuple[int, int] = (64, 48)) -> Frame:
    pixels = np.full((size_wh[1], size_wh[0], len(rgb)), rgb, np.uint8)
    return Frame((pixels,), "rgba" if layout == "rgba" else "rgb", pts=0)


@pytest.mark.parametrize("codec, suffix", [("h264", ".mp4"), ("ffv1", ".mkv"), ("prores", ".mov")])
@pytest.mark.parametrize("container", [".mp4", ".mkv"])
def test_every_frame_keeps_its_time_and_size(tmp_path: Path, codec: Codec, suffix: str, container: str) -> None:
    path = Clip(pts=VFR, options={"bf": "2"}).write(tmp_path / f"in{container}")
    frames = transcode(path, tmp_path / f"out{suffix}", codec)
    pictures = decoded(tmp_path / f"out{suffix}")
    tolerance = 1e-3 if suffix == ".mkv" and container != ".mkv" else 1e-9  # Matroska counts milliseconds
    assert [picture.time for picture in pictures] == pytest.approx([f.pts_seconds for f in frames], abs=tolerance)
    assert {(picture.width, picture.height) for picture in pictures} == {(64, 48)}


def test_pictures_look_like_the_input(tmp_path: Path) -> None:
    frames = transcode(Clip().write(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    for frame, picture in zip(frames, decoded(tmp_path / "out.mp4"), strict=True):
        assert np.abs(picture.to_ndarray()[:48].astype(int) - frame.planes[0]).mean() < 2


@pytest.mark.parametrize(
    "clip",
    [
        Clip(codec="libx265", pixel_format="yuv420p10le", tags=HLG, options={"x265-params": "log-level=none"}),
        Clip(tags={"colorspace": 6, "color_primaries": 6, "color_trc": 6, "color_range": 1}),
        Clip(tags={"color_range": 2}),
        Clip(),
    ],
    ids=["hlg", "bt601", "full range", "untagged"],
)
def test_colour_tags_are_kept(tmp_path: Path, clip: Clip) -> None:
    path = clip.write(tmp_path / "in.mp4")
    transcode(path, tmp_path / "out.mp4")
    before, after = (
        (f.colorspace, f.color_primaries, f.color_trc, f.color_range)
        for f in (decoded(path)[0], decoded(tmp_path / "out.mp4")[0])
    )
    assert after == before


def test_pixel_aspect_is_kept(tmp_path: Path) -> None:
    transcode(Clip(pixel_aspect=Fraction(4, 3)).write(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


@pytest.mark.parametrize("size_wh", [(65, 48), (64, 47), (33, 25), (1, 1)])
def test_odd_sizes_are_kept(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    with VideoSink(tmp_path / "odd.mp4", INFO) as sink:
        sink.write(yuv_frame(3, size_wh))
    picture = decoded(tmp_path / "odd.mp4")[0]
    assert (picture.width, picture.height) == size_wh
    assert abs(int(picture.to_ndarray(format="gray")[-1, -1]) - luma(3)) <= 40


def test_rgb_frames_become_tagged_bt709(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "camera.mp4", INFO) as sink:
        sink.write(rgb_frame((200, 60, 90)))
    with open_source(tmp_path / "camera.mp4") as source:
        frame = next(iter(source))
    assert (frame.colour.space, frame.colour.full_range) == (1, False)
    assert rgb_from_frame(frame)[24, 32] == pytest.approx((200, 60, 90), abs=4)


@pytest.mark.parametrize("container, suffix", [("mp4", ".mp4"), ("mkv", ".mp4"), ("ts", ".mp4"), ("mp4", ".mov")])
def test_aac_sound_is_copied_packet_by_packet(tmp_path: Path, container: str, suffix: str) -> None:
    clip = Clip(frames=40, audio="aac", time_base=Fraction(1, 30))
    path = clip.write(tmp_path / f"in.{container}")
    transcode(path, tmp_path / f"out{suffix}", "prores" if suffix == ".mov" else "h264")
    before, after = packets(path), packets(tmp_path / f"out{suffix}")
    if container == "ts":  # its packets carry a header each, which an .mp4 has no use for
        before = [(time, data[7:]) for time, data in before]
    assert [data for _, data in after] == [data for _, data in before]
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=2e-3)


def test_sound_that_mp4_players_do_not_know_becomes_aac(tmp_path: Path) -> None:
    path = Clip(frames=40, audio="pcm_s16le").write(tmp_path / "in.mkv")
    transcode(path, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        heard = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)])
    assert len(heard) / 48_000 == pytest.approx(40 / 30, abs=0.05)
    assert np.std(heard[4800:-4800]) == pytest.approx(8000 / 32768 / 2**0.5, rel=0.1)


def test_pcm_sound_is_copied_for_editors(tmp_path: Path) -> None:
    path = Clip(frames=40, audio="pcm_s16le").write(tmp_path / "in.mkv")
    transcode(path, tmp_path / "out.mov", "prores")
    assert b"".join(data for _, data in packets(tmp_path / "out.mov")) == b"".join(data for _, data in packets(path))


def mp3_clip(path: Path, rate: int) -> Path:
    return Clip(codec="mpeg4", time_base=Fraction(1, 30), frames=40, audio="libmp3lame", audio_rate=rate).write(path)


@pytest.mark.parametrize("suffix, codec", [(".mp4", "h264"), (".mov", "prores")])
@pytest.mark.parametrize("rate, sound", [(11_025, "aac"), (16_000, "mp3float")])
def test_mp3_of_a_low_rate_becomes_aac(tmp_path: Path, suffix: str, codec: Codec, rate: int, sound: str) -> None:
    transcode(mp3_clip(tmp_path / "in.avi", rate), tmp_path / f"out{suffix}", codec)
    assert len(decoded(tmp_path / f"out{suffix}")) == 40
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.audio[0].codec_context.name == sound
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples / rate == pytest.approx(40 / 30, abs=0.3)  # and what pads its first and last pieces


def test_sound_that_the_format_refuses_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audio, "_LOWEST_MP3_HZ", 0)
    transcode(mp3_clip(tmp_path / "in.avi", 11_025), tmp_path / "out.mp4")
    assert len(decoded(tmp_path / "out.mp4")) == 40
    assert "its sound is left out" in caplog.text


@pytest.mark.parametrize("start", [0, 24_000])
def test_sound_that_cannot_be_encoded_is_left_out_from_there_on(
    tmp_path: Path, start: int, caplog: pytest.LogCaptureFixture
) -> None:
    wave = np.zeros((1, 48_000), np.float32)
    wave[:, start:] = np.nan
    with av.open(str(tmp_path / "in.mkv"), "w") as out:
        video, sound = out.add_stream("mpeg4", rate=30), out.add_stream("pcm_f32le", rate=48_000, layout="mono")
        video.width, video.height = 64, 48
        for index in range(30):
            out.mux(
                video.encode(
                    av.VideoFrame.from_ndarray(np.zeros((48, 64), np.uint8), "gray").reformat(format="yuv420p")
                )
            )
            piece = av.AudioFrame.from_ndarray(wave[:, 1600 * index :][:, :1600].copy(), "flt", "mono")
            piece.sample_rate = 48_000
            out.mux(sound.encode(piece))
        out.mux(video.encode(None))
    transcode(tmp_path / "in.mkv", tmp_path / "out.mp4")
    assert len(decoded(tmp_path / "out.mp4")) == 30
    assert caplog.text.count("its sound is left out from there on") == 1


def test_encoder_that_fails_with_sound_is_not_blamed_on_the_sound(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_source(Clip(audio="aac").write(tmp_path / "in.mp4")) as source:
        frame, info = next(iter(source)), source.info
    with pytest.raises(SinkError), VideoSink(tmp_path / "out.mp4", info, preset="none") as sink:
        sink.write(frame)
    assert "sound" not in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_sound_ends_with_pictures_that_were_cut_short(tmp_path: Path) -> None:
    path = Clip(frames=90, audio="aac").write(tmp_path / "in.mp4")
    with open_source(path) as source, open_sink(tmp_path / "out.mp4", source.info) as sink:
        for frame in source:
            if frame.index < 30:
                sink.write(frame)
        sink.cut_sound()
    assert packets(path)[-1][0] > 2.9
    assert packets(tmp_path / "out.mp4")[-1][0] <= 1.0


def test_silent_input_gives_silent_output(tmp_path: Path) -> None:
    transcode(Clip().write(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio


def labels(size_wh: tuple[int, int], seed: int) -> U8:
    return np.random.default_rng(seed).integers(0, 13, size_wh[::-1], np.uint8)


@pytest.mark.parametrize("size_wh", [(64, 48), (65, 47), (1, 1)])
def test_label_video_decodes_to_exactly_the_ids(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    written = [labels(size_wh, seed) for seed in range(5)]
    with LabelVideoSink(tmp_path / "labels.mkv", INFO) as sink:
        for index, ids in enumerate(written):
            sink.write(yuv_frame(index, size_wh).with_planes((ids,), "gray"))
    pictures = decoded(tmp_path / "labels.mkv")
    assert [picture.format.name for picture in pictures] == ["gray"] * 5
    assert all(np.array_equal(p.to_ndarray(), ids) for p, ids in zip(pictures, written, strict=True))


@pytest.mark.parametrize("full_range", [False, True])
def test_alpha_video_keeps_colour_and_a_whole_matte(tmp_path: Path, full_range: bool) -> None:
    frame = yuv_frame(10)
    matte = corner_plane((64, 48), 0)
    matte[:12, :16] = 255
    colour = Colour("bt601", full_range)
    with AlphaVideoSink(tmp_path / "matte.mov", INFO) as sink:
        sink.write(replace(frame, colour=colour, alpha=matte))
    picture = decoded(tmp_path / "matte.mov")[0]
    assert (picture.colorspace, picture.color_range) == (6, 1)
    y, _, _, alpha = picture.reformat(format="yuva444p16le").to_ndarray().transpose(2, 0, 1) / 65535
    assert alpha[2, 2] > 0.998
    assert alpha[-2, -2] < 0.002
    expected = luma(10) * 219 / 255 + 16 if full_range else luma(10)
    assert y[-2, -2] * 255 == pytest.approx(expected, abs=1.5)


def test_alpha_video_takes_rgba(tmp_path: Path) -> None:
    with AlphaVideoSink(tmp_path / "matte.mov", INFO) as sink:
        sink.write(rgb_frame((200, 60, 90, 128), "rgba", (65, 47)))
    picture = decoded(tmp_path / "matte.mov")[0]
    rgba = picture.reformat(format="rgba", src_colorspace="ITU709", dst_color_range="JPEG").to_ndarray()
    assert rgba[24, 32] == pytest.approx((200, 60, 90, 128), abs=4)


def unwritable(tmp_path: Path) -> Path:
    (tmp_path / "file").touch()
    return tmp_path / "file" / "out"


@pytest.mark.parametrize("sink", [VideoSink, LabelVideoSink, AlphaVideoSink, ImageSink])
def test_unwritable_output_is_known_at_once(tmp_path: Path, sink: type) -> None:
    with pytest.raises(SinkError, match="cannot be written"):
        sink(unwritable(tmp_path))
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(SinkError, match="a folder of that name"):
        sink(tmp_path / "folder.mp4")


@pytest.mark.parametrize("background", [False, True])
def test_exception_leaves_an_earlier_output_as_it_was(tmp_path: Path, background: bool) -> None:
    (tmp_path / "out.mp4").write_bytes(b"earlier")
    video = VideoSink(tmp_path / "out.mp4", INFO)
    sink = BackgroundSink(video) if background else video
    with pytest.raises(KeyError), sink:
        sink.write(yuv_frame())
        raise KeyError
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out.mp4": b"earlier"}


def test_output_appears_whole_and_over_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_bytes(b"earlier")
    with VideoSink(tmp_path / "out.mp4", INFO) as sink:
        sink.write(yuv_frame())
        assert (tmp_path / "out.mp4").read_bytes() == b"earlier"
        assert [path.suffix for path in tmp_path.glob(".out.*")] == [".part"]
    assert len(decoded(tmp_path / "out.mp4")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("sink", [VideoSink, ImageSink])
def test_two_runs_with_one_output_each_write_a_whole_one(tmp_path: Path, sink: type) -> None:
    (tmp_path / "out.png.part").write_bytes(b"a stranger's")
    with sink(tmp_path / "out.png") as later:
        with sink(tmp_path / "out.png") as earlier:
            later.write(yuv_frame(0))
            earlier.write(yuv_frame(20))
        assert decoded(tmp_path / "out.png")[0].to_ndarray(format="gray")[-1, -1] == pytest.approx(luma(20), abs=20)
    assert decoded(tmp_path / "out.png")[0].to_ndarray(format="gray")[-1, -1] == pytest.approx(luma(0), abs=20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "out.png.part"]
    assert (tmp_path / "out.png.part").read_bytes() == b"a stranger's"


def test_a_run_that_fails_leaves_that_of_another_alone(tmp_path: Path) -> None:
    with ImageSink(tmp_path / "out.png") as sink:
        sink.write(yuv_frame())
        ImageSink(tmp_path / "out.png").abort()
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_output_that_cannot_be_put_in_its_place_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written"), VideoSink(tmp_path / "out.mp4", INFO) as sink:
        sink.write(yuv_frame())
        (tmp_path / "out.mp4").mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_long_names_are_written_and_too_long_ones_known_at_once(tmp_path: Path) -> None:
    with VideoSink(tmp_path / ("ä" * 125 + ".mp4"), INFO) as sink:
        sink.write(yuv_frame())
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(SinkError, match="too long"):
        VideoSink(tmp_path / ("x" * 252 + ".mp4"))


def test_folders_of_an_output_are_made(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "new" / "folder" / "out.mp4") as sink:
        sink.write(yuv_frame())
    assert len(decoded(tmp_path / "new" / "folder" / "out.mp4")) == 1


@pytest.mark.parametrize("sink", [VideoSink, LabelVideoSink, AlphaVideoSink, ImageSink])
def test_no_frame_gives_no_file(tmp_path: Path, sink: type) -> None:
    with sink(tmp_path / "out.png"):
        pass
    assert not list(tmp_path.iterdir())


def test_frames_that_do_not_fit_a_video_are_refused(tmp_path: Path) -> None:
    with VideoSink(tmp_path / "out.mp4") as sink:
        sink.write(yuv_frame(0))
        with pytest.raises(SinkError, match="a video has one size"):
            sink.write(yuv_frame(1, (32, 32)))
        with pytest.raises(UsageError, match="without a pts"):
            sink.write(replace(yuv_frame(1), pts=None))
        with pytest.raises(UsageError, match="takes"):
            sink.write(rgb_frame((1, 2, 3, 4), "rgba"))


def test_encoder_that_fails_is_a_sink_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written"), VideoSink(tmp_path / "out.mp4", preset="none") as sink:
        sink.write(yuv_frame())
    assert not list(tmp_path.iterdir())


def test_background_sink_writes_all_in_order_and_is_timed() -> None:
    inner, timer = FakeSink(), StageTimer()
    with BackgroundSink(inner, timer) as sink:
        for index in range(20):
            sink.write(yuv_frame(index))
    assert [frame.index for frame in inner.frames] == list(range(20))
    assert (inner.closed, inner.aborted) == (True, False)
    assert timer.to_json()["stages_ms"]["encode"]["count"] == 21  # closing is encoding too


def test_error_of_a_background_sink_comes_back_and_aborts() -> None:
    inner = FakeSink(fail_at=1, error=SinkError("disk full"))
    with pytest.raises(SinkError, match="disk full"), BackgroundSink(inner) as sink:
        for index in range(100):
            sink.write(yuv_frame(index))
    assert (inner.closed, inner.aborted) == (False, True)
    assert len(inner.frames) == 1


def test_error_of_the_last_write_comes_out_of_close() -> None:
    inner = FakeSink(fail_at=0, error=SinkError("disk full"))
    sink = BackgroundSink(inner)
    sink.write(yuv_frame())
    with pytest.raises(SinkError, match="disk full"):
        sink.close()
    assert (inner.closed, inner.aborted) == (False, True)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff"])
def test_image_keeps_its_format(tmp_path: Path, suffix: str) -> None:
    with open_sink(tmp_path / f"out{suffix}", SourceInfo("x", "image", (64, 48))) as sink:
        sink.write(rgb_frame((200, 60, 90)))
    assert cv2.imread(str(tmp_path / f"out{suffix}"))[24, 32] == pytest.approx((90, 60, 200), abs=8)


def test_label_and_alpha_images_are_exact(tmp_path: Path) -> None:
    ids = labels((65, 47), 1)
    with ImageSink(tmp_path / "ids.png") as sink:
        sink.write(Frame((ids,), "gray"))
    with ImageSink(tmp_path / "matte.png") as sink:
        sink.write(rgb_frame((200, 60, 90, 128), "rgba"))
    assert np.array_equal(cv2.imread(str(tmp_path / "ids.png"), cv2.IMREAD_UNCHANGED), ids)
    assert cv2.imread(str(tmp_path / "matte.png"), cv2.IMREAD_UNCHANGED)[0, 0].tolist() == [90, 60, 200, 128]


def test_image_refuses_what_it_cannot_keep(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"needs a \.png"), ImageSink(tmp_path / "ids.jpg") as sink:
        sink.write(Frame((labels((4, 4), 1),), "gray"))
    with pytest.raises(UsageError, match="second frame"), ImageSink(tmp_path / "two.png") as sink:
        sink.write(rgb_frame((1, 2, 3)))
        sink.write(rgb_frame((1, 2, 3)))
    with pytest.raises(SinkError, match=r"choose \.png"), ImageSink(tmp_path / "image.xyz") as sink:
        sink.write(rgb_frame((1, 2, 3)))
    assert not list(tmp_path.iterdir())


def test_window_without_a_display_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SinkError, match=r"no display.*--view none"):
        WindowSink()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A screen: what was shown goes nowhere, keys come from the list."""
    pressed: list[int] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(window.cv2, "imshow", lambda title, bgr: None)
    monkeypatch.setattr(window.cv2, "waitKey", lambda delay: pressed.pop() if pressed else -1)
    monkeypatch.setattr(window.cv2, "getWindowProperty", lambda title, prop: 1.0)
    monkeypatch.setattr(window.cv2, "destroyAllWindows", lambda: None)
    yield pressed


@pytest.mark.parametrize("key, goes_on", [(ord("q"), False), (27, False), (ord("x"), True)])
def test_window_ends_with_q_or_escape(keys: list[int], key: int, goes_on: bool) -> None:
    with WindowSink() as sink:
        sink.write(yuv_frame())
        assert sink.wants_more
        keys.append(key)
        sink.write(yuv_frame())
        assert sink.wants_more is goes_on


def test_window_that_was_closed_wants_no_more(keys: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    with WindowSink() as sink:
        sink.write(yuv_frame())
        monkeypatch.setattr(window.cv2, "getWindowProperty", lambda title, prop: 0.0)
        sink.write(yuv_frame())
        assert not sink.wants_more


@pytest.fixture
def shown(keys: list[int], monkeypatch: pytest.MonkeyPatch) -> list[U8]:
    """What windows show, as RGB."""
    pictures: list[U8] = []
    monkeypatch.setattr(window.cv2, "imshow", lambda title, bgr: pictures.append(bgr[:, :, ::-1]))
    return pictures


def test_window_shows_each_gray_value_in_its_colour_or_as_it_is(shown: list[U8]) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
    ids = Frame((np.arange(13, dtype=np.uint8)[None],), "gray")
    for given, expected in ((colours, colours[:13]), (None, np.arange(13)[:, None].repeat(3, 1))):
        with WindowSink(given) as sink:
            sink.write(ids)
        np.testing.assert_array_equal(shown[-1][0], expected)


@pytest.mark.parametrize("layout", ["rgba", "yuv420p"])
def test_window_shows_what_is_transparent_as_a_checkerboard(shown: list[U8], layout: str) -> None:
    alpha = np.zeros((48, 64), np.uint8)
    alpha[:, :16] = 255
    plain = yuv_frame() if layout == "yuv420p" else rgb_frame((200, 10, 90))
    pixels = rgb_from_frame(plain)
    frame = replace(plain, alpha=alpha) if layout == "yuv420p" else Frame((np.dstack([pixels, alpha]),), "rgba")
    with WindowSink() as sink:
        sink.write(frame)
    np.testing.assert_array_equal(shown[0][:, :16], pixels[:, :16])
    np.testing.assert_array_equal(np.unique(shown[0][:, 16:]), (102, 153))
    assert (shown[0][0, 16] != shown[0][0, 32]).all()


def test_null_sink_counts() -> None:
    with NullSink() as sink:
        sink.write(yuv_frame())
    assert sink.frames == 1


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full_range", [False, True])
def test_whole_frame_as_rgb_follows_its_matrix(matrix: str, full_range: bool) -> None:
    from realtime.frames.colour import rgb_from_yuv

    yuv = (120, 90, 160)
    y = np.full((48, 64), yuv[0], np.uint8)
    u, v = (np.full((24, 32), value, np.uint8) for value in yuv[1:])
    colour = Colour(matrix, full_range)  # type: ignore[arg-type]
    expected = rgb_from_yuv(colour.matrix, full_range) @ (*yuv, 1)
    assert rgb_from_frame(Frame((y, u, v), "yuv420p", colour=colour))[5, 5] == pytest.approx(expected, abs=2)


def test_an_output_that_nobody_came_to_write_leaves_nothing(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "clip.mp4")
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    del part
    gc.collect()
    assert list(tmp_path.iterdir()) == []
