import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.errors import DataError, UnknownModel, UsageError
from engines.spec import FACE
from engines.zoo import DEFAULT_MODEL
from train.labels.label import label
from train.labels.label_folder import drop_incomplete_line, read_faces, read_labels
from train.labels.options import LabelOptions
from train.labels.provenance import refuse_other_settings, write_provenance

SHARED = Path(__file__).parents[4] / "shared"
HAIR_MODEL = SHARED / "models" / "hair_segmentation.tflite"
PORTRAITS = SHARED / "data" / "faces" / "us_portraits"
HAIR = LabelOptions(hair_model=HAIR_MODEL)


def test_a_line_cut_by_a_kill_swallows_no_other(tmp_path):
    path = tmp_path / "faces.jsonl"
    path.write_text('{"name": "whole"}\n{"name": "cu')
    drop_incomplete_line(path)
    with path.open("a") as file:
        file.write('{"name": "next"}\n')
    assert [row["name"] for row in read_faces(tmp_path)] == ["whole", "next"]


def test_missing_hair_model_is_named(tmp_path):
    for options in (LabelOptions(), LabelOptions(hair_model=tmp_path / "none.tflite")):
        with pytest.raises(DataError, match="--hair-model"):
            label([tmp_path], tmp_path / "out", options)


def test_missing_models_are_reported_before_any_work(tmp_path):
    for options, error in (
        (LabelOptions("engine:nowhere"), UnknownModel),
        (LabelOptions(f"engine:{tmp_path / 'none.safetensors'}"), DataError),
        (LabelOptions(f"masks:{tmp_path / 'none'}"), DataError),
        (LabelOptions(f"masks:{tmp_path}", contour="head"), DataError),
    ):
        with pytest.raises(error):
            label([tmp_path], tmp_path / "out", options)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "choice", [{"teacher": "nobody"}, {"teacher": "masks:"}, {"contour": "c"}, {"morphology": "m"}]
)
def test_unknown_choices_name_the_known_ones(choice):
    with pytest.raises(UsageError, match=r"expected (hair|one of)"):
        LabelOptions(**choice)


def test_folder_without_pictures_is_wrong_use(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(UsageError, match="nothing to label"):
        label([tmp_path], tmp_path / "out", LabelOptions(f"masks:{tmp_path}"))


def test_two_pictures_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "face.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(UsageError, match="both be labelled as face"):
        label([tmp_path / "a", tmp_path / "b"], tmp_path / "out", LabelOptions(f"masks:{tmp_path}"))


def test_other_settings_in_the_same_folder_are_refused_by_name(tmp_path):
    settings = {"teacher": "hair", "contour": "mesh", "every": 10}
    write_provenance(tmp_path, settings, [Path("first")])
    refuse_other_settings(tmp_path, dict(settings))
    with pytest.raises(UsageError, match="contour was mesh, now head; every was 10, now 5; head was nothing, now abc"):
        refuse_other_settings(tmp_path, {**settings, "contour": "head", "every": 5, "head": "abc"})


def test_inputs_add_up_and_foreign_provenance_is_refused(tmp_path):
    write_provenance(tmp_path, {}, [Path("first")])
    write_provenance(tmp_path, {}, [Path("first"), Path("second")])
    assert json.loads((tmp_path / "provenance.json").read_text())["inputs"] == ["first", "second"]
    (tmp_path / "provenance.json").write_text('{"teacher": "an older version"}')
    with pytest.raises(UsageError, match="have no record of how they were made"):
        refuse_other_settings(tmp_path, {})
    (tmp_path / "provenance.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        refuse_other_settings(tmp_path, {})


@pytest.fixture(scope="module")
def labelled_video(sample_clip, tmp_path_factory):
    """The sample clip by masks that show the left half of the picture as face."""
    folder = tmp_path_factory.mktemp("video")
    masks = folder / "masks" / sample_clip.stem
    masks.mkdir(parents=True)
    half = np.zeros((720, 1280), np.uint8)
    half[:, :640] = 255
    for index in (0, 5):
        cv2.imwrite(str(masks / f"{index:06d}.png"), half)
    options = LabelOptions(f"masks:{folder / 'masks'}", every=5)
    return folder, options, label([sample_clip], folder / "out", options, workers=2)


def test_frames_of_a_video_are_labelled_by_their_masks(labelled_video, sample_clip):
    folder, _, summary = labelled_video
    assert (summary.labelled, summary.skipped) == (2, 0)
    assert [row["name"] for row in read_faces(folder / "out")] == [f"{sample_clip.stem}/{i:06d}" for i in (0, 5)]
    for row in read_faces(folder / "out"):
        labels, blobs = read_labels(folder / "out" / row["labels"]), read_labels(folder / "out" / row["blobs"])
        assert (labels[:, :640] == FACE).any()
        assert not (labels[:, 640:] == FACE).any()
        assert ((blobs >= 2) == (labels == 2)).all()
    assert (folder / "out" / "sheet.png").is_file()


def test_labelling_a_video_resumes_where_it_stopped(labelled_video, sample_clip, tmp_path):
    folder, options, _ = labelled_video
    shutil.copytree(folder / "out", tmp_path / "out")
    before = read_faces(tmp_path / "out")
    (tmp_path / "out" / "faces.jsonl").write_text(json.dumps(before[0]) + "\n")
    summary = label([sample_clip], tmp_path / "out", options, workers=1)
    assert (summary.labelled, summary.already_done) == (1, 1)
    assert [row["landmarks"] for row in read_faces(tmp_path / "out")] == [row["landmarks"] for row in before]


def test_resuming_with_another_teacher_is_refused(labelled_video, sample_clip):
    folder, options, _ = labelled_video
    with pytest.raises(UsageError, match=r"teacher was masks:.*, now engine:"):
        label([sample_clip], folder / "out", LabelOptions(f"engine:{DEFAULT_MODEL}", every=5))
    with pytest.raises(UsageError, match="contour was silhouette, now mesh"):
        label([sample_clip], folder / "out", LabelOptions(options.teacher, contour="mesh", every=5))


def test_a_missing_mask_ends_the_run_and_is_named(labelled_video, sample_clip, tmp_path):
    folder, _, _ = labelled_video
    shutil.copytree(folder / "masks", tmp_path / "masks")
    missing = tmp_path / "masks" / sample_clip.stem / "000005.png"
    missing.unlink()
    with pytest.raises(DataError, match=r"no mask .*000005\.png"):
        label([sample_clip], tmp_path / "out", LabelOptions(f"masks:{tmp_path / 'masks'}", every=5), workers=1)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    pytest.importorskip("ai_edge_litert")
    if not HAIR_MODEL.is_file() or not PORTRAITS.is_dir():
        pytest.skip("needs the training data beside the checkout (../shared)")
    folder = tmp_path_factory.mktemp("portraits")
    pictures = folder / "in"
    pictures.mkdir()
    for path in sorted(PORTRAITS.glob("*.jpg"))[:3]:
        (pictures / path.name).write_bytes(path.read_bytes())
    (pictures / "broken.jpg").write_text("no picture")
    cv2.imwrite(str(pictures / "empty.png"), np.full((64, 64, 3), 90, np.uint8))
    return pictures, folder / "out", label([pictures], folder / "out", HAIR, workers=1)


@pytest.mark.data
@pytest.mark.slow
def test_portraits_get_a_face_and_the_rest_is_reported(labelled):
    _, output, summary = labelled
    assert (summary.labelled, summary.skipped) == (3, 2)
    assert [Path(name).name for name in summary.unreadable] == ["broken.jpg"]
    assert (output / "skipped.txt").read_text() == "broken\tunreadable\nempty\tno face found\n"
    for row in read_faces(output):
        labels = read_labels(output / row["labels"])
        assert labels.shape == cv2.imread(row["image"]).shape[:2]
        assert 0.03 < (labels == FACE).mean() < 0.6
    assert (output / "sheet.png").is_file()
    assert json.loads((output / "provenance.json").read_text())["settings"]["teacher"] == "hair"


@pytest.mark.data
@pytest.mark.slow
def test_second_run_does_nothing_again(labelled):
    pictures, output, _ = labelled
    before = (output / "faces.jsonl").read_text()
    summary = label([pictures], output, HAIR, workers=1)
    assert (summary.labelled, summary.skipped, summary.already_done) == (0, 0, 5)
    assert (output / "faces.jsonl").read_text() == before
