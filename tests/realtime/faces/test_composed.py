"""Two networks as one engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import EngineMismatch, UnknownModel, UsageError
from engines.spec import CONSENSUS_LABELS, OCCLUSION, PART_LABELS, ModelSpec, Thresholds
from realtime.faces import composed
from realtime.faces.composed import OnEstimatedDepth, WithOcclusion, load_model
from realtime.frames.types import U8
from tests.fakes.depth import HAIR, PARTS, PARTS_DEPTH, SKIN, FakeParser, GreenIsNear
from tests.fakes.pipeline import FakeEngine

SMALL = ModelSpec("consensus", CONSENSUS_LABELS, 48, 1.5)
COVERED = len(PART_LABELS)


def crops(count: int = 1) -> U8:
    return np.full((count, 64, 64, 3), 90, np.uint8)


def with_occlusion(parts: U8, consensus: U8, count: int = 1) -> U8:
    return WithOcclusion(FakeParser(PARTS, parts), FakeParser(SMALL, consensus))(crops(count)).probabilities


def test_the_parser_sees_the_estimated_depth_in_three_channels() -> None:
    parser = FakeParser(PARTS_DEPTH, np.zeros((64, 64), np.uint8))
    picture = crops(2)
    picture[0, :, :, 1] = np.arange(64)
    OnEstimatedDepth(GreenIsNear(), parser)(picture)
    np.testing.assert_array_equal(parser.seen[0], np.repeat(picture[..., 1:2], 3, axis=3))


def test_estimated_depth_is_named_and_sees_colour() -> None:
    engine = OnEstimatedDepth(GreenIsNear(), FakeParser(PARTS_DEPTH, np.zeros((64, 64), np.uint8)))
    assert engine.description == "fake parts-depth, on depth estimated from colour by fake rgb-to-depth"
    assert not engine.spec.sees_depth
    assert engine.spec.labels == PART_LABELS


def test_a_composed_model_has_the_thresholds_of_its_parser() -> None:
    blank, stated = np.zeros((64, 64), np.uint8), Thresholds(0.7, 0.9, estimated_depth=0.6)
    depth = FakeParser(replace(PARTS_DEPTH, thresholds=stated), blank)
    estimated = OnEstimatedDepth(GreenIsNear(), depth)
    assert estimated.spec.thresholds == Thresholds(0.6, 0.9, estimated_depth=0.6)
    both = WithOcclusion(estimated, FakeParser(replace(SMALL, thresholds=Thresholds(0.1)), blank))
    assert both.spec.thresholds == estimated.spec.thresholds


def test_engines_of_other_crops_are_refused() -> None:
    other = ModelSpec("parts-depth", PART_LABELS, 96, 2.0, modality="depth")
    with pytest.raises(EngineMismatch, match="64 px and scale 2, parts-depth of 96 px and 2"):
        OnEstimatedDepth(GreenIsNear(), FakeParser(other, np.zeros((96, 96), np.uint8)))
    with pytest.raises(EngineMismatch, match="a model that estimates depth"):
        OnEstimatedDepth(FakeEngine(), FakeParser(PARTS_DEPTH, np.zeros((64, 64), np.uint8)))


def test_occlusion_takes_its_place_among_the_parts() -> None:
    consensus = np.ones((48, 48), np.uint8)
    consensus[24:] = OCCLUSION
    fused = with_occlusion(np.full((64, 64), SKIN, np.uint8), consensus)[0]
    # 48 px of scale 1.5 are as large as 64 px of scale 2: the smaller crop is the middle, 8 px from each border.
    assert (fused[8:31, 10:54].argmax(2) == SKIN).all()
    assert (fused[33:55, 10:54].argmax(2) == COVERED).all()
    assert (fused[58:].argmax(2) == SKIN).all()
    assert (np.abs(fused.sum(2, dtype=int) - 255) <= 2).all()


def test_the_smaller_crop_is_the_middle_of_the_larger_one() -> None:
    picture = cv2.resize(np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8), (64, 64))
    consensus = FakeParser(SMALL, np.ones((48, 48), np.uint8))
    WithOcclusion(FakeParser(PARTS, np.full((64, 64), SKIN, np.uint8)), consensus)(picture[None])
    np.testing.assert_array_equal(consensus.seen[0][0], picture[8:56, 8:56])


def test_hair_across_the_face_stays_hair() -> None:
    fused = with_occlusion(np.full((64, 64), HAIR, np.uint8), np.full((48, 48), OCCLUSION, np.uint8))
    assert (fused[0].argmax(2) == HAIR).all()


def test_labels_are_the_likeliest() -> None:
    consensus = np.ones((48, 48), np.uint8)
    consensus[:, :20] = OCCLUSION
    parsed = WithOcclusion(FakeParser(PARTS, np.full((64, 64), SKIN, np.uint8)), FakeParser(SMALL, consensus))(crops(2))
    np.testing.assert_array_equal(parsed.labels, parsed.probabilities.argmax(3))
    assert set(np.unique(parsed.labels)) == {SKIN, COVERED}


def test_no_crop_is_no_face() -> None:
    assert with_occlusion(np.zeros((64, 64), np.uint8), np.ones((48, 48), np.uint8), 0).shape == (0, 64, 64, 14)


def test_two_models_that_say_the_same_are_refused() -> None:
    with pytest.raises(EngineMismatch, match="consensus and consensus cannot work together"):
        WithOcclusion(FakeParser(SMALL, np.ones((48, 48), np.uint8)), FakeParser(SMALL, np.ones((48, 48), np.uint8)))


def test_closing_closes_both() -> None:
    one, other = FakeParser(PARTS, np.zeros((64, 64), np.uint8)), FakeParser(SMALL, np.ones((48, 48), np.uint8))
    with WithOcclusion(one, other):
        pass
    assert (one.closed, other.closed) == (True, True)


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeParser]:
    """Engines under the names that ship."""
    blank = np.zeros((64, 64), np.uint8)
    engines = {
        "parts": FakeParser(PARTS, blank), "parts-depth": FakeParser(PARTS_DEPTH, blank), "rgb-to-depth": GreenIsNear(),
        "consensus-lite": FakeParser(SMALL, np.ones((48, 48), np.uint8)),
    }  # fmt: skip

    def load(name: str | Path, *, threads: int | None = None) -> FakeEngine:
        if name not in engines:
            raise UnknownModel(f"no {name}")
        return engines[str(name)]

    monkeypatch.setattr(composed, "load_engine", load)
    return engines  # type: ignore[return-value]


def test_a_name_gives_the_engine_or_two_that_work_together(zoo: dict[str, FakeParser]) -> None:
    assert load_model("parts") is zoo["parts"]
    assert load_model("parts-depth", measured_depth=True) is zoo["parts-depth"]
    assert isinstance(load_model("parts-depth"), OnEstimatedDepth)
    assert load_model("parts+consensus").spec.labels == (*PART_LABELS, "occlusion")
    assert load_model("parts-depth+consensus").description.endswith("by fake rgb-to-depth + fake consensus")


@pytest.mark.parametrize(
    ("name", "measured_depth", "says"),
    [("parts", True, "parts sees colour, and --depth"), ("consensus-lite", True, "sees colour"),
     ("rgb-to-depth", False, "rgb-to-depth estimates depth and parses no face")],
)  # fmt: skip
def test_a_model_that_fits_no_such_use_is_refused_and_closed(
    zoo: dict[str, FakeParser], name: str, measured_depth: bool, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        load_model(name, measured_depth=measured_depth)
    assert name == "rgb-to-depth" or zoo[name].closed


def test_measured_depth_and_consensus_do_not_go_together(zoo: dict[str, FakeParser]) -> None:
    with pytest.raises(UsageError, match="sees no colour"):
        load_model("parts-depth+consensus", measured_depth=True)


def test_consensus_beside_consensus_is_refused_and_closed(zoo: dict[str, FakeParser]) -> None:
    with pytest.raises(EngineMismatch):
        load_model("consensus-lite+consensus")
    assert zoo["consensus-lite"].closed


def test_a_translator_of_other_crops_is_refused_and_closed(zoo: dict[str, FakeParser]) -> None:
    zoo["rgb-to-depth"].spec = replace(zoo["rgb-to-depth"].spec, size_px=96)  # type: ignore[misc]
    with pytest.raises(EngineMismatch, match="crops of 96 px"):
        load_model("parts-depth")
    assert (zoo["rgb-to-depth"].closed, zoo["parts-depth"].closed) == (True, True)
