"""Outputs have a hidden name until they are complete, and what a killed process leaves is removed."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

from realtime.video.sinks.open import ImageSink
from realtime.video.sinks.part_file import HeldFile, PartFile, remove_stale_parts
from tests.fakes.video import yuv_frame


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_output_that_nobody_came_to_write_leaves_nothing(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "clip.mp4")
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    del part
    gc.collect()
    assert names(tmp_path) == []


def test_a_held_file_gets_its_name_when_its_keeper_says_so(tmp_path: Path) -> None:
    with HeldFile(tmp_path / "out.png") as held:
        with ImageSink(held) as sink:
            sink.write(yuv_frame())
            assert not held.is_complete
        assert held.is_complete
        assert not (tmp_path / "out.png").exists()
        held.publish()
    assert names(tmp_path) == ["out.png"]


def test_a_held_file_that_is_not_published_is_removed(tmp_path: Path) -> None:
    with HeldFile(tmp_path / "out.png") as held, ImageSink(held) as sink:
        sink.write(yuv_frame())
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    killed = f"""
import os, signal
from pathlib import Path
from realtime.video.sinks.part_file import PartFile
part = PartFile(Path({str(tmp_path)!r}) / "clip.mp4")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", killed], check=False)
    (tmp_path / ".mine.part").write_text("a stranger's")
    assert len(names(tmp_path)) == 2
    running = PartFile(tmp_path / "other.mp4")
    remove_stale_parts(tmp_path)
    assert names(tmp_path) == sorted([".mine.part", running.part.name])
    running.discard()
