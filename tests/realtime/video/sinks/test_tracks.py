"""What an output has of its input beside the pictures: every sound, subtitles, chapters, languages and tags."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from realtime.video.container import packets
from realtime.video.remarks import Remarks
from realtime.video.sinks import tracks
from realtime.video.sinks.open import open_sink
from realtime.video.sources.open import open_source
from realtime.video.sources.trimmed import TrimmedSource
from tests.fakes.video import Clip, sine

SECOND = 1000
CHAPTERS: list[Any] = [
    {"id": 1, "start": 0, "end": SECOND, "time_base": Fraction(1, SECOND), "metadata": {"title": "One"}},
    {"id": 2, "start": SECOND, "end": 2 * SECOND, "time_base": Fraction(1, SECOND), "metadata": {"title": "Two"}},
]
TAGS = {"title": "A day", "date": "2024-05-01", "location": "+48.1000+011.5000/", "comment": "Hi"}


def rich(path: Path, sounds: tuple[str, ...] = ("aac", "pcm_s16le"), subtitle: str = "subrip") -> Path:
    """Two seconds with sounds in English and French, German subtitles, chapters and tags."""
    with av.open(str(path), "w") as out:
        pictures = out.add_stream("libx264", rate=30, options={"bf": "0"})
        pictures.width, pictures.height, pictures.codec_context.time_base = 64, 48, Fraction(1, 30)
        streams = [out.add_stream(codec, rate=48_000, layout="mono") for codec in sounds]
        for stream, language in zip(streams, ("eng", "fra"), strict=False):
            stream.metadata["language"] = language
        if len(streams) > 1:
            streams[1].disposition = Disposition.comment
        text = out.add_mux_stream(subtitle)
        text.metadata["language"] = "deu"
        text.time_base = Fraction(1, SECOND)
        out.metadata.update(TAGS)
        out.metadata["MAKE"] = "Acme"
        out.set_chapters(CHAPTERS)
        for index in range(60):
            out.mux(pictures.encode(Clip(time_base=Fraction(1, 30)).picture(index)))
        out.mux(pictures.encode(None))
        for stream in streams:
            for frame in sine(2.0):
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        for index, words in enumerate((b"Hello <i>there</i>", b"Second\nline")):
            packet = av.Packet(words)
            packet.pts = packet.dts = index * SECOND + 100
            packet.duration, packet.time_base, packet.stream = 800, Fraction(1, SECOND), text
            out.mux(packet)
    return path


def chapters_of(container: Any) -> list[tuple[float, str]]:
    """The beginning and the title of each chapter."""
    return [(float(each["start"] * each["time_base"]), each["metadata"]["title"]) for each in container.chapters()]


def texts_of(container: Any) -> list[tuple[float, str]]:
    """The time and the words of each subtitle."""
    packets = [packet for packet in container.demux(container.streams.subtitles) if packet.size > 2]
    return [(round(float(packet.pts * packet.time_base), 2), bytes(packet)[2:].decode()) for packet in packets]


def transcode(path: Path, folder: Path, suffix: str = ".mp4", start: float = 0.0) -> tuple[Path, Remarks]:
    target = folder / f"out{suffix}"
    with open_source(path) as opened:
        source = TrimmedSource(opened, start) if start else opened
        with open_sink(target, source.info, "prores" if suffix == ".mov" else "h264") as sink:
            for frame in source:
                sink.write(frame)
    return target, sink.remarks


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_every_sound_subtitles_chapters_and_tags_are_kept(tmp_path: Path, suffix: str) -> None:
    target, remarks = transcode(rich(tmp_path / "in.mkv"), tmp_path, suffix)
    assert remarks.losses == []
    assert remarks.notes == ["in.mkv: not kept, because the output's format cannot hold it: the tag make"]
    with av.open(str(target)) as container:
        assert [stream.language for stream in container.streams.audio] == ["eng", "fra"]
        roles = [bool(stream.disposition & Disposition.comment) for stream in container.streams.audio]
        assert roles == [False, suffix == ".mp4"]  # a .mov states no roles
        assert container.streams.subtitles[0].language == ("ger" if suffix == ".mov" else "deu")
        assert {key: container.metadata.get(key) for key in TAGS} == TAGS
        assert chapters_of(container) == [(0.0, "One"), (1.0, "Two")]
        assert texts_of(container) == [(0.1, "Hello there"), (1.1, "Second\nline")]
    with av.open(str(target)) as container:
        ends = [float(stream.duration * stream.time_base) for stream in container.streams.audio]
    assert ends == pytest.approx([2.0, 2.0], abs=0.05)


def test_a_part_takes_its_chapters_and_subtitles_along(tmp_path: Path) -> None:
    target, _ = transcode(rich(tmp_path / "in.mkv"), tmp_path, start=0.5)
    with av.open(str(target)) as container:
        assert chapters_of(container) == [(0.0, "One"), (0.5, "Two")]
        assert texts_of(container) == [(0.6, "Second\nline")]


def test_subtitles_with_styles_become_their_text(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as out:
        pictures, text = out.add_stream("libx264", rate=30), out.add_stream("ass")
        pictures.width, pictures.height = 64, 48
        text.codec_context.subtitle_header = b"[Script Info]\nScriptType: v4.00+\n"
        text.codec_context.time_base = Fraction(1, SECOND)
        for index in range(30):
            out.mux(pictures.encode(Clip().picture(index)))
        out.mux(pictures.encode(None))
        packet = av.Packet(b"0,0,Default,,0,0,0,,{\\i1}Hello{\\i0},\\Nthere")
        packet.pts = packet.dts = 100
        packet.duration, packet.time_base, packet.stream = 500, Fraction(1, SECOND), text
        out.mux(packet)
    target, _ = transcode(path, tmp_path)
    with av.open(str(target)) as container:
        assert texts_of(container) == [(0.1, "Hello,\nthere")]


@pytest.mark.parametrize("codec", ["pcm_s16le", "flac"])
def test_sound_of_eight_channels_keeps_them(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as out:
        pictures, sound = out.add_stream("libx264", rate=30), out.add_stream(codec, rate=48_000, layout="7.1")
        pictures.width, pictures.height = 64, 48
        for index in range(30):
            out.mux(pictures.encode(Clip().picture(index)))
        out.mux(pictures.encode(None))
        for start in range(0, 48_000, 4800):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8 * 4800), np.int16), "s16", "7.1")
            frame.sample_rate, frame.pts = 48_000, start
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    target, remarks = transcode(path, tmp_path)
    assert remarks.losses == []
    with av.open(str(target)) as container:
        assert container.streams.audio[0].layout.name == "7.1"


def test_pictures_of_subtitles_and_fonts_are_left_out_with_a_word(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as out:
        pictures = out.add_stream("libx264", rate=30)
        pictures.width, pictures.height = 64, 48
        out.add_mux_stream("hdmv_pgs_subtitle")
        out.add_attachment("font.ttf", "font/ttf", b"\0\1\0\0")
        for index in range(5):
            out.mux(pictures.encode(Clip().picture(index)))
        out.mux(pictures.encode(None))
    _, remarks = transcode(path, tmp_path)
    assert "subtitles" in remarks.notes[0]
    assert "attachment" in remarks.notes[0]


def test_a_short_part_of_a_long_file_reads_little_more_than_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Clip(fps=5, frames=150, time_base=Fraction(1, 5), audio="aac").write(tmp_path / "in.mp4")
    read = []

    def counted(*arguments: Any) -> Iterator[Any]:
        for packet in packets(*arguments):
            read.append(float(packet.dts * packet.time_base))
            yield packet

    monkeypatch.setattr(tracks, "packets", counted)
    with (
        TrimmedSource(open_source(path), 1.0, 3.0) as source,
        open_sink(tmp_path / "out.mp4", source.info) as sink,
    ):
        for frame in source:
            sink.write(frame)
    assert max(read) < 6.0
    with av.open(str(tmp_path / "out.mp4")) as container:
        (stream,) = container.streams.audio
        assert float(stream.duration * stream.time_base) == pytest.approx(2.0, abs=0.05)
