"""Following faces from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from engines.engine import Parsed
from engines.spec import CONSENSUS_LABELS, PART_LABELS, ModelSpec, Thresholds
from realtime.faces.face_parser import crop_faces, parse_faces
from realtime.faces.probabilities import confidence, full_face_box, visible_share
from realtime.faces.tiles import RENEW_AFTER, padded_views, tiles_of_frame
from realtime.faces.tracker import Tracker
from realtime.frames.crop import crop_from_frame, crop_rgb, frame_from_crop, region_from_box
from realtime.frames.resampling import centres
from realtime.frames.types import U8, Detection, ParsedFace, Region
from tests.fakes.pipeline import SPEC, FakeDetector, FakeEngine, LowConfidenceEngine, face_box, rgb_frame, scene

FACE = (160.0, 120.0, 80.0)
OTHER = (250.0, 60.0, 60.0)


def detection(face: tuple[float, float, float], score: float = 0.9) -> Detection:
    return Detection(face_box(*face), score)


def tracked(tracker: Tracker, picture: U8, engine: FakeEngine) -> list[ParsedFace]:
    """The tracker's own part of a step: no face is parsed a second time, so that each test sees one update."""
    frame = rgb_frame(picture)
    regions = tracker.regions(frame)
    return tracker.update(parse_faces(engine, crop_faces(frame, regions, SPEC.size_px), regions))


def step(tracker: Tracker, **picture: object) -> list[ParsedFace]:
    return tracked(tracker, scene(**picture), FakeEngine())  # type: ignore[arg-type]


def test_detects_once_and_then_follows() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    ids = {face.track_id for _ in range(15) for face in step(tracker)}
    assert ids == {0}
    assert detector.calls == 1


def test_searches_for_new_faces_every_n_frames() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=5)
    for _ in range(11):
        step(tracker)
    tracker.close()  # lets the last search end
    assert detector.calls == 3


def test_detects_in_every_frame_while_nothing_is_tracked() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC)
    assert [step(tracker) for _ in range(4)] == [[]] * 4
    assert detector.calls == 4


def test_a_new_face_gets_the_next_number() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=2)
    step(tracker)
    detector.detections = [detection(OTHER), detection(FACE)]
    faces = [face for _ in range(3) for face in step(tracker, faces=[FACE, OTHER])][-2:]
    assert [face.track_id for face in faces] == [0, 1]
    assert faces[1].region.centre_x == pytest.approx(OTHER[0], abs=3)


def test_region_follows_a_moving_growing_face() -> None:
    tracker = Tracker(FakeDetector([detection(FACE)]), SPEC, redetect_every=100)
    for index in range(25):
        face = (160 + 3.0 * index, 120, 80 + 2.0 * index)
        (parsed,) = step(tracker, faces=[face])
    expected = region_from_box(face_box(*face), SPEC.crop_scale)
    assert parsed.region.centre_x == pytest.approx(expected.centre_x, abs=0.06 * expected.side)
    assert parsed.region.side == pytest.approx(expected.side, rel=0.08)


def test_region_of_a_still_face_stays_the_same_to_the_bit() -> None:
    tracker = Tracker(FakeDetector([detection((165, 124, 90))]), SPEC)
    regions = [step(tracker, faces=[(160 + 0.3 * (index % 2), 120, 80)])[0].region for index in range(20)]
    assert len(set(regions[8:])) == 1


def test_a_poor_first_box_is_put_right() -> None:
    tracker = Tracker(FakeDetector([detection((168, 114, 100))]), SPEC, redetect_every=100)
    for _ in range(10):
        (parsed,) = step(tracker)
    assert parsed.region.centre_x == pytest.approx(160, abs=4)
    assert parsed.region.side == pytest.approx(120, rel=0.06)


def test_a_hand_over_most_of_the_face_neither_loses_nor_moves_it() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=5)
    step(tracker)
    detector.detections = []  # the detector no longer sees it
    left, top, right, bottom = (round(edge) for edge in face_box(*FACE))
    covers = [(left, top + 25, right, bottom)]
    faces = [step(tracker, covers=covers) for _ in range(100)]
    assert all(len(found) == 1 for found in faces)
    assert faces[-1][0].region.centre_x == pytest.approx(160, abs=4)
    assert faces[-1][0].region.side == pytest.approx(120, rel=0.12)


def test_a_face_that_is_gone_is_not_drawn_and_dropped_after_a_while_and_searched_for_meanwhile() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    detector.detections = []
    assert [step(tracker, faces=[]) for _ in range(80)] == [[]] * 80
    assert detector.calls > 30 + 80 / 10
    detector.detections = [detection(FACE)]
    (face,) = step(tracker)
    assert face.track_id == 1


def test_a_wholly_covered_face_is_drawn_until_its_track_ends() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    detector.detections = []
    left, top, right, bottom = (round(edge) for edge in face_box(*FACE))
    drawn = [len(step(tracker, covers=[(left + 6, top + 6, right - 6, bottom - 6)])) for _ in range(30)]
    assert drawn == [1] * 30


def test_a_track_ends_where_the_detector_does_not_confirm_it_and_the_parsers_confidence_is_low() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    detector.detections = []
    assert [len(low_confidence_step(tracker)) for _ in range(5)] == [1, 1, 0, 0, 0]


def test_a_track_stays_where_the_detector_confirms_it_though_the_parsers_confidence_is_low() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    step(tracker)
    calls = detector.calls
    assert [len(low_confidence_step(tracker)) for _ in range(14)] == [1] * 14
    assert detector.calls == calls + 1, "asked once, at once"


def test_a_track_stays_where_the_parser_is_sure_though_the_detector_does_not_confirm_it() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=2)
    step(tracker)
    detector.detections = []
    assert [len(step(tracker)) for _ in range(60)] == [1] * 60


def test_every_track_ends_at_a_cut() -> None:
    """Here the detector and the parser would both go on with the old face."""
    tracker = Tracker(FakeDetector([detection(FACE)]), SPEC)
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::40] = stripes[:, 1::40] = 255
    assert [face.track_id for face in step(tracker)] == [0]
    left, top, right, bottom = (round(edge) for edge in face_box(*FACE))
    other = cv2.blur(stripes, (25, 25)) * 2
    other[top:bottom, left:right] = scene()[top:bottom, left:right]
    frame = rgb_frame(other)
    regions = tracker.regions(frame)
    assert [region.track_id for region in regions] == [1]


def test_a_face_that_comes_back_within_a_second_keeps_its_number() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    for _ in range(20):
        step(tracker, faces=[])
    (parsed,) = step(tracker)
    assert parsed.track_id == 0


def test_a_missing_face_is_found_again_where_the_detector_sees_it() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC)
    step(tracker)
    step(tracker, faces=[])
    moved = (185.0, 130.0, 80.0)
    detector.detections = [detection(moved)]
    (parsed,) = step(tracker, faces=[moved])
    assert parsed.track_id == 0
    assert parsed.region.centre_x == pytest.approx(185)


def test_what_the_parser_never_saw_as_a_face_is_not_shown() -> None:
    tracker = Tracker(FakeDetector([detection(FACE), detection(OTHER)]), SPEC)  # a picture of something else at OTHER
    assert [face.track_id for face in step(tracker)] == [0]


def test_a_covered_face_does_not_jump_to_a_picture_on_the_wall() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=3, max_faces=1)
    step(tracker)
    detector.detections = [detection(OTHER)]
    left, top, right, bottom = (round(edge) for edge in face_box(*FACE))
    for _ in range(20):
        (parsed,) = step(tracker, faces=[FACE, OTHER], covers=[(left, top + 30, right, bottom)])
        assert parsed.track_id == 0
        assert parsed.region.centre_x == pytest.approx(160, abs=8)


def test_all_faces_are_followed_by_default() -> None:
    faces = [(20.0 + 40 * column, 30.0 + 60 * row, 40.0) for column in range(8) for row in range(3)]
    assert len(step(Tracker(FakeDetector([detection(face) for face in faces]), SPEC), faces=faces)) == 24


def test_at_most_max_faces_are_followed() -> None:
    detector = FakeDetector([detection(FACE), detection(OTHER)])
    assert len(step(Tracker(detector, SPEC, max_faces=1), faces=[FACE, OTHER])) == 1
    assert len(step(Tracker(detector, SPEC, max_faces=2), faces=[FACE, OTHER])) == 2


NEAREST, NEARER, FARTHEST = (60.0, 120.0, 100.0), (160.0, 120.0, 80.0), (260.0, 120.0, 60.0)


def followed_largest(
    tracker: Tracker, detector: FakeDetector, faces: Sequence[tuple[float, float, float]]
) -> list[float]:
    """Where the followed faces of a frame are, x in pixels, from left to right."""
    detector.detections = [detection(face) for face in faces]
    return sorted(round(parsed.region.centre_x, -1) for parsed in step(tracker, faces=faces))


def test_the_largest_faces_are_followed_and_the_others_are_counted() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC, redetect_every=1, max_faces=2)
    assert followed_largest(tracker, detector, [FARTHEST, NEARER, NEAREST]) == [60, 160]
    assert tracker.left_out == 1
    assert followed_largest(tracker, detector, [FARTHEST, NEARER]) == [160, 260]
    assert tracker.left_out == 0


def test_a_larger_face_that_comes_later_takes_a_place() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC, redetect_every=1, max_faces=1)
    assert followed_largest(tracker, detector, [FARTHEST]) == [260]
    for _ in range(3):
        assert followed_largest(tracker, detector, [FARTHEST, NEAREST]) == [60]
        assert tracker.left_out == 1


def test_faces_of_one_size_do_not_take_turns() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC, redetect_every=1, max_faces=1)
    first = followed_largest(tracker, detector, [NEARER])
    for index in range(6):
        rival = (60.0, 120.0, 84.0 if index % 2 else 76.0)
        assert followed_largest(tracker, detector, [NEARER, rival]) == first


def test_a_face_that_is_left_out_counts_between_searches_too() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC, redetect_every=4, max_faces=1)
    counts = []
    for _ in range(9):
        followed_largest(tracker, detector, [NEARER, NEAREST])
        counts.append(tracker.left_out)
    assert counts == [1] * 9


def test_two_tracks_that_come_to_follow_one_face_become_the_older_one() -> None:
    tracker = Tracker(FakeDetector([detection((125, 120, 80)), detection((195, 120, 80))]), SPEC, redetect_every=100)
    frame = rgb_frame(scene(faces=[FACE]))
    assert len(tracker.regions(frame)) == 2
    for _ in range(6):
        faces = step(tracker, faces=[FACE])
    assert [face.track_id for face in faces] == [0]


def shrinking(track_id: int, region: Region) -> ParsedFace:
    """What a parser that takes every face for a fifth smaller than its region says would answer."""
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[34:94, 43:85, 1] = 255
    return ParsedFace(track_id, region, np.zeros((128, 128, 3), np.uint8), _with_background(probabilities))


def test_a_wrong_mask_cannot_feed_on_itself() -> None:
    tracker = Tracker(FakeDetector([detection(FACE)]), SPEC, redetect_every=1000)
    for _ in range(60):
        regions = tracker.regions(rgb_frame(scene()))
        (face,) = tracker.update([shrinking(tracked.track_id, tracked.region) for tracked in regions])
    assert face.region.side > 70


def test_a_region_that_went_wrong_is_put_back_by_the_detector() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=20)
    sides = []
    for _ in range(42):
        regions = tracker.regions(rgb_frame(scene()))
        sides.append(regions[0].region.side)
        assert len(tracker.update([shrinking(tracked.track_id, tracked.region) for tracked in regions])) == 1
    assert min(sides[:20]) < 90
    assert sides[21] == sides[41] == 120, "searched for in frames 20 and 40, known in the next"


def test_a_second_detection_inside_a_followed_face_is_the_same_face() -> None:
    detector = FakeDetector([detection(FACE)])
    tracker = Tracker(detector, SPEC, redetect_every=1)
    step(tracker)
    detector.detections = [detection((165.0, 125.0, 40.0))]
    assert [face.track_id for face in step(tracker)] == [0]


def test_faces_cheek_to_cheek_are_two() -> None:
    pair = [(140.0, 120.0, 80.0), (198.0, 120.0, 80.0)]
    tracker = Tracker(FakeDetector([detection(face) for face in pair]), SPEC)
    frame = rgb_frame(scene(faces=pair))
    assert len(tracker.regions(frame)) == 2


def test_full_face_box_is_that_of_face_and_occlusion() -> None:
    crop = crop_rgb(rgb_frame(scene(covers=[(140, 125, 180, 150)])), Region(160, 120, 120), 128)
    box = full_face_box(FakeEngine()(crop[None]).probabilities[0], SPEC)
    assert box is not None
    expected = [(edge - origin) * 128 / 120 for edge, origin in zip(face_box(*FACE), (100, 60, 100, 60), strict=True)]
    np.testing.assert_allclose(box, expected, atol=6)  # the constants are those of faces, not of ellipses


def test_full_face_box_of_background_is_none() -> None:
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[:, :, 0] = 255
    assert full_face_box(probabilities, SPEC) is None
    assert visible_share(probabilities, SPEC) == 0


def test_full_face_box_ignores_specks() -> None:
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[40:90, 40:80, 1] = 255
    clean = full_face_box(_with_background(probabilities), SPEC)
    probabilities[5:8, 120:123, 2] = 255
    assert full_face_box(_with_background(probabilities), SPEC) == clean


def test_hair_is_no_part_of_the_full_face() -> None:
    spec = ModelSpec("hairy", ("background", "skin", "hair"))
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[:, :, 2] = 255
    probabilities[40:90, 40:80] = (0, 255, 0)
    box = full_face_box(probabilities, spec)
    assert box is not None
    assert box[1] > 30
    assert visible_share(probabilities, spec) == pytest.approx(50 * 40 / 128**2)


PARTS = ModelSpec("parts", PART_LABELS, 160, 2.0)


def parsed_parts(*patches: tuple[str, int, int, int, int]) -> U8:
    """(160, 160, 13): each patch (label, left, top, right, bottom) over those before it, on background."""
    ids = np.zeros((160, 160), np.uint8)
    for name, left, top, right, bottom in patches:
        ids[top:bottom, left:right] = PART_LABELS.index(name)
    return np.asarray(np.eye(13, dtype=np.uint8)[ids] * 255, np.uint8)


HEAD = (
    ("skin", 50, 40, 110, 120),
    ("left eye", 88, 65, 100, 70),
    ("nose", 74, 65, 86, 90),
    ("lower lip", 70, 100, 90, 106),
)


def test_ears_and_hair_do_not_widen_the_box_of_parts() -> None:
    plain = full_face_box(parsed_parts(*HEAD), PARTS)
    around = [("hair", 40, 10, 120, 60), ("left ear", 110, 65, 125, 95), ("right ear", 35, 65, 50, 95)]
    assert full_face_box(parsed_parts(*around, *HEAD), PARTS) == plain
    widened = full_face_box(parsed_parts(*HEAD, ("skin", 110, 65, 125, 95)), PARTS)
    assert plain is not None
    assert widened is not None
    assert widened[2] > plain[2] + 2


def test_sunglasses_do_not_cut_the_box_of_parts_in_two() -> None:
    plain = full_face_box(parsed_parts(*HEAD), PARTS)
    masked = full_face_box(parsed_parts(*HEAD, ("background", 40, 62, 120, 78)), PARTS)
    np.testing.assert_allclose(masked, plain, atol=2)


def test_what_a_consensus_model_leaves_open_stays_open() -> None:
    probabilities = np.zeros((128, 128, 3), np.uint8)
    probabilities[20:100, 40:90, 1] = 255
    probabilities[50:62] = 0
    box = full_face_box(_with_background(probabilities), SPEC)
    assert box is not None
    assert box[1] > 50


def test_a_parser_of_parts_is_sure_of_a_face_whose_parts_it_confuses() -> None:
    probabilities = parsed_parts(*HEAD)
    confused = probabilities.copy()
    confused[40:120, 50:110, 1:9] = 255 // 8
    assert confidence(confused, PARTS) > 0.95
    unsure = probabilities.copy()
    unsure[40:120, 50:110, 0], unsure[40:120, 50:110, 1] = 100, 155
    assert confidence(unsure, PARTS) < 0.8


def test_a_face_of_parts_is_followed_though_its_lower_half_is_covered() -> None:
    whole, half = parsed_parts(*HEAD), parsed_parts(*HEAD, ("background", 0, 85, 160, 160))
    tracker = Tracker(FakeDetector([detection(FACE)]), PARTS, redetect_every=1000)
    for index in range(90):
        regions = tracker.regions(rgb_frame(scene()))
        seen = half if 20 <= index < 50 else whole
        in_frame = [_seen_from(tracked.region, seen) for tracked in regions]
        blank = np.zeros((160, 160, 3), np.uint8)
        faces = [
            ParsedFace(tracked.track_id, tracked.region, blank, parsed)
            for tracked, parsed in zip(regions, in_frame, strict=True)
        ]
        (face,) = tracker.update(faces)
        left, top, right, bottom = face.region.box_xyxy
        assert left < 130 < 190 < right  # the face's own box, which the crop must hold
        assert top < 80
        assert bottom > 160
    assert face.track_id == 0
    assert face.region.side == pytest.approx(160, rel=0.15)


def _seen_from(region: Region, probabilities: U8) -> U8:
    """What a region sees of a face that stands still, parsed in the region of its detection."""
    first = Region(160, 120, 160)
    affine = crop_from_frame(region, 160) @ np.vstack([frame_from_crop(first, 160), [0, 0, 1]])
    ids = probabilities.argmax(2).astype(np.uint8)
    moved = cv2.warpAffine(ids, centres(affine), (160, 160), flags=cv2.INTER_NEAREST)
    return np.asarray(np.eye(13, dtype=np.uint8)[moved] * 255, np.uint8)


def _with_background(probabilities: U8) -> U8:
    values = probabilities.copy()
    values[:, :, 0] = 255 - values[:, :, 1:].max(axis=2)
    return values


def test_a_small_face_beside_a_large_one_is_shown_whichever_was_found_first() -> None:
    large, small = (110.0, 120.0, 150.0), (190.0, 120.0, 50.0)
    for found in ([large, small], [small, large]):
        tracker = Tracker(FakeDetector([detection(face) for face in found]), SPEC)
        for _ in range(5):
            faces = step(tracker, faces=[large, small])
        assert len(faces) == 2
        assert sorted(face.region.side for face in faces)[0] < 100


def low_confidence_step(tracker: Tracker) -> list[ParsedFace]:
    return tracked(tracker, scene(), LowConfidenceEngine())


@pytest.mark.parametrize(("score", "shown"), [(0.55, 0), (0.9, 1)])
def test_a_low_score_with_a_low_confidence_is_not_shown(score: float, shown: int) -> None:
    assert len(low_confidence_step(Tracker(FakeDetector([detection(FACE, score)]), SPEC))) == shown


def test_a_track_from_a_low_score_ends_when_the_parsers_confidence_falls() -> None:
    tracker = Tracker(FakeDetector([detection(FACE, 0.55)]), SPEC)
    assert len(step(tracker)) == 1
    assert [len(low_confidence_step(tracker)) for _ in range(5)] == [1, 1, 0, 0, 0]


def test_a_detection_that_a_search_was_sure_of_once_stays_whatever_the_parser_thinks() -> None:
    detector = FakeDetector([detection(FACE, 0.55)])
    tracker = Tracker(detector, SPEC, redetect_every=1)
    step(tracker)
    detector.detections = [detection(FACE, 0.8)]
    step(tracker)
    detector.detections = [detection(FACE, 0.55)]
    assert {len(low_confidence_step(tracker)) for _ in range(40)} == {1}


@pytest.mark.parametrize(("unconfirmed", "shown"), [(0.78, 1), (0.83, 0)])
def test_how_confident_a_parser_must_be_depends_on_the_network(unconfirmed: float, shown: int) -> None:
    class MediumConfidenceEngine(FakeEngine):
        def __call__(self, crops: U8) -> Parsed:
            parsed = super().__call__(crops)
            likely = parsed.probabilities.astype(np.float32)
            return Parsed(parsed.labels, (likely * 0.72 + 255 / 3 * 0.28).astype(np.uint8))

    spec = ModelSpec("any", CONSENSUS_LABELS, thresholds=Thresholds(unconfirmed))
    tracker = Tracker(FakeDetector([detection(FACE, 0.55)]), spec)
    frame = rgb_frame(scene())
    regions = tracker.regions(frame)
    parsed = parse_faces(MediumConfidenceEngine(), crop_faces(frame, regions, SPEC.size_px), regions)
    assert 0.78 < confidence(parsed[0].probabilities, SPEC) < 0.83
    assert len(tracker.update(parsed)) == shown


WIDE = (1280, 720)
SMALL = (300.0, 300.0, 60.0)


ALL_TILES = len(tiles_of_frame(WIDE)) + len(padded_views(WIDE))


def wide_step(
    tracker: Tracker, engine: FakeEngine, faces: list[tuple[float, float, float]], brighter: int = 0
) -> list[ParsedFace]:
    """One 720p frame."""
    return tracked(tracker, cv2.add(scene(WIDE, faces), (brighter,) * 4), engine)


def test_the_first_frame_is_searched_in_all_tiles_and_later_ones_in_a_few() -> None:
    detector = FakeDetector([detection((900, 300, 200))])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    for index in range(31):
        wide_step(tracker, FakeEngine(), [(900, 300, 200)], brighter=2 * index)
    tracker.close()
    assert detector.tiles == [ALL_TILES, 1, 1]


def test_a_frame_without_faces_is_searched_in_one_tile_at_a_time() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC)
    for brighter in (0, 10, 20):
        assert wide_step(tracker, FakeEngine(), [], brighter) == []
    assert detector.tiles == [ALL_TILES, 1, 1]


def test_where_nothing_moves_no_tile_is_searched_again_for_long() -> None:
    detector = FakeDetector()
    tracker = Tracker(detector, SPEC)
    for _ in range(RENEW_AFTER + 3):
        wide_step(tracker, FakeEngine(), [])
    assert detector.tiles == [ALL_TILES, *[0] * RENEW_AFTER, 1, 1]


def test_when_a_face_is_gone_tiles_are_searched_again_though_nothing_moves() -> None:
    detector = FakeDetector([detection((900, 300, 200))])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    for _ in range(3):
        wide_step(tracker, FakeEngine(), [(900, 300, 200)])
    detector.detections = ()
    tiles = len(detector.tiles)
    for _ in range(120):
        wide_step(tracker, FakeEngine(), [])
    assert 1 in detector.tiles[tiles:][31:45]


@pytest.mark.parametrize("score", [0.45, 0.9])
def test_a_small_face_that_convinces_the_parser_is_shown(score: float) -> None:
    tracker = Tracker(FakeDetector(small=[detection(SMALL, score)]), SPEC)
    assert len(wide_step(tracker, FakeEngine(), [SMALL])) == 1


def test_a_small_face_must_convince_the_parser_however_sure_the_detector_is() -> None:
    tracker = Tracker(FakeDetector(small=[detection(SMALL, 0.95)]), SPEC)
    assert wide_step(tracker, LowConfidenceEngine(), [SMALL]) == []


def test_a_face_that_a_whole_frame_shows_too_coarsely_is_searched_for_close_up() -> None:
    detector = FakeDetector([detection((300, 300, 90))], small=[detection(SMALL)])
    tracker = Tracker(detector, SPEC)
    (face,) = wide_step(tracker, FakeEngine(), [SMALL])
    assert detector.tiles == [ALL_TILES + 1]
    assert face.region.side == pytest.approx(90, rel=0.1)  # 60 px and their margin, not 90 px and theirs


def test_what_no_close_up_confirms_is_not_shown() -> None:
    assert wide_step(Tracker(FakeDetector([detection((300, 300, 90))]), SPEC), FakeEngine(), [SMALL]) == []


def test_a_small_thing_before_a_large_face_neither_takes_its_place_nor_its_number() -> None:
    large = (300.0, 300.0, 200.0)
    tracker = Tracker(FakeDetector([detection(large)], small=[detection(SMALL)]), SPEC, redetect_every=1)
    for _ in range(3):
        (face,) = wide_step(tracker, FakeEngine(), [large])
    assert face.track_id == 0
    assert face.region.side == pytest.approx(300, rel=0.1)


def test_a_low_confidence_detection_must_convince_the_parser_more_and_counts_only_where_nothing_is_followed() -> None:
    detector = FakeDetector([detection(FACE, 0.4)])
    tracker = Tracker(detector, ModelSpec("any", CONSENSUS_LABELS, thresholds=Thresholds(0.83, 0.88)), redetect_every=1)
    assert low_confidence_step(tracker) == []
    assert len(step(tracker)) == 1
    detector.detections = [detection(OTHER, 0.4)]
    assert [len(step(tracker, faces=[FACE, OTHER])) for _ in range(3)] == [1, 1, 1]


def test_a_low_confidence_detection_is_not_put_to_networks_that_cannot_tell() -> None:
    assert step(Tracker(FakeDetector([detection(FACE, 0.4)]), ModelSpec("another", CONSENSUS_LABELS))) == []


@pytest.mark.parametrize(("score", "shown"), [(0.8, 0), (0.95, 1)])
def test_a_likely_detection_that_is_nonsense_to_the_parser_is_not_shown(score: float, shown: int) -> None:
    tracker = Tracker(FakeDetector([detection(FACE, score)]), SPEC)
    frame = rgb_frame(scene())
    regions = tracker.regions(frame)
    (face,) = parse_faces(FakeEngine(), crop_faces(frame, regions, SPEC.size_px), regions)
    nonsense = (face.probabilities * 0.3 + 255 / 3 * 0.7).astype(np.uint8)
    nonsense[..., 0] //= 2  # full_face sees one
    assert confidence(nonsense, SPEC) < 0.57
    assert len(tracker.update([replace(face, probabilities=nonsense)])) == shown


def test_low_confidence_detections_leave_the_places_to_small_faces() -> None:
    texture = (900.0, 500.0, 200.0)
    detector = FakeDetector([detection(texture, 0.4)], small=[detection(SMALL)])
    tracker = Tracker(detector, ModelSpec("any", CONSENSUS_LABELS, thresholds=Thresholds(0.83, 0.88)), max_faces=1)
    assert len(wide_step(tracker, FakeEngine(), [SMALL])) == 1


def test_when_a_low_confidence_ends_a_track_tiles_are_searched_again_though_nothing_moves() -> None:
    detector = FakeDetector(small=[detection(SMALL, 0.95)])
    tracker = Tracker(detector, SPEC, redetect_every=15)
    assert len(wide_step(tracker, FakeEngine(), [SMALL])) == 1
    detector.small = ()
    given_up = [wide_step(tracker, LowConfidenceEngine(), [SMALL]) for _ in range(3)][-1]
    assert given_up == []
    tiles = len(detector.tiles)
    for _ in range(15):
        wide_step(tracker, FakeEngine(), [SMALL])
    assert detector.tiles[tiles:] == [1] * 15
