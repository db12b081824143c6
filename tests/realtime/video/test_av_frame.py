"""Frames as RGB, by the matrix of their colours."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.frames.colour import Colour
from realtime.frames.types import Frame
from realtime.video.av_frame import rgb_from_frame


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full_range", [False, True])
def test_whole_frame_as_rgb_follows_its_matrix(matrix: str, full_range: bool) -> None:
    from realtime.frames.colour import rgb_from_yuv

    yuv = (120, 90, 160)
    y = np.full((48, 64), yuv[0], np.uint8)
    u, v = (np.full((24, 32), value, np.uint8) for value in yuv[1:])
    colour = Colour(matrix, full_range)  # type: ignore[arg-type]
    expected = rgb_from_yuv(colour.matrix, full_range) @ (*yuv, 1)
    assert rgb_from_frame(Frame((y, u, v), "yuv420p", colour=colour))[5, 5] == pytest.approx(expected, abs=2)
