import json
from pathlib import Path

import numpy as np
import pytest

import cli
from engines.errors import DataError, UsageError
from engines.spec import PART_LABELS
from train.parts.folder import read_parts
from train.parts.synthetic.generate import SyntheticOptions, make_heads, name_of
from train.parts.synthetic.hairline import inside_hairline, random_style
from train.parts.synthetic.light import exposed, random_light
from train.parts.synthetic.scene import HeadMaker, merge_samples
from train.parts.synthetic.shape import random_camera, random_moves
from train.parts.synthetic.surface import Coat, Picture, Surface, seen, vertex_normals

HEAD = Path(__file__).parents[5] / "shared" / "data" / "head_model"
SIZE = (256, 256)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three heads, made in two runs."""
    if not HEAD.is_dir():
        pytest.skip("needs the head model beside the checkout (../shared)")
    output = tmp_path_factory.mktemp("heads")
    first = make_heads(1, output, SyntheticOptions(HEAD, seed=5), workers=1)
    second = make_heads(3, output, SyntheticOptions(HEAD, seed=5), workers=2)
    assert (first.made, second.made, second.already_done) == (1, 2, 1)
    return output


def plane(z, label, where=None):
    """A square of 20 cm before the camera; `where`: from which x on it is there."""
    points = np.array([(-10, -10, z), (10, -10, z), (10, 10, z), (-10, 10, z)], np.float32)
    triangles = np.array([(0, 1, 2), (0, 2, 3)], np.int32)

    def coat(places):
        count = len(places.pixel)
        x = places.at(points[:, 0], triangles)
        there = np.ones(count, bool) if where is None else x > where
        flat = np.full(count, 0.5, np.float32)
        return Coat(np.full((count, 3), 0.5, np.float32), np.full(count, label, np.uint8), flat, flat, there)

    return Surface(points, triangles, coat)


def test_the_nearer_surface_shows_and_holes_show_what_is_behind():
    camera = random_camera(np.random.default_rng(0))
    picture = seen([plane(100, 1), plane(60, 2, where=0.0)], camera, 64)
    near, far = picture.label == 2, picture.label == 1
    assert near.any() and far.any()
    assert picture.depth[near] == pytest.approx(60)
    assert picture.depth[far] == pytest.approx(100)
    assert (picture.depth[~near & ~far] == 0).all()


def test_normals_of_fronts_look_at_the_camera():
    surface = plane(100, 1)
    assert vertex_normals(surface.points, surface.triangles)[:, 2] == pytest.approx(-1)
    assert vertex_normals(surface.points, surface.triangles[:, ::-1])[:, 2] == pytest.approx(1)


def test_a_pixel_takes_the_label_of_most_samples_and_their_depth_alone():
    picture = Picture.empty(4)
    picture.label[:2, :2] = (3, 3), (3, 8)
    picture.depth[:2, :2] = (50, 52), (54, 90)
    picture.depth[2:, 2:] = (70, 70), (70, 0)  # worn, and mostly there
    picture.depth[:2, 2:] = (0, 0), (0, 70)
    parts, depth = merge_samples(picture)
    assert parts.tolist() == [[3, 0], [0, 0]]
    assert depth.tolist() == [[5200, 0], [0, 7000]]


def test_a_camera_looks_back_along_its_own_rays():
    rng = np.random.default_rng(1)
    camera = random_camera(rng)
    points = rng.normal(0, 5, (50, 3)).astype(np.float32) + np.array((0, 0, camera.distance), np.float32)
    pixels = camera.projected(points, 256)
    assert camera.unprojected(pixels[:, :2], pixels[:, 2], 256) == pytest.approx(points, abs=1e-3)


def test_shoulders_turn_less_than_the_head():
    rng = np.random.default_rng(3)
    camera = random_camera(rng)
    up = np.array([(0, 2, 0), (0, 12, 0), (0, -16, 0), (0, -26, 0)], np.float32)
    placed = camera.placed(up)
    head, body = placed[1] - placed[0], placed[2] - placed[3]
    upright = np.array((0, -1, 0))
    assert np.linalg.norm(head / 10 - upright) > np.linalg.norm(body / 10 - upright)


def test_moves_are_named_shapes_within_their_strength():
    names = ("mouthSmile_L", "mouthSmile_R", "jawOpen")
    drawn = [random_moves(names, np.random.default_rng(seed)) for seed in range(60)]
    assert {name for moves in drawn for name in moves} == set(names)
    assert all(0 <= strength <= 1 for moves in drawn for strength in moves.values())
    assert any(not moves for moves in drawn)


def test_hair_begins_where_the_hairline_is():
    styles = [random_style(np.random.default_rng(seed)) for seed in range(40)]
    assert any(style is None for style in styles)
    style = next(style for style in styles if style is not None and not style.fringe and not style.parting)
    front = np.array([(0, style.front + 1, 8), (0, style.front - 1, 8), (0, 14, -2), (0, -7, 9)], np.float32)
    assert (inside_hairline(style, front) > 0).tolist() == [True, False, True, False]


def test_light_goes_from_dark_to_glare():
    rng = np.random.default_rng(0)
    gray = np.full((16, 16, 3), 0.3, np.float32)
    bright = [exposed(gray, random_light(rng), rng).mean() for _ in range(150)]
    assert min(bright) < 70
    assert max(bright) > 200


def test_missing_backgrounds_are_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a folder"):
        SyntheticOptions(HEAD, backgrounds=tmp_path / "nowhere")
    with pytest.raises(DataError, match="no picture in"):
        make_heads(1, tmp_path / "out", SyntheticOptions(HEAD, backgrounds=tmp_path))


def test_a_missing_head_model_is_reported_before_any_work(tmp_path):
    with pytest.raises(DataError, match="name it with --head-model"):
        make_heads(1, tmp_path / "out", SyntheticOptions(None))
    assert not (tmp_path / "out").exists()


def test_a_command_line_with_neither_pictures_nor_a_number_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["label", "--output", str(tmp_path)])
    assert ended.value.code == 2
    assert "got neither INPUT nor --synthetic" in capsys.readouterr().err


def test_a_command_line_with_both_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["label", str(tmp_path), "--synthetic", "2", "--output", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "got both INPUT and --synthetic" in capsys.readouterr().err


@pytest.mark.data
def test_a_folder_reads_as_parts(folder):
    rows = read_parts(folder)
    assert [row.name for row in rows] == [name_of(5, index) for index in range(3)]
    for row in rows:
        parts, depth = row.load_parts(), row.load_depth_m()
        assert row.source == "synthetic" and row.landmarks is None and row.fit_error == 0
        assert row.load_rgb().shape == (*SIZE, 3)
        assert parts.shape == depth.shape == SIZE
        assert (depth[parts > 0] > 0.2).all() and depth.max() < 2.5
        for name in ("skin", "nose"):
            assert (parts == PART_LABELS.index(name)).sum() > 50, name
        left, top, right, bottom = row.box_xyxy
        assert 40 < bottom - top < 256 and 30 < right - left < 256


@pytest.mark.data
def test_the_nose_is_nearer_than_the_neck_and_the_shirt_is_measured(folder):
    row = read_parts(folder)[0]
    parts, depth = row.load_parts(), row.load_depth_m()
    nose = np.median(depth[parts == PART_LABELS.index("nose")])
    worn = (parts == 0) & (depth > 0)
    assert worn.sum() > 500
    assert nose < np.median(depth[worn])


@pytest.mark.data
def test_the_provenance_names_what_made_it_and_refuses_another_seed(folder):
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["settings"]["seed"] == 5
    assert list(provenance["labels"].values()) == list(PART_LABELS)
    assert (folder / "parts_sheet.png").is_file()
    with pytest.raises(UsageError, match="seed was 5, now 6"):
        make_heads(3, folder, SyntheticOptions(HEAD, seed=6))


@pytest.mark.data
def test_the_same_seed_gives_the_same_head_and_another_gives_another(folder):
    maker = HeadMaker(HEAD)  # here; head 1 of the folder comes from another process
    again, other = maker.make(5, 1), maker.make(6, 1)
    row = read_parts(folder)[1]
    assert (again.rgb == row.load_rgb()).all()
    assert (again.parts == row.load_parts()).all()
    assert (again.depth == row.load_depth()).all()
    assert (other.parts != again.parts).mean() > 0.01


@pytest.mark.data
def test_a_line_that_a_kill_cut_short_is_made_again(folder, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    index = copy / "faces.jsonl"
    index.write_text(index.read_text()[:-40])
    assert make_heads(3, copy, SyntheticOptions(HEAD, seed=5), workers=1).made == 1
    assert index.read_text() == (folder / "faces.jsonl").read_text()
