"""JPEG pictures are found in any stream of bytes, however it is cut."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.video.sources.live.jpegs import JpegSplitter

RNG = np.random.default_rng(0)
PICTURES = [
    cv2.imencode(".jpg", RNG.integers(0, 256, (24, 32, 3), np.uint8), options)[1].tobytes()
    for options in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 1])
]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 2), max_size=5),
    st.lists(st.binary(max_size=40), min_size=6, max_size=6),
    st.integers(1, 3000),
)
def test_whole_pictures_come_back_whatever_lies_between_them(
    numbers: list[int], between: list[bytes], step: int
) -> None:
    clean = [noise.replace(b"\xff\xd8\xff", b"") for noise in between]  # what begins like a picture may hide the next
    stream = b"".join(noise + PICTURES[number] for noise, number in zip(clean, numbers, strict=False)) + b"\r\n"
    splitter, found = JpegSplitter(), []
    for start in range(0, len(stream), step):
        found += splitter.feed(stream[start : start + step])
    assert found == [PICTURES[number] for number in numbers]


def test_a_start_right_before_a_picture_does_not_hide_it() -> None:
    for false_start in (b"\xff\xd8", b"\xff\xd8\xff", b"\xff"):
        assert list(JpegSplitter().feed(false_start + PICTURES[0])) == [PICTURES[0]]


def test_a_thumbnail_inside_a_picture_is_a_part_of_it() -> None:
    inner = PICTURES[0]
    exif = b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner
    whole = inner[:2] + exif + inner[2:]
    assert list(JpegSplitter().feed(whole)) == [whole]


def test_a_picture_that_is_cut_off_does_not_hide_the_next_one() -> None:
    cut = PICTURES[0][: len(PICTURES[0]) - 300]
    splitter = JpegSplitter()
    assert list(splitter.feed(cut + b"--frame\r\n" + PICTURES[1] + PICTURES[2]))[-1] == PICTURES[2]
