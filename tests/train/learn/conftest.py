"""A small training that several test files share."""

import pytest


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    pytest.importorskip("torch")
    from tests.fakes.training import write_labels, write_occluders

    folder = tmp_path_factory.mktemp("data")
    return write_labels(folder / "labels"), write_occluders(folder / "occluders")


@pytest.fixture
def config(data, tmp_path):
    from train.learn.config import TrainConfig

    labels, occluders = data
    return TrainConfig(
        labels, occluders, tmp_path / "run", width=8, samples=24, batch_size=4, workers=0, evaluate_every=1000
    )
