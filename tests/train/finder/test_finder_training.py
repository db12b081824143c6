"""From portraits to an engine: the whole way in seconds, on drawn faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from engines.errors import DataError, EngineDamaged, EngineMismatch
from engines.finder.engine import load_finder
from engines.spec import BuildSpec
from realtime.faces.finding.finder import FaceFinder
from realtime.frames.types import Frame
from tests.fakes.training import drawn_face, write_occluders
from train import recipes
from train.data.split import face_split
from train.finder.compiling import compile_finder, restore_finder
from train.finder.pictures.compose import Compositions
from train.finder.pictures.portraits import Portraits, PortraitWriter
from train.finder.pictures.sources import Sources
from train.recipes.run import Inputs, run

TINY = ("width=4", "samples=4", "batch_size=4", "workers=0", "size_px=64", "evaluate_every=4")


@pytest.fixture(scope="module")
def portraits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("portraits")
    writer = PortraitWriter(folder)
    for number in range(30):
        rgb, labels, landmarks = drawn_face(number)
        writer.add(f"face_{number:03d}", np.dstack([rgb, labels * 255]), landmarks)
    assert writer.close() == 30
    return folder


@pytest.fixture(scope="module")
def occluders(tmp_path_factory):
    return write_occluders(tmp_path_factory.mktemp("occluders") / "occluders")


@pytest.fixture(scope="module")
def trained(portraits, occluders, tmp_path_factory):
    recipe = recipes.read("finder").with_settings(TINY)
    folders = run(recipe, Inputs(tmp_path_factory.mktemp("run"), [portraits], occluders), lambda _: None)
    return folders["full"]


@pytest.fixture(scope="module")
def engine_folder(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine") / "fp32"
    sheet = folder.with_name("sheet.png")
    cv2.imwrite(str(sheet), np.random.default_rng(0).integers(0, 255, (256, 512, 3), np.uint8))
    manifest = compile_finder(trained, folder, BuildSpec("openvino", "fp32"), sheet)
    assert manifest.compared == 2
    assert manifest.largest_difference < 0.01
    return folder


def test_portraits_keep_pixels_names_and_split(portraits):
    kept = Portraits(portraits, "train")
    assert {portrait.name for portrait in kept} == {n for i in range(30) if face_split(n := f"face_{i:03d}") == "train"}
    rgb, _, landmarks = drawn_face(int(kept[0].name[-3:]))
    assert (kept[0].levels[0][:, :, :3] == rgb).all()
    assert kept[0].landmarks == pytest.approx(landmarks, abs=1e-3)
    assert [level.shape[0] for level in kept[0].levels] == [96, 48, 24, 12]


def test_the_same_number_gives_the_same_picture_whatever_came_before(portraits, occluders):
    sources = Sources.load(portraits, occluders, None, "train")
    in_order = [Compositions(sources, 64, seed=1)[index] for index in range(8)]
    library = Compositions(sources, 64, seed=1)
    for index in (7, 0, 4):
        assert (library[index].rgb == in_order[index].rgb).all()
        assert library[index].faces == in_order[index].faces
    assert any(picture.faces for picture in in_order)


def test_a_trained_and_compiled_finder_searches_a_frame(engine_folder):
    frame = Frame((np.full((120, 160, 3), 90, np.uint8),), "rgb")
    assert isinstance(FaceFinder(load_finder(engine_folder)).detect(frame), list)


def test_a_damaged_engine_and_one_of_another_kind_are_refused(engine_folder, engine, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in engine_folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "model.bin").write_bytes(b"other")
    with pytest.raises(EngineDamaged, match="not the file that was built"):
        load_finder(copy)
    with pytest.raises(EngineMismatch, match="expected a face finder"):
        load_finder(engine)


def test_weights_of_another_network_are_refused():
    from engines.zoo import weights

    with pytest.raises(DataError, match="expected weights of `unveil train finder`"):
        restore_finder(weights("consensus-lite"))


def test_files_without_transparency_are_no_things(portraits, occluders, tmp_path):
    (tmp_path / "things").mkdir()
    for number in range(12):  # on both sides of the split
        cv2.imwrite(str(tmp_path / "things" / f"{number}.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DataError, match="no picture with transparency"):
        Sources.load(portraits, occluders, tmp_path, "train")
