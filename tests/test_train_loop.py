import dataclasses
import json
import math

import pytest

torch = pytest.importorskip("torch")

from fakes_train import write_labels, write_occluders  # noqa: E402

from engines.errors import DataError, UsageError  # noqa: E402
from train import loop  # noqa: E402
from train.checkpoint import load_weights  # noqa: E402
from train.config import TrainConfig  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return write_labels(folder / "labels"), write_occluders(folder / "occluders")


@pytest.fixture
def config(data, tmp_path):
    labels, occluders = data
    return TrainConfig(labels, occluders, tmp_path / "run", samples=24, batch=4, workers=0, evaluate_every=1000)


def weights_of(config):
    return load_weights(config.output / "weights.safetensors")[0]


def test_training_writes_weights_log_and_record(config):
    result = loop.train(config, say=lambda _: None)
    assert 0 <= result["pasted"]["face_iou"] <= 100
    _, metadata = load_weights(config.output / "weights.safetensors")
    assert metadata["model"] == "consensus-lite"
    assert metadata["step"] == 6
    assert "held" in json.loads((config.output / "log.jsonl").read_text().splitlines()[-1])


class Killed(Exception):
    pass


def test_killed_training_resumes_to_the_same_weights(config, tmp_path, monkeypatch):
    whole = dataclasses.replace(config, output=tmp_path / "whole")
    loop.train(whole, say=lambda _: None)

    halved = dataclasses.replace(config, output=tmp_path / "halved", checkpoint_minutes=0.0)
    steps = iter(range(100))
    step = loop.train_step

    def killed_at_fourth(*args):
        if next(steps) == 3:
            raise Killed
        return step(*args)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(loop, "train_step", killed_at_fourth)
        loop.train(halved, say=lambda _: None)
    said = []
    loop.train(halved, say=said.append)
    assert said[0] == "resuming at step 3 of 6"
    for key, value in weights_of(whole).items():
        assert torch.equal(value, weights_of(halved)[key]), key


def test_other_seed_gives_other_weights(config, tmp_path):
    other = dataclasses.replace(config, seed=1, output=tmp_path / "other")
    loop.train(config, say=lambda _: None)
    loop.train(other, say=lambda _: None)
    assert not torch.equal(weights_of(config)["head.0.weight"], weights_of(other)["head.0.weight"])


def test_folder_of_another_run_is_refused_with_each_difference(config):
    loop.train(config, say=lambda _: None)
    with pytest.raises(DataError, match=r"beta: 5.0 before, 1.0 now"):
        loop.train(dataclasses.replace(config, beta=1.0), say=lambda _: None)


def test_damaged_state_is_named(config):
    loop.train(config, say=lambda _: None)
    (config.output / "state.pt").write_bytes(b"PK not a state")
    with pytest.raises(DataError, match=r"state\.pt"):
        loop.train(config, say=lambda _: None)


def test_missing_labels_are_named(config, tmp_path):
    with pytest.raises(DataError, match=r"faces\.jsonl"):
        loop.train(dataclasses.replace(config, labels=tmp_path), say=lambda _: None)


def test_wrong_settings_are_refused(config):
    with pytest.raises(UsageError, match="whole batch"):
        dataclasses.replace(config, samples=2)
    with pytest.raises(UsageError, match="component"):
        dataclasses.replace(config, blobs="pixels")
    with pytest.raises(UsageError, match="above 0"):
        dataclasses.replace(config, cross_entropy=0.0, consensus=0.0)


def test_learning_rate_warms_up_and_falls_to_a_hundredth(config):
    long = dataclasses.replace(config, samples=40_000)
    rates = [loop.learning_rate(long, step) for step in range(long.steps)]
    assert rates[0] < 0.01 * long.learning_rate
    assert max(rates) <= long.learning_rate
    assert math.isclose(rates[-1], 0.01 * long.learning_rate, rel_tol=0.05)
