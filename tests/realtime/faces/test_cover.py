"""The cover of a face over time: a mask that swings shows no skin, and a face that is gone leaves no cover."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest

from engines.engine import Parsed
from realtime.faces.face_parser import FaceParser
from realtime.faces.smooth import new_smoothing
from realtime.frames.types import U8, Detection, Frame
from realtime.render.draw import render
from realtime.render.look import Look
from tests.fakes.pipeline import FACE_WH, SPEC, FakeDetector, FakeEngine, face_box, rgb_frame

SIZE_WH = (480, 360)
FACE = (240.0, 180.0, 90.0)  # centre x, y and height
WHOLE, NOTHING = (0.0, 1.0), (0.0, 0.0)
"""Which part of a face the network sees, from left to right in shares of the crop."""


class SwingingEngine(FakeEngine):
    """Sees a part of an oval in the middle of each crop, and background elsewhere."""

    part = WHOLE

    def __call__(self, crops: U8) -> Parsed:
        oval = np.zeros((128, 128), np.uint8)
        cv2.ellipse(oval, (64, 64), (31, 43), 0, 0, 360, 255, -1)
        first, last = (round(share * 128) for share in self.part)
        oval[:, :first] = 0
        oval[:, last:] = 0
        probabilities = (
            np.stack([np.dstack([255 - oval, oval, np.zeros_like(oval)]) for _ in crops])
            if len(crops)
            else np.zeros((0, 128, 128, 3), np.uint8)
        )
        return Parsed(probabilities.argmax(-1).astype(np.uint8), probabilities)


def picture(seed: int = 0, brightness: int = 120) -> U8:
    """(H, W, 3) uint8 RGB: a texture under a checkerboard, whose pixels differ from every mean around them."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(brightness, brightness + 20, (SIZE_WH[1] // 24, SIZE_WH[0] // 24, 3), np.uint8)
    board = np.indices(SIZE_WH[::-1]).sum(0)[..., None] % 2 * 120 - 60
    return (cv2.resize(coarse, SIZE_WH, interpolation=cv2.INTER_NEAREST).astype(int) + board).astype(np.uint8)


def with_wall(before: U8) -> U8:
    """The picture with something else where the face was. It is no cut: the rest stays."""
    left, top, right, bottom = (round(edge) for edge in face_box(*FACE))
    after = before.copy()
    after[top - 20 : bottom + 20, left - 20 : right + 20] = picture(seed=1)[: bottom - top + 40, : right - left + 40]
    return after


def hidden(pictures: Sequence[U8], parts: Sequence[tuple[float, float]], found: Sequence[bool]) -> Iterator[U8]:
    """(H, W) bool for each frame: the pixels that blur has changed.

    Args:
        parts: what the network sees in each frame.
        found: whether the detector finds the face there.
    """
    engine, detector = SwingingEngine(), FakeDetector()
    with FaceParser(engine, detector, redetect_every=1, smoothing=new_smoothing(), hides_faces=True) as parser:
        for index, (pixels, part, seen) in enumerate(zip(pictures, parts, found, strict=True)):
            engine.part, detector.detections = part, [Detection(face_box(*FACE), 0.95)] if seen else []
            frame = rgb_frame(pixels, index)
            drawn = render(frame, parser.step(frame), Look("blur"), SPEC)
            yield (drawn.planes[0] != pixels).all(2)


def face_pixels() -> U8:
    rows, columns = np.indices(SIZE_WH[::-1]) + 0.5
    x, y, height = FACE
    return ((columns - x) / (height * FACE_WH[0] / 2)) ** 2 + ((rows - y) / (height / 2)) ** 2 <= 0.98


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("part", [(0.0, 0.5), (0.55, 1.0), (0.45, 0.55), NOTHING])
def test_a_mask_that_shrinks_for_a_moment_shows_no_skin(part: tuple[float, float], seen: bool) -> None:
    parts = [WHOLE] * 4 + [part] * 2 + [WHOLE] * 2
    found = [True] * 4 + [seen] * 2 + [True] * 2
    for index, changed in enumerate(hidden([picture()] * 8, parts, found)):
        assert changed[face_pixels()].all(), f"frame {index}"


def test_a_face_is_hidden_from_its_first_frame_on() -> None:
    first, *_ = hidden([picture()], [WHOLE], [True])
    assert first[face_pixels()].all()


def test_a_face_that_has_left_leaves_no_cover() -> None:
    pictures = [picture()] * 5 + [with_wall(picture())] * 5
    covered = list(hidden(pictures, [WHOLE] * 5 + [NOTHING] * 5, [True] * 5 + [False] * 5))
    assert all(changed[face_pixels()].all() for changed in covered[:5])
    assert not any(changed.any() for changed in covered[5:])


def test_nothing_is_hidden_after_a_cut() -> None:
    pictures = [picture()] * 5 + [picture(seed=7, brightness=70)] * 5
    covered = list(hidden(pictures, [WHOLE] * 5 + [NOTHING] * 5, [True] * 5 + [False] * 5))
    assert not any(changed.any() for changed in covered[5:])


def test_the_cells_of_a_face_that_breathes_keep_their_size() -> None:
    engine, detector = SwingingEngine(), FakeDetector()
    sizes = set()
    with FaceParser(engine, detector, redetect_every=1, hides_faces=True) as parser:
        for index, height in enumerate([93.0, 99.0] * 5):  # around 96, six cells of 16
            detector.detections = [Detection(face_box(240.0, 180.0, height), 0.95)]
            (face,) = parser.step(rgb_frame(picture(), index))
            assert face.cover is not None
            sizes.add(face.cover.cell_px)
    assert len(sizes) == 1


def test_without_hiding_no_face_has_a_cover() -> None:
    with FaceParser(SwingingEngine(), FakeDetector([Detection(face_box(*FACE), 0.95)])) as parser:
        (face,) = parser.step(Frame((picture(),), "rgb"))
    assert face.cover is None
