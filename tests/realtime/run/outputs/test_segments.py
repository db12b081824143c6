"""A long video is made in segments. A run that is killed goes on, and ends as if nobody had killed it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.faces.saved_state import restore, save
from realtime.frames.types import U8, Detection, Frame
from realtime.pipeline import Options
from realtime.run.batch import Unwatched, process_file
from realtime.run.inputs import find_inputs
from realtime.run.jobs import data_path, plan_found
from realtime.run.outcome import Outcome
from realtime.run.outputs import segments
from realtime.run.outputs.segments import SegmentFolder
from realtime.video.codecs import VIDEO_CODECS, VideoCodec
from tests.fakes.pipeline import FakeDetector, FakeEngine, face_box, scene

LENGTH, FRAMES = 20, 95


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SegmentFolder, "length", LENGTH)
    monkeypatch.setattr(segments, "_LEAST_FRAMES", 2 * LENGTH)


def place(index: int) -> tuple[float, float, float]:
    """Where the face is."""
    return 100.0 + index, 120.0 + 10 * np.sin(index / 9), 80.0


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Frames of a face that moves, at uneven times, with sound."""
    path = tmp_path / "clip.mp4"
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 30_000)
        sound = out.add_stream("aac", rate=48_000, layout="mono")
        for index in range(FRAMES):
            picture = scene(faces=[place(index)])
            picture = np.clip(picture.astype(int) + noise.integers(-3, 4, picture.shape), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            # Frames are missing just behind one boundary, and slow behind another one.
            late = 5000 * (index > LENGTH) + 400 * max(0, min(index, 3 * LENGTH) - 2 * LENGTH)
            frame.pts = 1000 * index + (300 if index % 3 else 0) + late
            frame.time_base = stream.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        tone = np.sin(np.arange(48_000 * 4) / 20)[None].astype(np.float32)
        for start in range(0, tone.shape[1], 1024):
            block = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone[:, start : start + 1024]), "fltp", "mono")
            block.rate, block.pts = 48_000, start
            out.mux(sound.encode(block))
        out.mux(sound.encode(None))
    return path


class Follows(FakeDetector):
    """Finds the face wherever its red is."""

    def detect(self, frame: Frame, *, low_confidence: bool = False) -> list[Detection]:
        rgb = cv2.cvtColor(yuv(frame), cv2.COLOR_YUV2RGB_I420)
        red = (rgb[:, :, 0].astype(int) - rgb[:, :, 2] > 60).astype(np.uint8)
        x, y, wide, high = cv2.boundingRect(red)
        return [Detection(face_box(x + wide / 2, y + high / 2, high), 0.9)] if wide else []


def yuv(frame: Frame) -> U8:
    return np.concatenate([plane.reshape(-1) for plane in frame.planes]).reshape(-1, frame.size_wh[0])


class Kills(Unwatched):
    """Stops a run after so many frames."""

    def __init__(self, at: int) -> None:
        self._at = at

    def frame_done(self, frames: int) -> None:
        if frames == self._at:
            raise KeyboardInterrupt


def run(clip: Path, folder: str, options: Options, *, kill_at: int | None = None) -> tuple[Outcome, FakeEngine]:
    found = find_inputs([clip])
    (job,) = plan_found(found, clip.parent / folder, options.render, codec=options.video_codec)
    engine = FakeEngine()
    progress = Kills(kill_at) if kill_at else None
    return process_file(job, engine, options, Follows([]), progress), engine


def pixels(frame: av.VideoFrame) -> bytes:
    return b"".join(bytes(plane) for plane in frame.planes)


def content(path: Path) -> list[str]:
    """Decoded frames with their times, and packets of sound."""
    found = []
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.stream.type == "audio":
                found.append(f"sound {packet.pts} {hashlib.sha256(bytes(packet)).hexdigest()}")
            elif packet.stream.type == "video":
                found += [
                    f"{float(frame.time):.6f} {hashlib.sha256(pixels(frame)).hexdigest()}" for frame in packet.decode()
                ]
    return sorted(found)


@pytest.mark.parametrize("render", ["labels", "blur", "alpha"])
def test_a_killed_run_goes_on_and_ends_as_if_nobody_had_killed_it(clip: Path, render: str) -> None:
    options = Options(render, data=True)
    whole, whole_engine = run(clip, "whole", options)
    assert whole.error is None
    with pytest.raises(KeyboardInterrupt):
        run(clip, "killed", options, kill_at=67)
    killed = clip.parent / "killed"
    assert [path.suffix for path in killed.iterdir()] == [".segments"]
    again, again_engine = run(clip, "killed", options)
    assert again.error is None
    assert again.summary is not None
    assert whole.summary is not None
    assert len(again_engine.batches) < len(whole_engine.batches) / 2
    for name in ("frames", "faces", "frames_without_face"):
        assert getattr(again.summary, name) == getattr(whole.summary, name)
    assert content(again.job.output) == content(whole.job.output)
    assert data_path(again.job.output).read_text() == data_path(whole.job.output).read_text()
    assert not [path for path in killed.iterdir() if path.suffix in (".segments", ".part")]


@pytest.mark.parametrize("render", ["labels", "overlay"])
def test_segments_lose_no_frame_time_or_sound(clip: Path, render: str, monkeypatch: pytest.MonkeyPatch) -> None:
    segmented, _ = run(clip, "segmented", Options(render))
    monkeypatch.setattr(segments, "_LEAST_FRAMES", 10**9)
    one_piece, _ = run(clip, "one", Options(render))
    ours, expected = (content(outcome.job.output) for outcome in (segmented, one_piece))
    if render == "labels":
        assert ours == expected
    assert len(ours) == len(expected)
    assert [line.split()[0] for line in ours] == [line.split()[0] for line in expected]
    sounds = [[line for line in lines if line.startswith("sound")] for lines in (ours, expected)]
    assert sounds[0] == sounds[1]


def test_a_run_of_another_request_begins_anew(clip: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(clip, "out", Options("labels"), kill_at=67)
    other = replace(Options("labels"), smooth=False)
    outcome, _ = run(clip, "out", other)
    expected, _ = run(clip, "whole", other)
    assert content(outcome.job.output) == content(expected.job.output)
    assert not [path for path in (clip.parent / "out").iterdir() if path.suffix == ".segments"]


def test_a_damaged_state_is_not_used(clip: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(clip, "out", Options("labels"), kill_at=67)
    (folder,) = (clip.parent / "out").glob(".*.segments")
    for path in folder.glob("*.pickle"):
        path.write_bytes(path.read_bytes()[:-20])
    outcome, _ = run(clip, "out", Options("labels"))
    expected, _ = run(clip, "whole", Options("labels"))
    assert content(outcome.job.output) == content(expected.job.output)


def test_a_state_that_other_code_saved_is_not_used(clip: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(clip, "out", Options("labels"), kill_at=67)
    (folder,) = (clip.parent / "out").glob(".*.segments")
    for path in folder.glob("*.pickle"):
        state = replace(restore(path.read_bytes(), {}), parser=b"of another version")
        path.write_bytes(save(state, {}))
    outcome, _ = run(clip, "out", Options("labels"))
    expected, _ = run(clip, "whole", Options("labels"))
    assert outcome.error is None
    assert content(outcome.job.output) == content(expected.job.output)


@pytest.mark.parametrize("codec", [*VIDEO_CODECS, "alpha"])
def test_joined_segments_are_as_a_video_in_one_piece(
    clip: Path, codec: VideoCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SegmentFolder, "length", 60)
    render = "alpha" if codec == "alpha" else "blur"
    options = Options(render) if codec == "alpha" else Options(render, video_codec=codec)
    joined, _ = run(clip, "joined", options)
    monkeypatch.setattr(segments, "_LEAST_FRAMES", 10**9)
    whole, _ = run(clip, "whole", options)
    assert (joined.error, whole.error) == (None, None)
    found = []
    for outcome in (joined, whole):
        with av.open(str(outcome.job.output)) as video:
            context = video.streams.video[0].codec_context
            kinds = (context.codec_tag, context.pix_fmt, context.color_range, context.colorspace)
            found.append((*kinds, [float(frame.time) for frame in video.decode(video=0)]))
    assert found[0] == found[1]
