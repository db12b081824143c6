"""Drawing on a frame's own planes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engines.errors import UsageError
from engines.spec import PART_LABELS, ModelSpec
from realtime.faces.face_parser import crop_faces, parse_faces
from realtime.faces.following.tracker import TrackedRegion
from realtime.frames.colour import rgb_from_yuv
from realtime.frames.types import U8, Frame, ParsedFace, Region
from realtime.render.draw import render
from realtime.render.look import Look
from realtime.render.palette import FACE_RGB, OCCLUSION_RGB, legend, palette
from realtime.render.registry import renderers
from tests.fakes.pipeline import BLUE, GREY, RED, SPEC, FakeEngine, rgb_frame, scene, yuv_frame

KINDS = tuple(renderers())
PICTURE = scene(covers=[(165, 125, 215, 160)])
FACE, COVERED, NEAR, FAR = (150, 105), (175, 135), (112, 70), (10, 10)  # places (x, y)
MAKE = {"rgb": rgb_frame, "yuv420p": yuv_frame}


def faces_of(frame: Frame, *regions: Region) -> list[ParsedFace]:
    tracked = [TrackedRegion(index, region) for index, region in enumerate(regions or [Region(161.3, 119.6, 120)])]
    return parse_faces(FakeEngine(), crop_faces(frame, tracked, 128), tracked)


def drawn(kind: str, frame: Frame, *regions: Region) -> Frame:
    return render(frame, faces_of(frame, *regions), Look(kind), SPEC)


def as_rgb(frame: Frame) -> U8:
    if frame.layout != "yuv420p":
        return frame.planes[0]
    size_wh = frame.size_wh
    chroma = [cv2.resize(plane, size_wh, interpolation=cv2.INTER_NEAREST) for plane in frame.planes[1:]]
    return cv2.transform(cv2.merge([frame.planes[0], *chroma]), rgb_from_yuv("bt709", False))


def mixed(one: tuple[int, ...], other: tuple[int, ...], share: float = 0.5) -> np.ndarray:
    return np.array(one) * share + np.array(other) * (1 - share)


@pytest.mark.parametrize("layout", MAKE)
def test_overlay_tints_face_and_occlusion_and_nothing_else(layout: str) -> None:
    frame = MAKE[layout](PICTURE)
    rgb = as_rgb(drawn("overlay", frame))
    np.testing.assert_allclose(rgb[FACE[::-1]], mixed(FACE_RGB, RED), atol=8)
    np.testing.assert_allclose(rgb[COVERED[::-1]], mixed(OCCLUSION_RGB, BLUE), atol=8)
    for place in (NEAR, FAR):
        np.testing.assert_array_equal(rgb[place[::-1]], as_rgb(frame)[place[::-1]])


@pytest.mark.parametrize("layout", MAKE)
def test_cutout_keeps_the_visible_face_on_black(layout: str) -> None:
    frame = MAKE[layout](PICTURE)
    rgb = as_rgb(drawn("cutout", frame))
    np.testing.assert_array_equal(rgb[FACE[::-1]], as_rgb(frame)[FACE[::-1]])
    for place in (COVERED, NEAR, FAR):
        assert rgb[place[::-1]].max() <= 1


def test_labels_are_ids_at_the_size_of_the_frame() -> None:
    frame = yuv_frame(PICTURE)
    labels = drawn("labels", frame)
    assert labels.layout == "gray"
    assert labels.size_wh == frame.size_wh
    ids = labels.planes[0]
    assert [ids[place[::-1]] for place in (FAR, FACE, COVERED)] == [0, 1, 2]
    truth = np.where(PICTURE[:, :, 0] > 160, 1, 0) + np.where(PICTURE[:, :, 2] > 160, 2, 0)
    inside = np.s_[65:175, 105:215]
    assert (ids[inside] == truth[inside]).mean() > 0.97


@pytest.mark.parametrize("layout", MAKE)
def test_alpha_is_the_visible_face(layout: str) -> None:
    frame = MAKE[layout](PICTURE)
    shown = drawn("alpha", frame)
    alpha = shown.planes[0][:, :, 3] if layout == "rgb" else shown.alpha
    assert alpha is not None
    assert [alpha[place[::-1]] for place in (FACE, COVERED, NEAR, FAR)] == [255, 0, 0, 0]
    kept = shown.planes[0][:, :, :3] if layout == "rgb" else shown.planes[0]
    np.testing.assert_array_equal(kept, frame.planes[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", MAKE)
def test_the_frame_itself_stays_untouched(kind: str, layout: str) -> None:
    frame = MAKE[layout](PICTURE)
    before = [plane.copy() for plane in frame.planes]
    shown = drawn(kind, frame)
    assert (shown.pts, shown.index, shown.time_base, shown.size_wh) == (0, 0, frame.time_base, frame.size_wh)
    for plane, copy in zip(frame.planes, before, strict=True):
        np.testing.assert_array_equal(plane, copy)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", [*MAKE, "gray", "rgba"])
@pytest.mark.parametrize("size_wh", [(321, 241), (1, 1), (2, 3)])
@pytest.mark.parametrize("side", [3.0, 50.0, 500.0])
def test_any_layout_and_odd_size_is_drawn_on(kind: str, layout: str, size_wh: tuple[int, int], side: float) -> None:
    picture = np.full((size_wh[1], size_wh[0], 3), RED, np.uint8)
    planes = {"gray": picture[:, :, 0], "rgba": np.dstack([picture, picture[:, :, :1]])}
    frame = Frame((planes[layout],), layout) if layout in planes else MAKE[layout](picture)  # type: ignore[arg-type]
    shown = drawn(kind, frame, Region(size_wh[0] * 0.9, size_wh[1] * 0.8, side))
    assert shown.size_wh == size_wh


@pytest.mark.parametrize("kind", KINDS)
def test_no_face_draws_nothing(kind: str) -> None:
    shown = render(yuv_frame(PICTURE), [], Look(kind), SPEC)
    if kind in ("overlay", "blur"):
        np.testing.assert_array_equal(as_rgb(shown), as_rgb(yuv_frame(PICTURE)))
    elif kind == "alpha":
        assert shown.alpha is not None
        assert not shown.alpha.any()
    else:
        assert as_rgb(shown).max() <= 1


def test_overlapping_faces_are_tinted_once() -> None:
    frame = rgb_frame(PICTURE)
    once = as_rgb(drawn("overlay", frame, Region(160, 120, 120)))
    twice = as_rgb(drawn("overlay", frame, Region(160, 120, 120), Region(160, 120, 120)))
    np.testing.assert_array_equal(once, twice)


def test_where_faces_overlap_the_likelier_label_wins() -> None:
    frame, region = rgb_frame(PICTURE), Region(160, 120, 120)
    values = [np.zeros((128, 128, 3), np.uint8) for _ in range(2)]
    values[0][:] = (0, 55, 200)  # one sees an occluder in front of its face ...
    values[1][:] = (0, 215, 40)  # ... which is the other's face
    faces = [ParsedFace(index, region, np.zeros((128, 128, 3), np.uint8), value) for index, value in enumerate(values)]
    assert set(np.unique(render(frame, faces, Look("labels"), SPEC).planes[0][70:170, 110:210])) == {1}
    overlay = as_rgb(render(frame, faces, Look("overlay"), SPEC))
    assert overlay[FAR[::-1]].tolist() == list(GREY)
    np.testing.assert_allclose(overlay[FACE[::-1]], mixed(FACE_RGB, RED), atol=6)


def test_two_faces_far_apart_are_both_drawn() -> None:
    frame = yuv_frame(scene(faces=[(60, 60, 70), (250, 180, 70)]))
    ids = drawn("labels", frame, Region(60, 60, 105), Region(250, 180, 105)).planes[0]
    assert ids[60, 60] == ids[180, 250] == 1
    assert ids[120, 160] == 0


def test_parts_are_drawn_by_their_ids() -> None:
    spec = ModelSpec("parts", ("background", *(f"part {index}" for index in range(1, 12)), "hair"))
    probabilities = np.zeros((128, 128, 13), np.uint8)
    probabilities[:, :, 0] = 100
    probabilities[20:60, 20:60, 7] = 155
    probabilities[70:100, 20:60, 12] = 155
    face = ParsedFace(0, Region(160, 120, 128), np.zeros((128, 128, 3), np.uint8), probabilities)
    ids = render(rgb_frame(PICTURE), [face], Look("labels"), spec).planes[0]
    assert set(np.unique(ids)) == {0, 7, 12}
    assert ids[120 - 64 + 40, 160 - 64 + 40] == 7


PARTS = ModelSpec("parts", PART_LABELS, 128, 2.0)
BOTH = ModelSpec("both", (*PART_LABELS, "occlusion"), 128, 2.0)
PLACES = {
    "skin": (130, 100),
    "left eye": (180, 100),
    "hair": (160, 70),
    "left ear": (210, 110),
    "occlusion": (150, 150),
}


def face_of_parts(spec: ModelSpec) -> ParsedFace:
    """16 px around each place are that label, as far as the model knows it; the region is 128 px, pixel by pixel."""
    probabilities = np.zeros((128, 128, len(spec.labels)), np.uint8)
    probabilities[:, :, 0] = 255
    for name, (x, y) in PLACES.items():
        if name in spec.labels:
            patch = probabilities[y - 56 - 8 : y - 56 + 8, x - 96 - 8 : x - 96 + 8]
            patch[:] = 0
            patch[:, :, spec.labels.index(name)] = 255
    return ParsedFace(0, Region(160, 120, 128), np.zeros((128, 128, 3), np.uint8), probabilities)


def parts_drawn(kind: str, frame: Frame, spec: ModelSpec = PARTS, label: str = "face") -> Frame:
    return render(frame, [face_of_parts(spec)], Look(kind, label=label), spec)


@pytest.mark.parametrize("layout", MAKE)
def test_each_part_is_tinted_in_its_own_colour(layout: str) -> None:
    frame = MAKE[layout](np.full((240, 320, 3), GREY, np.uint8))
    rgb = as_rgb(parts_drawn("overlay", frame, BOTH))
    for name, (x, y) in PLACES.items():
        colour = palette(BOTH.labels)[BOTH.labels.index(name)]
        np.testing.assert_allclose(rgb[y, x], mixed(tuple(colour), GREY), atol=8, err_msg=name)
    assert rgb[20, 300].tolist() == as_rgb(frame)[20, 300].tolist()


def test_what_covers_parts_looks_as_it_does_without_them() -> None:
    assert tuple(palette(BOTH.labels)[13]) == OCCLUSION_RGB
    assert tuple(palette(SPEC.labels)[:3].ravel()) == (0, 0, 0, *FACE_RGB, *OCCLUSION_RGB)


def test_labels_have_colours_of_their_own() -> None:
    assert len(np.unique(palette(BOTH.labels)[:14], axis=0)) == 14
    assert len(np.unique(palette(("background", "a", "b", "c"))[:4], axis=0)) == 4


def test_occlusion_beside_parts_is_written_as_background() -> None:
    ids = parts_drawn("labels", rgb_frame(PICTURE), BOTH).planes[0]
    assert [ids[y, x] for x, y in PLACES.values()] == [1, 4, 12, 6, 0]


def test_the_face_of_parts_has_ears_but_no_hair() -> None:
    alpha = parts_drawn("alpha", yuv_frame(PICTURE), BOTH).alpha
    assert alpha is not None
    assert [alpha[y, x] for x, y in PLACES.values()] == [255, 255, 0, 255, 0]


def test_any_label_can_be_the_matte() -> None:
    for label in PLACES.keys() & set(BOTH.labels[1:]):
        alpha = parts_drawn("alpha", yuv_frame(PICTURE), BOTH, label=label).alpha
        assert alpha is not None
        assert [name for name, (x, y) in PLACES.items() if alpha[y, x] == 255] == [label]


def test_part_ids_are_those_of_the_likeliest_label_everywhere() -> None:
    rng = np.random.default_rng(0)
    noise = cv2.resize(rng.dirichlet(np.full(13, 0.3), (9, 9)).astype(np.float32), (128, 128))
    face = ParsedFace(0, Region(160, 120, 128), np.zeros((128, 128, 3), np.uint8), np.uint8(noise * 255))
    ids = render(rgb_frame(PICTURE), [face], Look("labels"), PARTS).planes[0]
    inside = np.s_[60:180, 100:220]
    expected = np.zeros_like(ids)
    expected[56:184, 96:224] = face.probabilities.argmax(2)
    assert (ids[inside] == expected[inside]).mean() > 0.999


@pytest.mark.parametrize("layout", MAKE)
@pytest.mark.parametrize("size_wh", [(1280, 720), (640, 480), (481, 361)])
def test_the_legend_is_in_every_frame_of_parts_and_small(layout: str, size_wh: tuple[int, int]) -> None:
    frame = MAKE[layout](np.full((size_wh[1], size_wh[0], 3), GREY, np.uint8))
    changed = (as_rgb(render(frame, [], Look("overlay"), PARTS)) != as_rgb(frame)).any(2)
    left, top, right, bottom = legend(PARTS.labels, size_wh)[0]
    assert changed[top:bottom, left:right].mean() > 0.9
    assert not changed[:top].any()
    assert not changed[:, right:].any()
    assert (right - left) * (bottom - top) < 0.12 * size_wh[0] * size_wh[1]


@pytest.mark.parametrize("kind", KINDS)
def test_only_overlays_of_parts_have_a_legend(kind: str) -> None:
    frame = rgb_frame(np.full((480, 640, 3), GREY, np.uint8))
    with_parts, without = (as_rgb(render(frame, [], Look(kind), spec)) for spec in (PARTS, SPEC))
    assert np.array_equal(with_parts, without) is (kind != "overlay")


def test_a_frame_too_small_for_a_legend_has_none() -> None:
    frame = rgb_frame(np.full((160, 200, 3), GREY, np.uint8))
    np.testing.assert_array_equal(as_rgb(render(frame, [], Look("overlay"), PARTS)), as_rgb(frame))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", MAKE)
@pytest.mark.parametrize("size_wh", [(321, 241), (1, 1), (701, 503)])
@pytest.mark.parametrize("side", [50.0, 500.0])
def test_parts_are_drawn_on_any_odd_size(kind: str, layout: str, size_wh: tuple[int, int], side: float) -> None:
    frame = MAKE[layout](np.full((size_wh[1], size_wh[0], 3), RED, np.uint8))
    region = Region(size_wh[0] * 0.9, size_wh[1] * 0.8, side)
    face = ParsedFace(0, region, np.zeros((128, 128, 3), np.uint8), face_of_parts(BOTH).probabilities)
    before = [plane.copy() for plane in frame.planes]
    assert render(frame, [face], Look(kind), BOTH).size_wh == size_wh
    for plane, copy in zip(frame.planes, before, strict=True):
        np.testing.assert_array_equal(plane, copy)


def test_unknown_render_is_refused() -> None:
    with pytest.raises(UsageError, match="'outline' is unknown; expected one of overlay, alpha, blur, cutout, labels"):
        render(rgb_frame(PICTURE), [], Look("outline"), SPEC)
