"""Servers of streams, and sources that wait for no more than two seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.video.sources import stream
from tests.fakes.stream import Servers, clip_bytes

TIMEOUT = 2.0


@pytest.fixture
def servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources that wait for data for no more than two seconds."""
    monkeypatch.setattr(stream, "TIMEOUT_SECONDS", TIMEOUT)
    monkeypatch.setattr(stream, "_PLAYLIST_TIMEOUT_SECONDS", TIMEOUT)


@pytest.fixture
def ts(tmp_path: Path) -> bytes:
    """Two seconds of MPEG-TS, which states no duration."""
    return clip_bytes(tmp_path / "clip.ts")
