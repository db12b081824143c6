"""Blur is a promise: no pixel of a face stays as it was, however the parser's labels swing.

The pictures are checkerboards of single pixels, so that a pixel that was hidden never has its own value again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.spec import CONSENSUS_LABELS, PART_LABELS, ModelSpec
from realtime.frames.crop import region_from_box
from realtime.frames.types import U8, Frame, Layout, ParsedFace, Region
from realtime.render.draw import render
from realtime.render.look import Look

SIZE_WH = (320, 240)
FACE = (160.0, 120.0, 120.0)  # centre x, y and height
ASPECT = 0.72
CONSENSUS = ModelSpec("any", CONSENSUS_LABELS)
PARTS = ModelSpec("parts", PART_LABELS)
BOTH = ModelSpec("parts+consensus", (*PART_LABELS, "occlusion"))
LAYOUTS: tuple[Layout, ...] = ("rgb", "yuv420p", "gray", "rgba")
MOUTH, LENS, CHIN = (0.0, 0.25, 0.4, 0.2), (-0.2, -0.1, 0.25, 0.2), (0.0, 0.35, 1.0, 0.4)
"""Places on a face: centre x, y, width and height, in units of its height from its centre."""


def checkerboard(layout: Layout = "rgb", size_wh: tuple[int, int] = SIZE_WH) -> Frame:
    """A frame whose planes are checkerboards, chroma too."""
    width, height = size_wh
    board = (np.indices((height, width)).sum(0) % 2 * 255).astype(np.uint8)
    chroma = board[: (height + 1) // 2, : (width + 1) // 2]
    planes = {
        "rgb": (np.dstack([board] * 3),),
        "rgba": (np.dstack([board] * 4),),
        "gray": (board,),
        "yuv420p": (board, chroma, chroma),
    }
    return Frame(planes[layout], layout)


def hidden(before: Frame, after: Frame) -> U8:
    """(H, W) bool: where every channel has another value than before; a chroma sample counts for four pixels."""
    width, height = before.size_wh
    layers = []
    for old, new in zip(before.planes, after.planes, strict=True):
        old, new = (plane[..., :3] if plane.ndim == 3 else plane[..., None] for plane in (old, new))
        changed = (old != new).all(2)
        step = 1 if len(changed) == height else 2
        layers.append(changed.repeat(step, 0).repeat(step, 1)[:height, :width])
    return np.all(layers, axis=0)


def ellipse(size_wh: tuple[int, int], x: float, y: float, wide: float, high: float, angle_deg: float = 0.0) -> U8:
    """(H, W) bool: the pixels whose centres lie in an ellipse, which is turned clockwise."""
    rows, columns = np.indices(size_wh[::-1]) + 0.5 - np.array((y, x))[:, None, None]
    sin, cos = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    across, along = columns * cos + rows * sin, rows * cos - columns * sin
    return (across / (wide / 2)) ** 2 + (along / (high / 2)) ** 2 <= 1


def face_pixels(face: tuple[float, float, float] = FACE, size_wh: tuple[int, int] = SIZE_WH) -> U8:
    x, y, height = face
    return ellipse(size_wh, x, y, ASPECT * height, height)


def place_in_crop(spec: ModelSpec, place: tuple[float, float, float, float]) -> U8:
    middle, height = spec.size_px / 2, spec.size_px / spec.crop_scale
    x, y, wide, high = place
    return ellipse((spec.size_px,) * 2, middle + x * height, middle + y * height, wide * height, high * height)


def parsed(
    spec: ModelSpec = CONSENSUS, face: tuple[float, float, float] = FACE, **labels: tuple[float, float, float, float]
) -> ParsedFace:
    """A face as a network without errors would parse it, but for some places with another label, by its name."""
    probabilities = np.zeros((spec.size_px, spec.size_px, len(spec.labels)), np.uint8)
    ids = np.where(place_in_crop(spec, (0, 0, ASPECT, 1)), 1, 0)
    for label, place in labels.items():
        ids[place_in_crop(spec, place)] = spec.labels.index(label)
    np.put_along_axis(probabilities, ids[..., None], 255, axis=2)
    x, y, height = face
    region = region_from_box((x - height / 2, y - height / 2, x + height / 2, y + height / 2), spec.crop_scale)
    return ParsedFace(0, region, np.zeros((spec.size_px, spec.size_px, 3), np.uint8), probabilities)


LEAKS = {
    "open mouth": parsed(background=MOUTH),
    "lens": parsed(occlusion=LENS),
    "beard taken for an occluder": parsed(occlusion=CHIN),
    "beard taken for background": parsed(background=CHIN),
    "hand over the mouth": parsed(occlusion=(0.0, 0.3, 0.5, 0.6)),
    "hole": parsed(background=(0.05, 0.0, 0.2, 0.2)),
    "half a mask": parsed(background=(0.5, 0.0, 1.0, 2.0)),
    "no mask": parsed(background=(0.0, 0.0, 2.0, 2.0)),
}
PART_LEAKS = {
    "mouth": parsed(PARTS, mouth=MOUTH),
    "beard taken for hair": parsed(PARTS, hair=CHIN),
    "sunglasses": parsed(PARTS, background=(0.0, -0.1, 0.7, 0.2)),
    "mask": parsed(BOTH, occlusion=CHIN),
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_pixel_of_the_face_stays_visible(leak: str, layout: Layout) -> None:
    frame = checkerboard(layout)
    shown = ~hidden(frame, render(frame, [LEAKS[leak]], Look("blur"), CONSENSUS))
    assert not (shown & face_pixels()).any()
    assert shown.mean() > 0.75  # and the rest of the picture stays


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("angle_deg", [37.0, 90.0, -135.0, 180.0])
def test_a_turned_face_is_hidden_where_it_lies(leak: str, angle_deg: float) -> None:
    frame, face = checkerboard("yuv420p"), LEAKS[leak]
    face = replace(face, region=replace(face.region, angle_deg=angle_deg))
    shown = ~hidden(frame, render(frame, [face], Look("blur"), CONSENSUS))
    x, y, height = FACE
    assert not (shown & ellipse(SIZE_WH, x, y, ASPECT * height, height, angle_deg)).any()
    assert shown.mean() > 0.75


def test_what_lies_on_a_turned_face_is_spared_on_request() -> None:
    frame, face = checkerboard(), parsed(occlusion=(0.0, 0.3, 0.5, 0.4))
    face = replace(face, region=replace(face.region, angle_deg=90.0))
    drawn = render(frame, [face], Look("blur", keep_occluders=True), CONSENSUS)
    x, y, height = FACE
    assert not hidden(frame, drawn)[ellipse(SIZE_WH, x - 0.3 * height, y, 0.3 * height, 0.4 * height)].any()
    assert hidden(frame, drawn)[ellipse(SIZE_WH, x + 0.2 * height, y, 0.4 * height, 0.5 * height)].all()


@pytest.mark.parametrize("leak", PART_LEAKS)
def test_no_part_of_the_face_stays_visible(leak: str) -> None:
    frame, face = checkerboard("yuv420p"), PART_LEAKS[leak]
    spec = BOTH if face.probabilities.shape[2] > len(PART_LABELS) else PARTS
    assert hidden(frame, render(frame, [face], Look("blur"), spec))[face_pixels()].all()


def test_a_network_that_is_not_confident_hides_the_face_nevertheless() -> None:
    face = parsed()
    pale = np.full_like(face.probabilities, 0)
    pale[...] = (255, 0, 0)
    pale[face.probabilities[..., 1] > 0] = (175, 50, 30)
    frame = checkerboard()
    drawn = render(frame, [ParsedFace(0, face.region, face.crop, pale)], Look("blur"), CONSENSUS)
    assert hidden(frame, drawn)[face_pixels()].all()


@pytest.mark.parametrize("face", [(0.0, 120.0, 120.0), (310.0, 230.0, 90.0), (160.0, 239.0, 200.0)])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size_wh", [SIZE_WH, (321, 241)])
def test_a_face_at_the_edge_is_hidden_to_the_edge(
    face: tuple[float, float, float], layout: Layout, size_wh: tuple[int, int]
) -> None:
    frame = checkerboard(layout, size_wh)
    drawn = render(frame, [parsed(face=face)], Look("blur"), CONSENSUS)
    assert hidden(frame, drawn)[face_pixels(face, size_wh)].all()


@pytest.mark.parametrize("height", [12.0, 30.0, 120.0, 500.0])
def test_cells_are_too_coarse_to_recognise_anyone(height: float) -> None:
    """Features of a sixth of the face's height, such as eyes and brows, leave hardly a trace."""
    size, square = (400, 400), max(1, round(height / 12))
    rows, columns = np.indices(size) // square
    pictures = [np.dstack([((rows + columns + turn) % 2 * 255).astype(np.uint8)] * 3) for turn in (0, 1)]
    face = (200.0, 200.0, height)
    one, other = (render(Frame((p,), "rgb"), [parsed(face=face)], Look("blur"), CONSENSUS).planes[0] for p in pictures)
    inside = face_pixels((200.0, 200.0, 0.8 * height), size)
    assert np.abs(one.astype(int) - other)[inside].max() < 100


def test_cells_do_not_move_with_the_face() -> None:
    frame = Frame((np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8),), "rgb")
    one, other = (
        render(frame, [parsed(face=(x, y, 120.0))], Look("blur"), CONSENSUS).planes[0]
        for x, y in ((160.0, 120.0), (163.0, 118.0))
    )
    inside = face_pixels((161.5, 119.0, 110.0))
    np.testing.assert_array_equal(one[inside], other[inside])


def test_a_small_face_shows_no_details_of_a_large_one_behind_it() -> None:
    frame = checkerboard()
    large, small = parsed(face=(160.0, 120.0, 200.0)), parsed(face=(150.0, 90.0, 20.0))
    alone = render(frame, [large], Look("blur"), CONSENSUS).planes[0]
    for faces in ([large, small], [small, large]):
        np.testing.assert_array_equal(render(frame, faces, Look("blur"), CONSENSUS).planes[0], alone)


def test_hair_and_the_surroundings_stay_sharp() -> None:
    frame = checkerboard()
    drawn = render(frame, [parsed(PARTS, hair=(0.0, -0.85, 1.2, 0.6))], Look("blur"), PARTS)
    x, y, height = FACE
    assert not hidden(frame, drawn)[round(y - 0.8 * height) : round(y - 0.58 * height)].any()
    assert not hidden(frame, drawn)[:, : round(x - 0.5 * height)].any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_lies_on_the_face_is_spared_on_request(layout: Layout) -> None:
    frame, hand = checkerboard(layout), (0.0, 0.3, 0.5, 0.4)
    drawn = render(frame, [parsed(occlusion=hand)], Look("blur", keep_occluders=True), CONSENSUS)
    x, y, height = FACE
    spared = ellipse(SIZE_WH, x, y + 0.3 * height, 0.4 * height, 0.3 * height)
    beside = face_pixels() & ~ellipse(SIZE_WH, x, y + 0.3 * height, 0.5 * height, 0.4 * height)
    assert not hidden(frame, drawn)[spared].any()
    assert hidden(frame, drawn)[beside].all()


def test_what_may_be_the_face_is_not_spared() -> None:
    face = parsed(occlusion=LENS)
    face.probabilities[face.probabilities[..., 2] > 0] = (0, 85, 170)
    frame = checkerboard()
    drawn = render(frame, [face], Look("blur", keep_occluders=True), CONSENSUS)
    assert hidden(frame, drawn)[face_pixels()].all()


def test_a_face_that_a_spared_one_covers_stays_hidden() -> None:
    behind, front = parsed(occlusion=(0.3, 0.0, 0.6, 0.8)), parsed(face=(200.0, 120.0, 90.0))
    frame = checkerboard()
    drawn = render(frame, [behind, front], Look("blur", keep_occluders=True), CONSENSUS)
    assert hidden(frame, drawn)[face_pixels((200.0, 120.0, 90.0))].all()


def test_a_region_beyond_the_frame_hides_nothing() -> None:
    frame = checkerboard()
    face = ParsedFace(0, Region(900, 900, 100), parsed().crop, parsed().probabilities)
    assert not hidden(frame, render(frame, [face], Look("blur"), CONSENSUS)).any()
