"""`unveil process`: codecs and sound of the outputs."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.fakes.command import Unveil
from tests.fakes.video import Clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip(frames=12).write(tmp_path / "clip.mp4")


@pytest.mark.parametrize(("codec", "suffix", "name"), [("hevc", ".mp4", "hevc"), ("ffv1", ".mkv", "ffv1")])
def test_a_codec_for_viewing_decides_the_suffix(
    unveil: Unveil, engine: Path, clip: Path, tmp_path: Path, codec: str, suffix: str, name: str
) -> None:
    out = tmp_path / "out"
    assert unveil("process", clip, "-o", out, "--model", engine, "--codec", codec).status == 0
    with av.open(str(out / f"clip{suffix}")) as video:
        assert video.streams.video[0].codec_context.name == name
    result = unveil("process", clip, "-o", tmp_path / "x.mov", "--model", engine)
    assert (result.status, "or add --codec prores" in result.stderr) == (2, True)


def test_sound_can_be_left_out(unveil: Unveil, engine: Path, tmp_path: Path) -> None:
    clip = Clip(frames=6, audio="aac").write(tmp_path / "clip.mp4")
    for choice, sounds in (("copy", 1), ("none", 0)):
        out = tmp_path / f"{choice}.mp4"
        assert unveil("process", clip, "-o", out, "--model", engine, "--audio", choice).status == 0
        with av.open(str(out)) as video:
            assert len(video.streams.audio) == sounds


def test_interlaced_pictures_can_stay_interlaced(
    unveil: Unveil, engine: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = Clip(frames=6, options={"flags": "+ildct+ilme"}).write(tmp_path / "clip.mp4")
    for choice, says in (("auto", "deinterlaces it"), ("off", "bottom field first, and stays so")):
        out = tmp_path / f"{choice}.mp4"
        result = unveil("process", clip, "-o", out, "--model", engine, "--deinterlace", choice)
        assert (result.status, says in caplog.text) == (0, True)
