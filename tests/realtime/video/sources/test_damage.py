"""Files that are cut or damaged give what decodes, and then an error."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from engines.errors import SourceError
from realtime.frames.types import Frame
from realtime.video.sources.open import SourceInfo, open_source
from tests.fakes.video import Clip, sine

FASTSTART = {"movflags": "faststart"}


def read(path: Path, **options: bool) -> tuple[SourceInfo, list[Frame]]:
    with open_source(path, **options) as source:
        return source.info, list(source)


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
    with open_source(path) as source, pytest.raises(SourceError, match=r"ends early .*: \d+ frames of about 40"):
        for frame in source:
            frames.append(frame)
    assert len(frames) > 10


def test_mp4_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "cut.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match="cut off before its index"):
        open_source(path)


def test_cut_mkv_is_known_by_the_durations_that_it_states(tmp_path: Path) -> None:
    path = Clip(frames=150, audio="aac").write(tmp_path / "cut.mkv")
    read(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_source(path) as source, pytest.raises(SourceError, match=r"ends early \(it states 5\.0 s of pictures"):
        for _ in source:
            pass
