import shutil

import cv2
import numpy as np
import pytest

from engines.errors import DataError, UsageError
from engines.spec import CONSENSUS_LABELS, FACE, OCCLUSION, PART_LABELS, ModelSpec
from tests.fakes.datasets import (
    LEFT_EYE_X,
    RIGHT_EYE_X,
    SIZE,
    drawn_ids,
    mask_path,
    write_celebamask_hq,
    write_cofw,
    write_depth,
    write_gray,
    write_helen,
    write_lapa,
    write_mat73,
    write_part_labels,
)  # fmt: skip
from tests.fakes.parts import write_parts
from tests.fakes.training import write_labels
from train.datasets import READERS, on_picture, open_data, open_dataset, region_of, superpixels_on_crop, to_crop
from train.datasets.base import box_of, consensus_from_face

WRITE = {
    "cofw": write_cofw,
    "part-labels": write_part_labels,
    "celebamask-hq": write_celebamask_hq,
    "lapa": write_lapa,
    "helen": write_helen,
    "folder": write_labels,
    "parts": write_parts,
    "celebamask-hq-d": lambda folder: write_depth(write_celebamask_hq(folder)),
    "lapa-d": lambda folder: write_depth(write_lapa(folder)),
    "helen-d": lambda folder: write_depth(write_helen(folder)),
}
OF_PARTS = ("parts", "celebamask-hq-d", "lapa-d", "helen-d")
SPEC = ModelSpec("any", CONSENSUS_LABELS, size_px=32)


def disc(radius=20, at=(32, 32)):
    mask = np.zeros((64, 64), np.uint8)
    cv2.circle(mask, at, radius, 1, -1)
    return mask > 0


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Each kind's folder, read only."""
    return {kind: write(tmp_path_factory.mktemp("sets") / kind) for kind, write in WRITE.items()}


@pytest.mark.parametrize("kind", sorted(READERS))
def test_every_kind_gives_pictures_labels_and_a_crop(folders, kind):
    dataset = open_dataset(kind, folders[kind], "test", parts=kind in OF_PARTS)
    assert dataset.name == kind and len(dataset) > 0
    example = dataset[len(dataset) - 1]
    assert example.rgb.dtype == example.labels.dtype == np.uint8
    assert example.rgb.shape == (*example.labels.shape, 3)
    assert set(np.unique(example.labels)) <= set(range(len(dataset.labels)))
    assert (example.labels == FACE).mean() > 0.1
    assert (example.box_xyxy is None) == (kind == "part-labels")
    rgb, labels, blobs = to_crop(example, SPEC)
    assert rgb.shape == (32, 32, 3) and labels.shape == blobs.shape == (32, 32)
    assert (labels == FACE).any()


@pytest.mark.parametrize("kind", sorted(READERS))
def test_empty_folder_is_refused_with_where_the_set_comes_from(tmp_path, kind):
    with pytest.raises(DataError, match=r"https?://|unveil label"):
        open_dataset(kind, tmp_path, "test", parts=kind in OF_PARTS)


@pytest.mark.parametrize("kind", sorted(READERS))
def test_unknown_split_is_refused_with_those_that_there_are(folders, kind):
    with pytest.raises(UsageError, match="'dev' is unknown here; expected train"):
        open_dataset(kind, folders[kind], "dev", parts=kind in OF_PARTS)


@pytest.mark.parametrize("kind", sorted(READERS.keys() - {"folder"}))
def test_joined_splits_add_up(folders, kind):
    of_parts = kind in OF_PARTS
    both, train, test = (
        len(open_dataset(kind, folders[kind], split, parts=of_parts)) for split in ("train+test", "train", "test")
    )
    assert both == train + test


@pytest.mark.parametrize("kind", ["celebamask-hq", "lapa", "helen"])
def test_left_is_the_subjects_left(folders, kind):
    dataset = open_dataset(kind, folders[kind], "test", parts=True)
    assert dataset.labels == PART_LABELS
    labels = dataset[0].labels
    assert labels[28, LEFT_EYE_X] == PART_LABELS.index("left eye")
    assert labels[24, RIGHT_EYE_X] == PART_LABELS.index("right brow")
    found = {int(labels[y, x]) for y, x in ((36, 32), (43, 32), (45, 32), (47, 32), (8, 32), (20, 32))}
    assert found == {PART_LABELS.index(name) for name in ("nose", "upper lip", "mouth", "lower lip", "hair", "skin")}


@pytest.mark.parametrize("kind", ["celebamask-hq", "lapa", "helen"])
def test_mirrored_set_is_refused_for_parts(folders, tmp_path, kind):
    folder = shutil.copytree(folders[kind], tmp_path / kind)
    for path in folder.rglob("*.png"):
        write_gray(path, cv2.flip(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), 1))
    with pytest.raises(DataError, match=r"left eye lies on the left of the picture in (1 of 1|2 of 2)"):
        open_dataset(kind, folder, "test", parts=True)
    assert len(open_dataset(kind, folder, "test")) > 0


def test_parts_of_a_set_without_parts_are_refused(folders):
    with pytest.raises(UsageError, match="cofw has no part labels; expected one of celebamask-hq, celebamask-hq-d, h"):
        open_dataset("cofw", folders["cofw"], "test", parts=True)


@pytest.mark.parametrize("kind", OF_PARTS)
def test_sets_of_parts_alone_are_refused_to_other_models(folders, kind):
    with pytest.raises(UsageError, match="has only part labels, which this model does not have; expected one o"):
        open_dataset(kind, folders[kind], "test")


def test_kind_and_folder_come_in_one_word(folders):
    assert len(open_data(f"helen:{folders['helen']}", "test")) == 1


@pytest.mark.parametrize("word", ["helen", "helen:", "300w:/x"])
def test_wrong_word_is_refused_with_the_kinds(word):
    with pytest.raises(UsageError, match="celebamask-hq, celebamask-hq-d, cofw, folder, helen, "):
        open_data(word, "test")


# What covers a face


def test_hand_inside_the_hull_is_occlusion_and_outside_stays_background():
    face = disc() & ~disc(6, (32, 40))
    labels = consensus_from_face(face)
    assert labels[40, 32] == OCCLUSION
    assert labels[2, 2] == 0
    assert (labels[disc() & face] == FACE).all()


def test_landmark_under_a_hand_widens_the_full_face():
    face = disc()
    face[40:] = False  # the chin is covered to the edge: the hull of what is seen stops there
    assert consensus_from_face(face)[48, 32] == 0
    chin = np.array([[22, 49], [32, 52], [42, 49]], np.float32)
    assert consensus_from_face(face, chin)[46, 32] == OCCLUSION


def test_slivers_between_an_outline_and_its_hull_are_no_occlusion():
    face = disc(25)
    face[30:34, 56] = False
    assert not (consensus_from_face(face) == OCCLUSION).any()


def test_picture_without_a_face_has_no_labels_and_no_box():
    assert not consensus_from_face(np.zeros((8, 8), bool)).any()
    with pytest.raises(DataError, match="picture 7 has no pixel of a face"):
        box_of(np.zeros((8, 8), bool), "picture 7")


# COFW


def test_cofw_counts_from_one_and_knows_covered_landmarks(folders):
    example = open_dataset("cofw", folders["cofw"], "test")[0]
    assert example.box_xyxy == (16.0, 12.0, 48.0, 56.0)
    assert example.labels[45, 32] == OCCLUSION
    assert example.rgb[34, 32].sum() > example.rgb[2, 2].sum()
    assert example.name == "IsT/0001"


def test_cofw_masks_come_in_the_order_of_their_numbers(tmp_path):
    folder = write_cofw(tmp_path, masks=10, pictures=10)
    write_gray(folder / "masks" / "test" / "10.png", np.full((SIZE, SIZE), 255, np.uint8))
    dataset = open_dataset("cofw", folder, "test")
    assert (dataset[9].labels == FACE).all()
    assert not (dataset[1].labels == FACE).all()


def test_cofw_masks_that_do_not_fit_the_pictures_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"2 masks in .* for 3 pictures"):
        open_dataset("cofw", write_cofw(tmp_path, masks=2), "train")


def test_cofw_mask_of_another_size_is_refused(tmp_path):
    folder = write_cofw(tmp_path)
    write_gray(folder / "masks" / "test" / "1.png", np.zeros((9, 9), np.uint8))
    with pytest.raises(DataError, match="is 9x9, expected 64x64"):
        open_dataset("cofw", folder, "test")[0]


def test_cofw_file_with_other_names_inside_is_refused(tmp_path):
    folder = write_cofw(tmp_path)
    write_mat73(folder / "COFW_test_color.mat", ("images", "points", "boxes"))
    with pytest.raises(DataError, match=r"holds boxes, images, points, expected phisT"):
        open_dataset("cofw", folder, "test")


def test_cofw_damaged_file_is_refused(tmp_path):
    folder = write_cofw(tmp_path)
    (folder / "COFW_test_color.mat").write_bytes(b"MATLAB 7.3 MAT-file" + bytes(600))
    with pytest.raises(DataError, match="not a MATLAB file"):
        open_dataset("cofw", folder, "test")


def test_cofw_reads_older_matlab_files(tmp_path):
    from scipy.io import savemat

    folder = write_cofw(tmp_path, masks=1)
    cells = np.empty((1, 1), object)
    cells[0, 0] = np.full((SIZE, SIZE, 3), 77, np.uint8)
    values = {"IsT": cells, "phisT": np.full((1, 87), 30.0), "bboxesT": np.array([[1.0, 1, 10, 10]])}
    savemat(folder / "COFW_test_color.mat", values)
    assert (open_dataset("cofw", folder, "test")[0].rgb == 77).all()


# Part Labels


def test_part_labels_maps_hair_to_the_id_of_occlusion(folders):
    dataset = open_dataset("part-labels", folders["part-labels"], "test")
    example = dataset[1]
    assert example.name == "Cy_De_Example_0012"
    assert dataset.labels[example.labels[10, 32]] == "hair" and example.labels[10, 32] == OCCLUSION
    assert example.labels[34, 32] == FACE and example.labels[63, 0] == 0
    assert example.superpixels.shape == (SIZE, SIZE) and example.superpixels.max() == 255


def test_part_labels_works_without_superpixels(tmp_path):
    example = open_dataset("part-labels", write_part_labels(tmp_path, superpixels=False), "val")[0]
    assert example.superpixels is None and superpixels_on_crop(example, SPEC) is None


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("parts_test.txt", b"Cy_De_Example\n", "expected a person and a number"),
        ("parts_test.txt", b"", "is empty"),
        ("lfw_funneled/Cy_De_Example/Cy_De_Example_0001.jpg", b"JFIF", "not an image"),
        ("parts_lfw_funneled_superpixels_mat/Cy_De_Example/Cy_De_Example_0001.dat", b"1 2\n3\n", "is damaged"),
        ("parts_lfw_funneled_superpixels_mat/Cy_De_Example/Cy_De_Example_0001.dat", b"1 2\n3 4\n", "is 2x2, expected"),
    ],
)
def test_part_labels_damaged_file_is_named(tmp_path, file, content, message):
    folder = write_part_labels(tmp_path)
    (folder / file).write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_dataset("part-labels", folder, "test")[0]


def test_part_labels_in_other_colours_are_refused(tmp_path):
    folder = write_part_labels(tmp_path)
    write_gray(folder / "parts_lfw_funneled_gt_images" / "Cy_De_Example_0001.ppm", np.full((SIZE, SIZE, 3), 255, "u1"))
    with pytest.raises(DataError, match="other colours than pure red"):
        open_dataset("part-labels", folder, "test")[0]


# CelebAMask-HQ


@pytest.mark.parametrize("partition", [True, False])
def test_celebamask_hq_follows_celebas_split(tmp_path, partition):
    folder = write_celebamask_hq(tmp_path, partition)
    names = [open_dataset("celebamask-hq", folder, split)[0].name for split in ("train", "val", "test")]
    assert names == ["00000", "00001", "00002"]


def test_celebamask_hq_glasses_cover_the_face_and_eyes_show_through(folders):
    labels = open_dataset("celebamask-hq", folders["celebamask-hq"], "test")[0].labels
    assert labels.shape == (SIZE, SIZE)
    assert labels[30, 32] == OCCLUSION and labels[28, LEFT_EYE_X] == FACE
    parts = open_dataset("celebamask-hq", folders["celebamask-hq"], "test", parts=True)[0].labels
    assert parts[30, 32] == 0 and parts[28, LEFT_EYE_X] == PART_LABELS.index("left eye")


def test_celebamask_hq_missing_part_is_no_error_but_missing_skin_is(tmp_path):
    folder = write_celebamask_hq(tmp_path)
    mask_path(folder, 2, "nose").unlink()
    dataset = open_dataset("celebamask-hq", folder, "test")
    assert dataset[0].labels[36, 32] == FACE  # skin below
    mask_path(folder, 2, "skin").unlink()
    with pytest.raises(DataError, match=r"00002_skin\.png is missing"):
        dataset[0]


def test_celebamask_hq_damaged_lists_and_masks_are_refused(tmp_path):
    folder = write_celebamask_hq(tmp_path)
    dataset = open_dataset("celebamask-hq", folder, "test")
    write_gray(mask_path(folder, 2, "hair"), np.zeros((9, 9), np.uint8))
    with pytest.raises(DataError, match="differ in size"):
        dataset[0]
    (folder / "list_eval_partition.txt").write_text("other.jpg 0\n")
    with pytest.raises(DataError, match=r"is damaged \(KeyError"):
        open_dataset("celebamask-hq", folder, "test")


# LaPa and Helen


def test_lapa_box_holds_the_landmarks(folders):
    left, top, right, bottom = open_dataset("lapa", folders["lapa"], "test")[0].box_xyxy
    assert (left, right) == (16, 49) and top == 12 and 55 <= bottom <= 57


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("landmarks/100012_0.txt", b"106\n1 2\n", "106 announced"),
        ("landmarks/100012_0.txt", b"106\n1 x\n", "is damaged"),
        ("labels/100012_0.png", b"", "0 bytes that are not a picture"),
    ],
)
def test_lapa_damaged_file_is_named(tmp_path, file, content, message):
    folder = write_lapa(tmp_path)
    (folder / "test" / file).write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_dataset("lapa", folder, "test")[0]


def test_lapa_unknown_class_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"class id 12, expected 0\.\.10"):
        open_dataset("lapa", write_lapa(tmp_path, np.where(drawn_ids() == 10, 12, drawn_ids())), "test")[0]


def test_helen_takes_the_likeliest_class(folders):
    assert open_dataset("helen", folders["helen"], "val")[0].labels[34, 32] == FACE


def test_helen_missing_map_and_strange_line_are_refused(tmp_path):
    folder = write_helen(tmp_path)
    dataset = open_dataset("helen", folder, "train")
    next((folder / "labels").rglob("*_lbl07.png")).unlink()
    with pytest.raises(DataError, match=r"lbl07\.png is missing"):
        dataset[0]
    (folder / "testing.txt").write_text("100032542_1\n")
    with pytest.raises(DataError, match="expected a number and a name"):
        open_dataset("helen", folder, "test")


# Our own folder


def test_folder_may_be_moved_with_its_pictures(tmp_path):
    folder = write_labels(tmp_path / "first", count=4)
    lines = (folder / "faces.jsonl").read_text().replace(f"{folder}/", "")
    (folder / "faces.jsonl").write_text(lines)
    moved = folder.rename(tmp_path / "second")
    assert len(open_dataset("folder", moved, "all")) == 4
    assert open_dataset("folder", moved, "test")[0].rgb.any()


def test_folder_unknown_class_is_refused(tmp_path):
    folder = write_labels(tmp_path, count=4)
    for path in (folder / "labels").iterdir():
        write_gray(path, np.full((96, 96), 7, np.uint8))
    with pytest.raises(DataError, match=r"class id 7, expected 0\.\.2"):
        open_dataset("folder", folder, "test")[0]


# Parts with depth


def test_parts_folder_tells_photographs_and_synthetic_heads_apart(folders):
    dataset = open_dataset("parts", folders["parts"], "test", parts=True)
    examples = [dataset[i] for i in range(len(dataset))]
    assert {example.group for example in examples} == {"photographs", "synthetic heads"}
    assert all(0.3 < example.depth_m[example.labels > 0].mean() < 0.6 for example in examples)
    assert not any(example.depth_m[example.labels == 0].any() for example in examples)


@pytest.mark.parametrize(
    ("folder", "message"),
    [("rgb", "No such file"), ("parts", "missing or not an image"), ("depth", "missing or not an")],
)
def test_parts_folder_without_a_picture_is_named(tmp_path, folder, message):
    root = write_parts(tmp_path / "set")
    dataset = open_dataset("parts", root, "test", parts=True)
    shutil.rmtree(root / folder)
    with pytest.raises(DataError, match=message):
        dataset[0]


@pytest.mark.parametrize("kind", ["celebamask-hq-d", "lapa-d", "helen-d"])
def test_depth_has_the_size_of_the_labels_and_comes_in_metres(folders, kind):
    example = open_dataset(kind, folders[kind], "test", parts=True)[0]
    assert example.depth_m.shape == example.labels.shape and example.depth_m.dtype == np.float32
    assert example.depth_m[34, 32] == pytest.approx(0.5) and example.depth_m[0, 0] == 0


def test_hair_of_helen_d_has_neither_label_nor_depth(folders):
    bald = open_dataset("helen-d", folders["helen-d"], "test", parts=True)[0]
    hairy = open_dataset("lapa-d", folders["lapa-d"], "test", parts=True)[0]
    hair = PART_LABELS.index("hair")
    assert hairy.labels[8, 32] == hair and hairy.depth_m[8, 32] > 0
    assert not (bald.labels == hair).any() and bald.depth_m[8, 32] == 0 and bald.labels[36, 32] > 0


def test_pictures_without_depth_are_left_out(tmp_path):
    folder = write_depth(write_lapa(tmp_path))
    index = folder / "depth" / "faces.jsonl"
    index.write_text(
        "".join(line + "\n" for line in index.read_text().splitlines() if "test/images/100013" not in line)
    )
    dataset = open_dataset("lapa-d", folder, "test", parts=True)
    assert [dataset[i].name for i in range(len(dataset))] == ["test/100012_0"]
    assert dataset.picture(0).name == "100012_0.jpg"


def test_split_without_any_depth_is_refused(tmp_path):
    folder = write_depth(write_lapa(tmp_path))
    for path in (folder / "test" / "images").iterdir():
        path.rename(path.with_name(f"new_{path.name}"))
    with pytest.raises(DataError, match=r"has depth of no picture of the split test.*unveil label"):
        open_dataset("lapa-d", folder, "test", parts=True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"image": "a.jpg", "depth": "a.png"}', "line 1: KeyError: 'depth_scale_m'"),
        ('{"image": 3, "depth": "a.png", "depth_scale_m": 1}', "line 1: TypeError"),
        ("{", "line 1: JSONDecodeError"),
    ],
)
def test_strange_line_about_depth_is_refused(tmp_path, line, message):
    folder = write_depth(write_lapa(tmp_path))
    (folder / "depth" / "faces.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=message):
        open_dataset("lapa-d", folder, "test", parts=True)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((SIZE, SIZE), np.uint8), r"is uint8 \(64, 64\); expected a 16-bit gray PNG"),
        (np.zeros((SIZE, 2 * SIZE), np.uint16), "is 128x64, expected the shape of its picture, 64x64"),
    ],
)
def test_depth_of_another_kind_or_shape_is_refused(tmp_path, pixels, message):
    folder = write_depth(write_helen(tmp_path))
    dataset = open_dataset("helen-d", folder, "test", parts=True)
    for path in (folder / "depth" / "depth").rglob("*.png"):
        write_gray(path, pixels)
    with pytest.raises(DataError, match=message):
        dataset[0]


# Crops


def test_labels_return_to_the_picture_by_nearest_neighbour(folders):
    example = open_dataset("part-labels", folders["part-labels"], "test")[0]
    _, labels, _ = to_crop(example, SPEC)
    back = on_picture(labels, region_of(example, SPEC), (SIZE, SIZE))
    assert (back == labels.repeat(2, axis=0).repeat(2, axis=1)).all()
    assert superpixels_on_crop(example, SPEC).max() == 255


def test_beyond_the_crop_is_background(folders):
    example = open_dataset("lapa", folders["lapa"], "test")[0]
    region = region_of(example, SPEC)
    far = on_picture(np.full((32, 32), FACE, np.uint8), region, (200, 200))
    assert far[34, 32] == FACE and far[150, 150] == 0
