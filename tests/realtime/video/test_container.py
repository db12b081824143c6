"""Odd and damaged files: a right result or a sentence, never an error of PyAV's."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideDataType

from engines.errors import SourceError, UnveilError
from realtime.video.container import open_media, packets
from realtime.video.sinks.open import open_sink
from realtime.video.sources.open import open_source
from tests.fakes.video import Clip

KEY = "00112233445566778899aabbccddeeff"


@pytest.mark.parametrize("number", [29, 31, 255])
def test_side_data_that_pyav_does_not_know_is_no_reason_to_fail(number: int) -> None:
    assert SideDataType(number) is SideDataType(number)
    assert SideDataType(number).value == number


def test_pictures_with_unknown_side_data_are_read(tmp_path: Path) -> None:
    """FFmpeg gives a picture the EXIF data of a JPEG, as side data of kind 31."""
    jpeg = Clip(codec="mjpeg", pixel_format="yuvj420p", frames=1, time_base=Fraction(1, 30), container_format="mjpeg")
    data = jpeg.write(tmp_path / "one.mjpeg").read_bytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x1a\0\x03\0\0\0\x01\0H\0\0\0\0\0\0"
    marked = data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
    (tmp_path / "many.mjpeg").write_bytes(marked * 4)
    with open_source(tmp_path / "many.mjpeg") as source:
        assert len(list(source)) == 4


def test_metadata_that_is_no_text_is_no_reason_to_fail(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mkv"), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height = 64, 48
        out.metadata["title"] = "Tagesschau"
        for index in range(3):
            out.mux(stream.encode(Clip().picture(index)))
        out.mux(stream.encode(None))
    data = (tmp_path / "in.mkv").read_bytes()
    (tmp_path / "in.mkv").write_bytes(data.replace(b"Tagesschau", b"Tagess\xff\xfe\x80u"))
    with open_source(tmp_path / "in.mkv") as source, open_sink(tmp_path / "out.mp4", source.info) as sink:
        for frame in source:
            sink.write(frame)
    with open_media(tmp_path / "out.mp4") as container:
        assert container.metadata["title"].startswith("Tagess")


def test_a_stream_that_begins_after_the_file_was_opened_ends_no_reading(tmp_path: Path) -> None:
    """PyAV then fails at the end of the file. FFmpeg looks for streams at the start and at the end."""
    noise = np.random.default_rng(1)
    path = tmp_path / "first.ts"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg2video", rate=25, options={"qmin": "1", "qmax": "1"})
        stream.width, stream.height = 720, 576
        for index in range(16):
            picture = av.VideoFrame.from_ndarray(noise.integers(0, 256, (864, 720), np.uint8), "yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    assert path.stat().st_size > 5_000_000
    second = Clip(codec="mpeg2video", fps=25, time_base=Fraction(1, 25), audio="mp2").write(tmp_path / "second.ts")
    path.write_bytes(path.read_bytes() + second.read_bytes() + path.read_bytes())
    with open_media(path) as container:
        assert len(container.streams) == 1
        assert len(list(packets(container))) > 16


def test_an_encrypted_file_is_refused_by_name(tmp_path: Path) -> None:
    options = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": KEY, "encryption_kid": KEY}
    with pytest.raises(SourceError, match=r"locked\.mp4: its video is encrypted"):
        open_source(Clip(container_options=options).write(tmp_path / "locked.mp4"))


@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.mp4", "a.avi", "a.mpg", "a.flv"])
def test_flipped_bits_give_a_result_or_a_sentence(tmp_path: Path, name: str) -> None:
    codec = {"a.avi": "mpeg4", "a.mpg": "mpeg2video", "a.flv": "flv"}.get(name, "libx264")
    sound = {"a.avi": "pcm_s16le", "a.mpg": "mp2"}.get(name, "aac")
    whole = Clip(codec=codec, fps=25, time_base=Fraction(1, 25), audio=sound).write(tmp_path / name).read_bytes()
    for seed in range(20):
        chance = random.Random(seed)
        data = bytearray(whole)
        for _ in range(chance.choice([1, 5, 30])):
            data[chance.randrange(min(len(data), 3000))] ^= 1 << chance.randrange(8)
        (tmp_path / name).write_bytes(data)
        try:
            with open_source(tmp_path / name) as source, open_sink(tmp_path / "out.mp4", source.info) as sink:
                for frame in source:
                    sink.write(frame)
        except UnveilError as e:
            assert name in str(e) or "out.mp4" in str(e)
