"""A new kind of source is one new file and its name in a list: `process` and `live` then take it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from realtime.frames.types import Frame
from realtime.options import Options
from realtime.run.batch import process
from realtime.run.jobs import plan
from realtime.run.live.play import LiveSource, play
from realtime.run.progress import Progress
from realtime.video.sinks.open import NullSink
from realtime.video.sources import open as sources
from realtime.video.sources.base import Source, SourceInfo, SourceKind, file_path
from tests.fakes.pipeline import FakeDetector, FakeEngine, yuv_frame


class ArraySource(Source):
    """The pictures of a NumPy file, (N, H, W, 3) uint8 RGB."""

    def __init__(self, path: Path) -> None:
        self._pictures = np.load(path)
        size_wh = (self._pictures.shape[2], self._pictures.shape[1])
        super().__init__(SourceInfo(path.name, "video", size_wh, frames=len(self._pictures), fps=25))

    def __iter__(self) -> Iterator[Frame]:
        yield from (yuv_frame(picture, index) for index, picture in enumerate(self._pictures))

    def close(self) -> None:
        """Nothing is open."""


ARRAY = SourceKind(
    lambda address: str(address).endswith(".npy"), lambda address: ArraySource(file_path(address)), frozenset({".npy"})
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of the new kind, which is in the list."""
    monkeypatch.setattr(sources, "KINDS", [ARRAY, *sources.KINDS])
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "clip.npy", np.full((7, 48, 64, 3), 90, np.uint8))
    return tmp_path / "in"


def test_process_finds_and_masks_files_of_a_new_kind(folder: Path, tmp_path: Path) -> None:
    jobs = plan([folder], tmp_path / "out", "labels")
    (outcome,) = process(jobs, FakeEngine(), Options("labels"), detector=FakeDetector())
    assert outcome.error is None
    assert outcome.summary is not None
    assert outcome.summary.frames == 7
    assert (tmp_path / "out" / "clip.mkv").is_file()


def test_live_plays_a_new_kind(folder: Path) -> None:
    run = play(LiveSource(f"{folder}/clip.npy"), FakeEngine(), NullSink(), Options(), Progress())
    assert run.summary.source == "clip.npy"
    assert run.summary.frames + run.summary.dropped == 7


def test_without_its_name_in_the_list_it_is_no_source(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "KINDS", sources.KINDS[1:])
    jobs = plan([folder / "clip.npy"], tmp_path / "out", "labels")
    (outcome,) = process(jobs, FakeEngine(), detector=FakeDetector())
    assert "cannot be opened as a video" in (outcome.error or "")
