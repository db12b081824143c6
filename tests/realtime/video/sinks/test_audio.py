"""Where the sound of an output ends: with the input's, unless its pictures were cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import pytest

from engines.errors import SourceError
from realtime.frames.types import Frame
from realtime.pipeline import Options, run
from realtime.run import batch
from realtime.run.jobs import plan
from realtime.run.outcome import Outcome
from realtime.video.sinks.open import open_sink
from realtime.video.sources.open import open_source
from realtime.video.sources.video import VideoSource
from tests.fakes.pipeline import FakeDetector, FakeEngine
from tests.fakes.video import Clip

LONGER_SOUND = Path(__file__).parents[5] / "shared" / "cases" / "io" / "n06_sound_longer.mkv"


def clip(
    frames: int = 30, seconds: tuple[float, float] = (0.0, 4.0), *, start: float = 0.0, codec: str = "aac"
) -> Clip:
    """Pictures at 30 fps from `start` on, and sound from and to other times, in seconds."""
    pts = range(round(start * 30), round(start * 30) + frames)
    return Clip(frames, time_base=Fraction(1, 30), pts=pts, audio=codec, audio_seconds=seconds)


def masked(path: Path, folder: Path, render: str = "overlay", limit: int | None = None) -> Outcome:
    (job,) = plan([path], folder, render)
    (outcome,) = batch.process([job], FakeEngine(), Options(render, limit=limit), detector=FakeDetector())
    assert outcome.summary is not None, outcome.error
    return outcome


def sound_of(path: Path) -> tuple[float, float]:
    """When the sound begins and ends, in seconds."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        starts = [float(packet.pts * packet.time_base) for packet in packets]
        return min(starts), max(starts) + float(packets[-1].duration * packets[-1].time_base)


@pytest.mark.parametrize("render", ["overlay", "cutout", "blur", "alpha"])
def test_sound_that_goes_on_after_the_pictures_is_kept(tmp_path: Path, render: str) -> None:
    outcome = masked(clip().write(tmp_path / "in.mkv"), tmp_path / "out", render)
    assert outcome.error is None
    assert sound_of(outcome.job.output)[1] == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("codec, name", [("aac", "in.mp4"), ("aac", "in.ts"), ("pcm_s16le", "in.mkv")])
def test_longer_sound_is_kept_in_every_format_copied_or_encoded_anew(tmp_path: Path, codec: str, name: str) -> None:
    outcome = masked(clip(codec=codec).write(tmp_path / name), tmp_path / "out")
    start, end = sound_of(outcome.job.output)
    assert end - start == pytest.approx(4.0, abs=0.1)


@pytest.mark.data
@pytest.mark.skipif(not LONGER_SOUND.is_file(), reason="no ../shared/cases beside the checkout")
def test_a_real_recording_keeps_its_six_seconds_of_sound(tmp_path: Path) -> None:
    assert sound_of(masked(LONGER_SOUND, tmp_path / "out").job.output)[1] == pytest.approx(6.0, abs=0.1)


def test_sound_that_begins_after_the_last_picture_is_kept(tmp_path: Path) -> None:
    outcome = masked(clip(15, (2.0, 4.0)).write(tmp_path / "in.mkv"), tmp_path / "out")
    assert sound_of(outcome.job.output) == pytest.approx((2.0, 4.0), abs=0.1)


def test_sound_that_begins_before_the_first_picture_is_kept(tmp_path: Path) -> None:
    outcome = masked(clip(start=2.0).write(tmp_path / "in.mkv"), tmp_path / "out")
    assert sound_of(outcome.job.output) == pytest.approx((0.0, 4.0), abs=0.1)


@pytest.mark.parametrize("stated", [True, False])
def test_a_limit_cuts_the_sound_with_the_pictures(tmp_path: Path, stated: bool) -> None:
    """Also where the file does not state how long it is, as a live recording."""
    path = replace(clip(60, (0.0, 2.0)), container_options={} if stated else {"live": "1"}).write(tmp_path / "in.mkv")
    with open_source(path) as source:
        assert (source.info.duration_seconds is not None) is stated
    outcome = masked(path, tmp_path / "out", limit=30)
    assert outcome.error is None
    assert sound_of(outcome.job.output)[1] == pytest.approx(1.0, abs=0.1)


def test_the_last_frames_that_a_limit_leaves_out_take_their_sound_with_them(tmp_path: Path) -> None:
    outcome = masked(clip(60, (0.0, 2.0)).write(tmp_path / "in.mp4"), tmp_path / "out", limit=45)
    assert sound_of(outcome.job.output)[1] == pytest.approx(1.5, abs=0.1)


class BreaksOff(VideoSource):
    """A file that turns out to be damaged after 30 frames."""

    def __iter__(self) -> Iterator[Frame]:
        yield from islice(super().__iter__(), 30)
        raise SourceError("in.mp4 ends early")


def test_damage_cuts_the_sound_with_the_pictures(tmp_path: Path) -> None:
    with BreaksOff(clip(45).write(tmp_path / "in.mp4")) as source:
        sink = open_sink(tmp_path / "out.mp4", source.info)
        summary = run(source, FakeEngine(), sink, detector=FakeDetector())
    assert (summary.frames, summary.damage) == (30, "in.mp4 ends early")
    assert sound_of(tmp_path / "out.mp4")[1] == pytest.approx(1.0, abs=0.1)


def test_label_videos_and_images_have_no_sound_to_cut(tmp_path: Path) -> None:
    path = clip().write(tmp_path / "in.mkv")
    outcome = masked(path, tmp_path / "out", "labels", limit=3)
    assert outcome.error is None
    with av.open(str(outcome.job.output)) as container:
        assert not container.streams.audio
