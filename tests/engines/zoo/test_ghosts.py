"""The default network on composed footage: no mask stays after a cut or a face that left; all of a crowd is masked."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.engine import Engine
from engines.load import find_engine, load_engine
from realtime.faces.detect import Detector

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
script = importlib.import_module("measure_ghosts")

SHARED = Path(__file__).parents[4] / "shared"
CLIPS = sorted((SHARED / "clips").glob("*.mkv"))
WALLS = ("own corner", "bricks", "object", "torso")
pytestmark = pytest.mark.skipif(not CLIPS, reason="no ../shared/clips beside the checkout")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with load_engine(find_engine("consensus-lite")) as engine:
        yield engine


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.mark.parametrize("number", range(8))
def test_no_mask_stays_after_a_cut_to_a_wall_and_none_is_lost_before(
    engine: Engine, detector: Detector, number: int
) -> None:
    pictures = script.clip_pictures(CLIPS[number], script.FRAMES_BEFORE)
    people = script.PEOPLE.get(CLIPS[number].stem, 1)
    tried = 0
    for name, wall in script.walls(pictures[0], number, SHARED):
        if name in WALLS and not script.shows_a_face(detector, wall):
            shown = script.faces_shown(engine, detector, script.cut_to(pictures, wall))
            assert shown[: script.FRAMES_BEFORE] == [people] * script.FRAMES_BEFORE
            assert not any(shown[script.FRAMES_BEFORE + script.FIRST_FRAME_WITHOUT :]), name
            tried += 1
    assert tried >= 3  # Father Christmas is a face


def test_no_mask_stays_where_a_face_has_left_the_frame(engine: Engine, detector: Detector) -> None:
    pictures = script.clip_pictures(CLIPS[0])
    assert not any(script.faces_shown(engine, detector, script.leaving(pictures))[-script.FRAMES_AFTER :])


@pytest.mark.parametrize("redetect_every", [1, 15])
def test_every_face_of_a_crowd_is_found(engine: Engine, detector: Detector, redetect_every: int) -> None:
    assert script.faces_shown(engine, detector, [script.crowd(SHARED)], redetect_every) == [script.CROWD]
