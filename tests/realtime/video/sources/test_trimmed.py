"""A part of a video: its frames, its times and its sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engines.errors import SourceError
from realtime.pipeline import Options
from realtime.run.batch import process
from realtime.run.jobs import plan
from realtime.run.outcome import Outcome
from realtime.video.sources.trimmed import TrimmedSource
from realtime.video.sources.video import VideoSource
from tests.fakes.pipeline import FakeDetector, FakeEngine
from tests.fakes.video import Clip, ListSource, luma, yuv_frame


def part(frames: int, start: float, end: float | None) -> list[tuple[int, int | None, int]]:
    """Index, pts (600 per second) and luma of each frame of a part of a list of frames, 30 per second."""
    source = TrimmedSource(ListSource([yuv_frame(index, pts=1000 + 20 * index) for index in range(frames)]), start, end)
    with source:
        return [(frame.index, frame.pts, int(frame.planes[0][-1, -1])) for frame in source]


def test_a_part_has_the_frames_from_its_start_to_before_its_end_timed_from_0() -> None:
    assert part(10, 0.1, 0.2) == [(0, 0, luma(3)), (1, 20, luma(4)), (2, 40, luma(5))]


@pytest.mark.parametrize(
    ("start", "end", "first", "count"), [(0.0, None, 0, 10), (0.15, None, 5, 5), (0.0, 9.0, 0, 10)]
)
def test_an_open_part_ends_with_the_video(start: float, end: float | None, first: int, count: int) -> None:
    frames = part(10, start, end)
    assert (len(frames), frames[0][2]) == (count, luma(first))


def test_a_start_after_the_end_of_the_video_is_named_and_the_source_closed() -> None:
    source = ListSource([yuv_frame(index) for index in range(10)])
    with pytest.raises(SourceError, match=r"ends after 0\.3 s, before the start that was asked for, 5 s"):
        TrimmedSource(source, 5.0)
    assert source.closed


def test_length_and_frames_are_those_of_the_part(tmp_path: Path) -> None:
    clip = Clip(frames=60).write(tmp_path / "clip.mp4")
    with TrimmedSource(VideoSource(clip), 0.5, 1.5) as source:
        assert (source.info.frames, source.info.duration_seconds) == (30, pytest.approx(1.0))
        assert len(list(source)) == 30


def masked(path: Path, folder: Path, start: float, end: float | None) -> Outcome:
    jobs = plan([path], folder, "overlay")
    options = Options(start_seconds=start, end_seconds=end)
    (outcome,) = process(jobs, FakeEngine(), options, detector=FakeDetector())
    assert outcome.error is None
    return outcome


@pytest.mark.parametrize("codec, suffix", [("aac", ".mp4"), ("pcm_s16le", ".mkv")])
def test_sound_is_cut_with_the_pictures(tmp_path: Path, codec: str, suffix: str) -> None:
    """A tone sounds from 1 s to 2 s of 4 s. In the part from 0.5 s to 3 s it sounds from 0.5 s to 1.5 s."""
    pts = [20 * index for index in range(120)]
    clip = Clip(120, pts=pts, audio=codec, audio_seconds=(1.0, 2.0)).write(tmp_path / f"clip{suffix}")
    output = masked(clip, tmp_path / "out", 0.5, 3.0).job.output
    with av.open(str(output)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert (len(times), times[0]) == (75, 0.0)
    assert times[-1] == pytest.approx(74 / 30, abs=0.001)
    start, end = loud(output)
    assert start == pytest.approx(0.5, abs=0.05)
    assert end == pytest.approx(1.5, abs=0.05)


def test_sound_after_the_end_of_the_part_is_left_out(tmp_path: Path) -> None:
    clip = Clip(90, audio="aac", audio_seconds=(0.0, 3.0)).write(tmp_path / "clip.mp4")
    assert loud(masked(clip, tmp_path / "out", 0.0, 1.0).job.output)[1] == pytest.approx(1.0, abs=0.05)


def loud(path: Path) -> tuple[float, float]:
    """When the tone begins and ends, in seconds."""
    with av.open(str(path)) as container:
        heard = [
            (Fraction(frame.pts) * frame.time_base, frame.samples / frame.rate)
            for frame in container.decode(audio=0)
            if np.abs(frame.to_ndarray().astype(float)).max()
            > 0.05 * (1 if frame.format.name.startswith("flt") else 32768)
        ]
    return float(heard[0][0]), float(heard[-1][0]) + heard[-1][1]
