import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from train.learn import optim  # noqa: E402 (torch first)
from train.learn.config import TrainConfig  # noqa: E402


def config(**settings):
    return TrainConfig(Path("labels"), Path("occluders"), Path("run"), **settings)


def test_each_optimiser_has_its_own_rate_unless_one_is_given():
    rates = {name: config(optimiser=name).rate for name in ("adamw-cosine", "adam-plateau", "adam-flat")}
    assert rates == {"adamw-cosine": 2e-3, "adam-plateau": 1e-3, "adam-flat": 1e-5}
    assert config(optimiser="adam-flat", learning_rate=1e-4).rate == 1e-4


def test_cosine_warms_up_and_falls_to_a_hundredth():
    long = config(samples=320_000)
    rates = [optim.make_schedule(long).rate(step) for step in range(long.steps)]
    assert rates[0] < 0.01 * long.rate
    assert max(rates) <= long.rate
    assert math.isclose(rates[-1], 0.01 * long.rate, rel_tol=0.05)


def test_flat_rate_stays():
    schedule = optim.make_schedule(config(optimiser="adam-flat"))
    schedule.look(10.0)
    assert {schedule.rate(step) for step in (0, 7, 5000)} == {1e-5}


def test_plateau_falls_by_a_tenth_after_looks_without_progress_and_not_below_the_lowest():
    schedule = optim.make_schedule(config(optimiser="adam-plateau", patience=1))
    rates = []
    for recall in (50, 60, 60, 60, 61, 61, 61, 60, 60, 59, 59):
        schedule.look(recall)
        rates.append(schedule.rate(0))
    assert rates == pytest.approx([1e-3] * 3 + [1e-4] * 3 + [1e-5] * 5)
    assert not schedule.finished


def test_plateau_goes_on_while_recall_rises():
    schedule = optim.make_schedule(config(optimiser="adam-plateau", patience=0))
    for recall in range(50, 90):
        schedule.look(recall)
    assert schedule.rate(0) == 1e-3


def test_plateau_ends_the_run_only_when_told_to():
    ended = []
    for stop in (True, False):
        schedule = optim.make_schedule(config(optimiser="adam-plateau", patience=0, stop=stop))
        for _ in range(4):
            schedule.look(50.0)
        ended.append(schedule.finished)
    assert ended == [True, False]


def test_plateau_state_survives():
    one, two = (optim.make_schedule(config(optimiser="adam-plateau", patience=1)) for _ in range(2))
    for recall in (50, 49, 48, 47):
        one.look(recall)
    two.load_state_dict(one.state_dict())
    for schedule in (one, two):
        schedule.look(46)
    assert one.state_dict() == two.state_dict()
    assert one.rate(0) == pytest.approx(1e-5)


def test_adam_has_no_weight_decay_and_adamw_has():
    network = torch.nn.Linear(2, 2)
    decays = [
        optim.make_optimizer(config(optimiser=name), network).param_groups[0]["weight_decay"]
        for name in ("adamw-cosine", "adam-plateau")
    ]
    assert decays == [0.01, 0]
