import numpy as np
import pytest

from engines.errors import DataError
from engines.spec import BACKGROUND, FACE, OCCLUSION, ModelSpec
from tests.fakes.training import write_labels, write_occluders
from train.data.augment import random_look
from train.data.composites import Composites, frame_face
from train.data.faces import load_faces
from train.occluders.glasses import with_clear_glasses
from train.occluders.kinds import EVALUATED_KINDS, OCCLUDER_KINDS, TRAINED_KINDS, Occluders, random_kind
from train.occluders.scene import Patch, paste

SPEC = ModelSpec("test", ("background", "face", "occlusion"))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return Occluders(write_occluders(tmp_path_factory.mktemp("occluders")), "train")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return load_faces(write_labels(tmp_path_factory.mktemp("faces") / "labels", count=4))


def test_framing_without_change_centres_the_face_box(faces):
    scene = frame_face(faces[0], SPEC, np.eye(3))
    rows, columns = np.nonzero(scene.labels)
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(64, abs=1.5)
    assert (columns.min() + columns.max() + 1) / 2 == pytest.approx(64, abs=1.5)
    assert rows.max() - rows.min() + 1 == pytest.approx(SPEC.size_px / SPEC.crop_scale, abs=2)


@pytest.mark.parametrize("kind", TRAINED_KINDS)
def test_every_kind_covers_face_and_only_face_becomes_occlusion(kind, library, faces):
    covered = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        scene = frame_face(faces[0], SPEC, np.eye(3))
        pasted = paste(scene, library.make(kind, scene, rng), rng)
        assert ((pasted.labels == BACKGROUND) == (scene.labels == BACKGROUND)).all()
        covered += int((pasted.labels == OCCLUSION).sum())
    assert covered > 100


def test_shares_add_up_to_1_and_every_kind_is_drawn():
    assert sum(kind.share for kind in OCCLUDER_KINDS) == pytest.approx(1)
    rng = np.random.default_rng(0)
    assert {random_kind(rng) for _ in range(1000)} == set(TRAINED_KINDS)
    assert 0 < len(EVALUATED_KINDS) < len(TRAINED_KINDS)


def test_fingers_leave_more_of_the_face_than_the_whole_hand(library, faces):
    def covered(kind: str) -> int:
        scene = frame_face(faces[0], SPEC, np.eye(3))
        patches = (library.make(kind, scene, np.random.default_rng(seed)) for seed in range(40))
        return sum(int(((patch.alpha >= 0.5) & (scene.labels != BACKGROUND)).sum()) for patch in patches)

    assert 0 < covered("fingers") < covered("hand")


def test_fading_lenses_stay_an_occlusion_all_over(library, faces):
    scene = frame_face(faces[0], SPEC, np.eye(3))
    for seed in range(20):
        alpha = library.make("eyewear", scene, np.random.default_rng(seed)).alpha
        between = (alpha > 0.25) & (alpha < 0.5)  # the soft edge of lens and frame alone
        assert between.sum() < 0.25 * (alpha >= 0.5).sum()


def test_transparent_patch_leaves_the_labels(faces):
    scene = frame_face(faces[0], SPEC, np.eye(3))
    size = scene.rgb.shape[0]
    patch = Patch(np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32))
    assert (paste(scene, patch, np.random.default_rng(0)).labels == scene.labels).all()


def test_same_seed_and_index_give_the_same_sample(library, faces):
    one, two = Composites(faces, library, SPEC, seed=3), Composites(faces, library, SPEC, seed=3)
    assert (one[5].rgb == two[5].rgb).all()
    assert (one[5].labels == two[5].labels).all()
    assert not (one[5].rgb == Composites(faces, library, SPEC, seed=4)[5].rgb).all()


def test_random_look_changes_pixels_and_keeps_the_shape():
    rgb = np.full((128, 128, 3), 120, np.uint8)
    looks = [random_look(rgb, np.random.default_rng(seed)) for seed in range(20)]
    assert {look.shape for look in looks} == {rgb.shape}
    assert {look.dtype for look in looks} == {np.dtype(np.uint8)}
    assert len({look.tobytes() for look in looks}) > 15


def test_face_label_is_kept_where_nothing_covers_it(library, faces):
    sample = Composites(faces, library, SPEC, seed=0)
    shares = [float((sample[i].labels == FACE).mean()) for i in range(10)]
    assert max(shares) > 0.1


def test_missing_occluders_are_named(tmp_path):
    with pytest.raises(DataError, match="hands, masks and objects"):
        Occluders(tmp_path, "train")


def test_clear_glasses_change_pixels_about_the_eyes_and_no_label(faces):
    scene = frame_face(faces[0], SPEC, np.eye(3))
    eyes = scene.landmarks[[33, 133, 263, 362]]
    above = int(eyes[:, 1].min() - np.linalg.norm(eyes[0] - eyes[1]) * 2)
    for seed in range(12):
        worn = with_clear_glasses(scene, np.random.default_rng(seed))
        changed = np.abs(worn.rgb.astype(int) - scene.rgb).max(axis=2) > 8
        assert np.array_equal(worn.labels, scene.labels)
        assert 0.001 < changed.mean() < 0.25
        assert not changed[: max(0, above)].any()
