import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.errors import DataError  # noqa: E402
from tests.fakes.training import drawn_face, write_labels, write_occluders  # noqa: E402
from train.datasets import Example  # noqa: E402
from train.learn import batches as module  # noqa: E402
from train.learn import consensus, validation  # noqa: E402
from train.learn.batches import batches, open_supply  # noqa: E402
from train.learn.checkpoint import load_weights  # noqa: E402
from train.learn.config import TrainConfig  # noqa: E402
from train.learn.distributed import Ranks  # noqa: E402

ALONE = Ranks(0, 1, torch.device("cpu"))


class Drawn:
    """A data set of drawn faces with two classes."""

    name = "drawn"
    labels = ("background", "face")

    def __init__(self, count: int = 5) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Example:
        rgb, labels, _ = drawn_face(index)
        return Example(rgb, labels, None, None, (26.0, 20.0, 71.0, 81.0), f"face_{index}")


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    for user in (module, validation, consensus):
        monkeypatch.setattr(user, "open_data", lambda data, split: Drawn())
    return TrainConfig(
        None, None, tmp_path / "run", data="drawn:somewhere", samples=12, batch_size=4, workers=0, width=8, flips=True,
        augment=True, optimiser="adam-flat", learning_rate=1e-4,
    )  # fmt: skip


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    labels, occluders = write_labels(folder / "labels"), write_occluders(folder / "occluders")
    return TrainConfig(labels, occluders, folder / "run", samples=24, batch_size=4, accumulate=2, workers=0)


def test_a_step_has_its_batches_of_bytes(composed):
    steps = list(batches(composed, consensus.spec_of(composed), ALONE, 1))
    assert len(steps) == composed.steps - 1 == 2
    crops, labels, blobs = steps[0][1]
    assert len(steps[0]) == 2
    assert (crops.shape, labels.shape, blobs.shape) == ((4, 128, 128, 3), (4, 128, 128), (4, 128, 128))
    assert {part.dtype for part in (crops, labels, blobs)} == {torch.uint8}


def test_later_start_gives_the_batches_that_were_left(composed):
    whole = list(batches(composed, consensus.spec_of(composed), ALONE, 0))
    rest = list(batches(composed, consensus.spec_of(composed), ALONE, 2))
    assert torch.equal(whole[2][1][0], rest[0][1][0])


def test_ranks_share_what_one_process_would_see(composed):
    spec = consensus.spec_of(composed)
    whole = next(batches(composed, spec, ALONE, 0))[0][0]
    parts = [next(batches(composed, spec, Ranks(rank, 2, ALONE.device), 0))[0][0] for rank in (0, 1)]
    assert torch.equal(whole, torch.cat(parts))


def test_distinct_crops_come_again_and_again(composed):
    spec = consensus.spec_of(composed)
    few = open_supply(dataclasses.replace(composed, distinct=3), spec)
    epochs = [{few[index].rgb.tobytes() for index in range(start, start + 3)} for start in (0, 3, 6)]
    assert len(epochs[0]) == 3
    assert epochs[0] == epochs[1] == epochs[2]
    endless = open_supply(composed, spec)
    assert len({endless[index].rgb.tobytes() for index in range(9)}) == 9


def test_regularised_run_mirrors_its_distinct_crops(composed):
    supply = open_supply(dataclasses.replace(composed, distinct=2, regularised=True), consensus.spec_of(composed))
    assert len({supply[index].rgb.tobytes() for index in range(24)}) == 4


def test_a_data_set_is_trained_on_with_its_own_labels(drawn):
    result = consensus.train_consensus(drawn, say=lambda _: None)
    assert set(result["iou"]) == {"background", "face"}
    assert 0 <= result["mean_recall"] <= 100
    weights, metadata = load_weights(drawn.output / "weights.safetensors")
    assert metadata["labels"] == ["background", "face"]
    assert weights["head.0.weight"].shape[0] == 4 * 2


def test_start_of_other_labels_keeps_all_but_the_head(drawn, composed, tmp_path):
    three = dataclasses.replace(composed, width=8, samples=8, output=tmp_path / "three")
    consensus.train_consensus(three, say=lambda _: None)
    said = []
    consensus.train_consensus(dataclasses.replace(drawn, start=three.output / "weights.safetensors"), say=said.append)
    assert said[0].startswith("fresh weights for head.0.bias, head.0.weight")


def test_missing_data_set_is_named(tmp_path):
    config = TrainConfig(None, None, tmp_path / "run", data=f"cofw:{tmp_path / 'nowhere'}")
    with pytest.raises(DataError, match="nowhere"):
        consensus.train_consensus(config, say=lambda _: None)


def test_blobs_of_a_data_set_without_any_are_its_classes(drawn):
    sample = open_supply(dataclasses.replace(drawn, flips=False, augment=False), consensus.spec_of(drawn))[0]
    assert np.array_equal(sample.blobs, sample.labels)
