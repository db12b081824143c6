import numpy as np
import pytest

from engines.errors import UsageError
from engines.spec import CONSENSUS_LABELS, PART_LABELS, ModelSpec
from tests.train.labels.test_teachers import portrait
from train.heads.contour import face_height
from train.labels.options import LabelOptions
from train.labels.teachers.engine import Network
from train.parts.photo import parts_teacher
from train.parts.photo.parts_teacher import PartsTeacher, correct

ID = {name: index for index, name in enumerate(PART_LABELS)}
SPEC = ModelSpec("parts", PART_LABELS, size_px=128)
NOTHING = np.zeros((60, 60), np.uint8)


def seen(name, share):
    """(60, 60, 13): this class with a probability, and the rest of it for the background."""
    probabilities = np.zeros((60, 60, len(PART_LABELS)), np.float32)
    probabilities[:, :, 0] = 1 - share
    probabilities[:, :, ID[name]] += share
    return probabilities


def labelled(name):
    return np.full((60, 60), ID[name], np.uint8)


@pytest.mark.parametrize(("share", "becomes"), [(0.95, "hair"), (0.7, "background")])
def test_a_label_stays_unless_the_network_rules_it_out(share, becomes):
    corrected = correct(labelled("background"), seen("hair", share), NOTHING, 40)
    assert (corrected == ID[becomes]).all()


def test_ears_are_where_the_network_sees_them():
    assert (correct(labelled("background"), seen("left ear", 0.6), NOTHING, 40) == ID["left ear"]).all()
    assert (correct(labelled("left ear"), seen("hair", 0.6), NOTHING, 40) == ID["hair"]).all()
    assert (correct(labelled("skin"), seen("left ear", 0.4), NOTHING, 40) == ID["skin"]).all()


def test_what_covers_the_face_stays_background():
    corrected = correct(labelled("background"), seen("skin", 0.95), NOTHING + 1, 40)
    assert (corrected == 0).all()
    assert (correct(labelled("background"), seen("skin", 0.95), NOTHING, 40) == ID["skin"]).all()


def test_nothing_changes_where_no_framing_looked():
    nowhere = np.zeros((60, 60, len(PART_LABELS)), np.float32)
    assert (correct(labelled("left ear"), nowhere, NOTHING, 40) == ID["left ear"]).all()


def test_corrections_of_a_few_pixels_are_noise():
    sure = seen("skin", 1.0)
    sure[30, 30] = seen("nose", 1.0)[30, 30]
    assert (correct(labelled("skin"), sure, NOTHING, 200) == ID["skin"]).all()
    sure[25:40, 25:40] = seen("nose", 1.0)[25:40, 25:40]
    assert (correct(labelled("skin"), sure, NOTHING, 200) == ID["nose"]).sum() == 15 * 15


def half_and_half(crops):
    """Sees a right eye in the left half of every crop and a left eye in the right half, as a trained network does."""
    labels = np.full(crops.shape[:3], ID["left eye"])
    labels[:, :, : crops.shape[2] // 2] = ID["right eye"]
    return (np.eye(len(PART_LABELS), dtype=np.uint8)[labels] * 255).astype(np.uint8)


@pytest.fixture
def opened(monkeypatch):
    def open_as(spec):
        network = Network("fake", half_and_half, spec, "0" * 64)
        monkeypatch.setattr(parts_teacher, "open_network", lambda name, threads: network)
        return PartsTeacher("fake")

    return open_as


def test_left_stays_left_in_mirrored_framings(opened):
    face = portrait()
    parts = np.zeros((240, 240), np.uint8)
    corrected = opened(SPEC).corrected(parts, face.rgb, face.landmarks, parts)
    x = int(face.landmarks[:, 0].mean())
    shift = int(0.15 * face_height(face.landmarks))
    row = int(face.landmarks[:, 1].mean())
    assert corrected[row, x - shift] == ID["right eye"]
    assert corrected[row, x + shift] == ID["left eye"]


def test_a_network_of_other_labels_is_refused(opened):
    with pytest.raises(UsageError, match=r"background, face, occlusion; expected a network of parts"):
        opened(ModelSpec("consensus", CONSENSUS_LABELS))


def test_a_parts_teacher_without_parts_is_refused():
    assert LabelOptions(parts=True, parts_teacher="parts").parts_teacher == "parts"
    with pytest.raises(UsageError, match="add --parts --depth"):
        LabelOptions(parts_teacher="parts")
