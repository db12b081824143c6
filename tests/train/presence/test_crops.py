"""The crops that `presence` is trained with, and the training as a user runs it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from engines.errors import DataError
from engines.spec import ModelSpec
from tests.fakes.training import drawn_face, write_occluders
from train.finder.pictures.portraits import PortraitWriter
from train.finder.pictures.sources import Sources
from train.finder.pictures.upright_box import UprightBox
from train.learn.checkpoint import load_head, save_weights
from train.models import create_model
from train.presence import features
from train.presence.config import PresenceConfig
from train.presence.crops import PresenceCrops
from train.presence.pictures import PresencePictures
from train.presence.samples import PresencePicture, Shown
from train.presence.supply import PresenceSupply
from train.recipes import read
from train.recipes.run import Inputs, run

SPEC = ModelSpec("consensus-lite", ("background", "face", "occlusion"), size_px=64)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("portraits")
    writer = PortraitWriter(folder)
    for number in range(30):
        rgb, labels, landmarks = drawn_face(number)
        writer.add(f"face_{number:03d}", np.dstack([rgb, labels * 255]), landmarks)
    writer.close()
    return folder, write_occluders(tmp_path_factory.mktemp("occluders") / "occluders")


class NoFinder:
    def detect(self, frame):
        return []


def face_at(centre_x, centre_y, seen_x, seen_y, height=80.0):
    return Shown("cut", UprightBox(centre_x, centre_y, 60, height, 0), (seen_x, seen_y), 0.5)


def test_what_a_crop_of_a_face_shows_beyond_the_frame_is_black_as_at_run_time():
    rgb = np.random.default_rng(0).integers(60, 255, (200, 200, 3), np.uint8)
    picture = PresencePicture(rgb, (face_at(0, 100, 15, 100),))
    crops = PresenceCrops(SPEC, NoFinder())
    faces = [s for seed in range(20) for s in crops.of(picture, np.random.default_rng(seed)) if s.is_face]
    upright = [face for face in faces if abs(face.angle_deg) < 1 or face.angle_deg == 0]
    assert len(faces) >= 15 and upright
    black = [(face.rgb.max(axis=2) == 0) for face in upright]
    assert np.mean([columns[:, :10].all() for columns in black]) > 0.8, "the left edge cuts the face"
    assert not any(columns[:, -10:].any() for columns in black)


def test_no_crop_without_a_face_shows_more_than_a_corner_of_one():
    rgb = np.full((200, 200, 3), 90, np.uint8)
    rgb += np.random.default_rng(0).integers(0, 60, rgb.shape, np.uint8)
    rgb[70:130, 80:120] = (255, 0, 0)  # well inside the face's ellipse
    picture = PresencePicture(rgb, (face_at(100, 100, 100, 100),))
    crops = PresenceCrops(SPEC, NoFinder())
    others = [s for seed in range(300) for s in crops.of(picture, np.random.default_rng(seed)) if not s.is_face]
    assert len(others) > 30
    for other in others:
        red = (other.rgb[..., 0] > 200) & (other.rgb[..., 1] < 60)
        assert red.mean() < 0.06


def test_a_shard_depends_on_its_number_alone(inputs):
    sources = Sources.load(*inputs, None, "train")
    pictures = PresencePictures(sources, 3)
    first = [pictures[index].rgb for index in (5, 9, 12)]
    again = PresencePictures(sources, 3)
    assert all((again[index].rgb == rgb).all() for index, rgb in zip((5, 9, 12), first, strict=True))
    kinds = {shown.kind for index in range(60) for shown in pictures[index].shown}
    assert {"composed", "cut", "behind", "hands", "thing"} <= kinds


def test_a_stopped_run_makes_only_the_shards_that_are_missing(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "SHARD", 10)
    made = []

    class Recorded(PresenceSupply):
        def __getitem__(self, number):
            made.append(number)
            return super().__getitem__(number)

    network = create_model("consensus-lite", width=4).eval()
    config = PresenceConfig(*inputs, tmp_path, tmp_path)

    def cached(shards):
        supply = lambda: Recorded(config, SPEC, "train", 10)  # noqa: E731
        return features.features_of(supply, shards, network, SPEC, tmp_path, lambda done, total: None)

    one = cached(1)
    two = cached(2)
    assert made == [0, 1]
    assert (two.pooled[:10] == one.pooled).all()
    assert 0 < two.is_face.sum() < 20


def test_features_of_other_settings_are_refused(tmp_path):
    features.open_cache(tmp_path, {"seed": 0, "start": "a"})
    features.open_cache(tmp_path, {"seed": 0, "start": "a"})
    with pytest.raises(DataError, match="start was a, is b"):
        features.open_cache(tmp_path, {"seed": 0, "start": "b"})


def test_the_recipe_writes_a_head_and_prints_its_scores(inputs, tmp_path, monkeypatch):
    for module in ("features", "training"):
        monkeypatch.setattr(f"train.presence.{module}.SHARD", 20)
    network = create_model("consensus-lite", width=4)
    start = tmp_path / "start.safetensors"
    save_weights(start, network.state_dict(), {"model": "consensus-lite", "width": 4})
    settings = ("samples=40", "validation_samples=40", "epochs=1", "width=4", "hidden=4")
    lines = []
    recipe = read("presence").with_settings(settings)
    folders = run(recipe, Inputs(tmp_path / "run", [inputs[0]], inputs[1], start=start), lines.append)
    (folder,) = folders.values()
    assert load_head(folder / "weights.safetensors") is not None
    shown = "\n".join(lines)
    assert "area under the curve" in shown and "composed" in shown and "wrong %" in shown
