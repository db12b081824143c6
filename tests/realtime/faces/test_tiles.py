"""Small faces: the tiles of a frame, and a probe of how many faces of each height the whole chain finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.engine import Engine
from engines.load import load_engine
from engines.zoo import DEFAULT_MODEL
from realtime.faces.detect import Detector
from realtime.faces.face_parser import FaceParser
from realtime.faces.tiles import padded_views, tiles_of_frame, whole_in_tile
from realtime.frames.types import U8, ParsedFace, Region
from tests.fakes.pipeline import rgb_frame

DATA = Path(__file__).parents[4] / "shared" / "data"
SIZE_WH = (1280, 720)
Box = tuple[float, float, float, float]


def boxes(*rows: Box) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_tiles_cover_the_frame_stick_out_of_it_and_overlap_by_a_quarter(width: int, height: int) -> None:
    tiles = tiles_of_frame((width, height))
    assert len(tiles) <= 36
    for length, edges in ((width, {t.box_xyxy[::2] for t in tiles}), (height, {t.box_xyxy[1::2] for t in tiles})):
        ordered = sorted(edges)
        assert not tiles or (ordered[0][0] <= -0.2 * tiles[0].side and ordered[-1][1] >= length + 0.2 * tiles[0].side)
        for (_, end), (start, _) in pairwise(ordered):
            assert end - start >= tiles[0].side / 4 - 1e-6


@pytest.mark.parametrize(("size_wh", "count", "side"), [((1280, 720), 24, 320), ((480, 270), 15, 160)])
def test_tiles_have_a_quarter_of_the_frames_width_but_160_pixels_at_least(
    size_wh: tuple[int, int], count: int, side: int
) -> None:
    assert [tile.side for tile in tiles_of_frame(size_wh)] == [side] * count


@pytest.mark.parametrize("size_wh", [(64, 64), (640, 480), (1280, 720)])
def test_a_frame_has_padded_views_of_all_of_it_and_of_its_border(size_wh: tuple[int, int]) -> None:
    for view in padded_views(size_wh):
        left, top, right, bottom = view.box_xyxy
        assert min(left, top) < 0 or right > size_wh[0] or bottom > size_wh[1]
    assert {view.side / max(size_wh) for view in padded_views(size_wh)} >= {1.25, 2.0}


@pytest.mark.parametrize("size_wh", [(1, 1), (160, 120), (200, 200)])
def test_a_small_frame_has_no_tiles(size_wh: tuple[int, int]) -> None:
    assert tiles_of_frame(size_wh) == []


@pytest.mark.parametrize(
    ("box", "taken"),
    [
        ((420, 420, 460, 470), True),
        ((300, 420, 340, 470), False),  # reaches over the border: the neighbour has the rest
        ((420, 420, 620, 620), False),  # large
        ((420, 420, 430, 440), False),  # a speck
    ],
)
def test_a_tile_gives_small_faces_that_it_holds_whole(box: Box, taken: bool) -> None:
    assert whole_in_tile(boxes(box), Region(480, 480, 320), SIZE_WH).tolist() == [taken]


def test_a_face_at_the_border_of_the_frame_is_cut_by_no_tile() -> None:
    assert whole_in_tile(boxes((-10, -5, 40, 60)), Region(160, 160, 320), SIZE_WH).tolist() == [True]


@cache
def detector() -> Detector:
    return Detector("auto")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with load_engine(DEFAULT_MODEL) as engine:
        yield engine


def shown(picture: U8, engine: Engine) -> list[ParsedFace]:
    """The faces that a still image of this picture shows."""
    with FaceParser(engine, detector()) as parser:
        return parser.step(rgb_frame(picture))


def backdrop(textured: bool, seed: int = 0) -> U8:
    """(720, 1280, 3): grey, or coarse and fine coloured noise."""
    rng = np.random.default_rng(seed)
    picture = np.full((*SIZE_WH[::-1], 3), 110, np.float32)
    for cell in (8, 40, 200) if textured else ():
        noise = rng.normal(0, 20, (SIZE_WH[1] // cell + 2, SIZE_WH[0] // cell + 2, 3)).astype(np.float32)
        picture += cv2.resize(noise, SIZE_WH, interpolation=cv2.INTER_CUBIC)
    return picture.clip(0, 255).astype(np.uint8)


@cache
def portraits() -> list[tuple[U8, Box]]:
    """Pictures of one face each, of all four kinds, with their full-face boxes."""
    kinds = ("us_portraits", "us_portraits_grey", "generated_portraits", "sfhq_t2i")
    files = [path for kind in kinds for path in sorted((DATA / "faces" / kind).glob("*.jpg"))[::90][:6]]
    pictures = [cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) for path in files]
    found = [(picture, detector().detect(rgb_frame(picture))) for picture in pictures]
    return [(picture, detections[0].box_xyxy) for picture, detections in found if detections]


def pasted(canvas: U8, picture: U8, box: Box, height: float, corner_xy: Sequence[int]) -> Region:
    """Scale a portrait to a face of this height, put it on the canvas, and say where the face then is."""
    scale = height / (box[3] - box[1])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y = corner_xy
    part = canvas[y : y + small.shape[0], x : x + small.shape[1]]
    part[:] = small[: part.shape[0], : part.shape[1]]
    return Region(x + scale * (box[0] + box[2]) / 2, y + scale * (box[1] + box[3]) / 2, height)


def found_and_others(height: float, engine: Engine) -> tuple[int, int]:
    """How many of the portraits' faces are found at a height in 720p, four in a frame.

    Every other frame is textured. Returns how many things are found besides, too.
    """
    rng, found, others = np.random.default_rng(int(height)), 0, 0
    for first in range(0, len(portraits()), 4):
        canvas = backdrop(first % 8 == 4, first)
        truths = [
            pasted(canvas, *portrait, height, (640 * (i % 2) + rng.integers(200), 360 * (i // 2) + rng.integers(20)))
            for i, portrait in enumerate(portraits()[first : first + 4])
        ]
        faces = shown(canvas, engine)
        hits = sum(any(_is_there(face, truth, engine) for face in faces) for truth in truths)
        found, others = found + hits, others + len(faces) - hits
    return found, others


def _is_there(face: ParsedFace, truth: Region, engine: Engine) -> bool:
    off = np.hypot(face.region.centre_x - truth.centre_x, face.region.centre_y - truth.centre_y)
    return off < 0.3 * truth.side and 0.65 < face.region.side / engine.spec.crop_scale / truth.side < 1.5


@pytest.mark.data
def test_faces_of_40_pixels_are_found_as_well_as_those_of_140(engine: Engine) -> None:
    figures = {height: found_and_others(height, engine) for height in (40, 60, 80, 140)}
    print(f"of {len(portraits())} faces (found, others) by height: {figures}")
    assert figures[140][0] >= 0.95 * len(portraits())
    assert all(found >= 0.95 * figures[140][0] for found, _ in figures.values()), figures
    assert sum(others for _, others in figures.values()) <= 1, figures


@pytest.mark.data
def test_a_portrait_has_no_small_faces_in_it(engine: Engine) -> None:
    assert {len(shown(picture, engine)) for picture, _ in portraits()} == {1}


@pytest.mark.data
def test_texture_and_things_have_no_small_faces(engine: Engine) -> None:
    canvas = backdrop(textured=True)
    assert detector().detect_in_tiles(rgb_frame(canvas), []) == []
    files = sorted((DATA / "occluders" / "objects").glob("*.webp"))[::20][:24]
    for index, path in enumerate(files):
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        picture = cv2.resize(picture, (110, 110), interpolation=cv2.INTER_AREA)
        part = canvas[40 + 160 * (index // 6) :, 20 + 210 * (index % 6) :][:110, :110]
        np.copyto(part, picture[:, :, 2::-1], where=picture[:, :, 3:] > 127)
    assert shown(canvas, engine) == []
