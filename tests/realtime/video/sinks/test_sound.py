"""An output's sound: copied where the format has the codec, else encoded, and left out where neither works."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engines.errors import SinkError
from realtime.frames.types import Frame
from realtime.video.sinks import audio
from realtime.video.sinks.open import (
    Codec,
    VideoSink,
    open_sink,
)
from realtime.video.sources.open import open_source
from tests.fakes.video import Clip


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


@pytest.mark.parametrize("container, suffix", [("mp4", ".mp4"), ("mkv", ".mp4"), ("ts", ".mp4"), ("mp4", ".mov")])
def test_aac_sound_is_copied_packet_by_packet(tmp_path: Path, container: str, suffix: str) -> None:
    clip = Clip(frames=40, audio="aac", time_base=Fraction(1, 30))
    path = clip.write(tmp_path / f"in.{container}")
    transcode(path, tmp_path / f"out{suffix}", "prores" if suffix == ".mov" else "h264")
    before, after = packets(path), packets(tmp_path / f"out{suffix}")
    if container == "ts":  # its packets carry a header each, which an .mp4 has no use for
        before = [(time, data[7:]) for time, data in before]
    assert [data for _, data in after] == [data for _, data in before]
    origin = before[0][0] if container == "ts" else 0.0  # what is written begins at 0
    assert [time for time, _ in after] == pytest.approx([time - origin for time, _ in before], abs=2e-3)


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
    assert caplog.text.count("the rest of its sound is left out") == 1


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
