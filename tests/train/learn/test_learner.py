import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from train.learn.config import TrainConfig  # noqa: E402
from train.learn.consensus import make_optimizer, make_schedule  # noqa: E402
from train.learn.learner import averaged, polynomial  # noqa: E402


def config(**settings):
    return TrainConfig(Path("labels"), Path("occluders"), Path("run"), **settings)


def scheduled(**settings):
    """A schedule with a way to read its rate."""
    optimizer = make_optimizer(config(**settings), torch.nn.Linear(2, 2))
    return make_schedule(config(**settings), optimizer), lambda: optimizer.param_groups[0]["lr"]


def rates_of(schedule, rate, steps):
    """The learning rate of each step."""
    rates = []
    for _ in range(steps):
        rates.append(rate())
        schedule.optimizer.step()
        schedule.step()
    return rates


def test_each_optimiser_has_its_own_rate_unless_one_is_given():
    rates = {name: config(optimiser=name).rate for name in ("adamw-cosine", "adam-plateau", "adam-flat")}
    assert rates == {"adamw-cosine": 2e-3, "adam-plateau": 1e-3, "adam-flat": 1e-5}
    assert config(optimiser="adam-flat", learning_rate=1e-4).rate == 1e-4


def test_cosine_warms_up_and_falls_to_a_hundredth():
    long = config(samples=320_000)
    rates = rates_of(*scheduled(samples=320_000), long.steps)
    assert rates[0] < 0.01 * long.rate
    assert max(rates) <= long.rate
    assert math.isclose(rates[-1], 0.01 * long.rate, rel_tol=0.05)


def test_polynomial_warms_up_and_falls_to_zero():
    optimizer = torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=1.0)
    rates = rates_of(polynomial(optimizer, 100), lambda: optimizer.param_groups[0]["lr"], 101)
    assert rates[0] == pytest.approx(0.1)
    assert rates[50] == pytest.approx(0.5**0.9)
    assert rates[100] == 0


def test_the_papers_polynomial_has_no_warm_up():
    optimizer = torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=1.0)
    rates = rates_of(polynomial(optimizer, 100, warm_up=False), lambda: optimizer.param_groups[0]["lr"], 2)
    assert rates == pytest.approx([1.0, 0.99**0.9])


def test_flat_rate_stays():
    assert set(rates_of(*scheduled(optimiser="adam-flat"), 50)) == {1e-5}


def test_plateau_falls_by_a_tenth_after_evaluations_without_progress_and_not_below_the_lowest():
    schedule, rate = scheduled(optimiser="adam-plateau", patience=1)
    rates = []
    for recall in (50, 60, 60, 60, 61, 61, 61, 60, 60, 59, 59):
        schedule.step(recall)
        rates.append(rate())
    assert rates == pytest.approx([1e-3] * 3 + [1e-4] * 3 + [1e-5] * 5)
    assert not schedule.finished


def test_plateau_keeps_its_rate_while_recall_rises():
    schedule, rate = scheduled(optimiser="adam-plateau", patience=0)
    for recall in range(50, 90):
        schedule.step(recall)
    assert rate() == 1e-3


def test_plateau_ends_the_run_only_when_told_to():
    ended = []
    for stop in (True, False):
        schedule, _ = scheduled(optimiser="adam-plateau", patience=0, stop=stop)
        for _ in range(4):
            schedule.step(50.0)
        ended.append(schedule.finished)
    assert ended == [True, False]


def test_plateau_state_survives():
    (one, rate), (two, _) = (scheduled(optimiser="adam-plateau", patience=1) for _ in range(2))
    for recall in (50, 49, 48, 47):
        one.step(recall)
    two.load_state_dict(one.state_dict())
    two.optimizer.load_state_dict(one.optimizer.state_dict())
    for schedule in (one, two):
        schedule.step(46)
    assert one.state_dict() == two.state_dict()
    assert rate() == pytest.approx(1e-5)


def saturating(*means, patience=1):
    """A flat schedule after evaluations, each of which had two steps with this mean training loss before it."""
    schedule, rate = scheduled(optimiser="adam-flat", learning_rate=1e-4, stop=True, patience=patience)
    for mean in means:
        schedule.note(mean - 0.5)
        schedule.note(mean + 0.5)
        schedule.compare(schedule.mean_loss)
    return schedule, rate()


def test_fine_tuning_ends_where_the_training_loss_falls_no_more():
    assert not saturating(9, 8, 7, 7.5, 6)[0].finished
    schedule, rate = saturating(9, 8, 7.99, 7.98)  # less than a hundredth is no fall
    assert schedule.finished and rate == 1e-4


def test_saturation_survives_a_kill_between_two_evaluations():
    (one, _), (two, _) = saturating(9, 8), saturating()
    one.note(3.0)
    two.load_state_dict(one.state_dict())
    for schedule in (one, two):
        schedule.note(5.0)
    assert two.mean_loss == 4.0 and two.lowest == 8
    assert one.state_dict() == two.state_dict()


def test_adam_has_no_weight_decay_and_adamw_has():
    network = torch.nn.Linear(2, 2)
    decays = [
        make_optimizer(config(optimiser=name), network).param_groups[0]["weight_decay"]
        for name in ("adamw-cosine", "adam-plateau")
    ]
    assert decays == [0.01, 0]


def test_average_follows_faster_at_first_and_then_keeps_its_share():
    network = torch.nn.BatchNorm1d(1)
    average = averaged(network, decay=0.25)
    values = []
    for value in (1.0, 1.0, 1.0, 1.0):
        with torch.no_grad():
            network.weight.fill_(0.0 if not values else value)
            network.num_batches_tracked += 1
        average.update_parameters(network)
        values.append(float(average.module.weight.detach()))
    # The fresh weight 1 keeps 1/10 in the first step, then 2/11, 3/12, and from there on a quarter.
    first = 0.1
    second = first * 2 / 11 + 9 / 11
    third = second * 3 / 12 + 9 / 12
    assert values == pytest.approx([first, second, third, third / 4 + 3 / 4])
    assert int(average.module.num_batches_tracked) == 4, "counts are copied"


def test_without_decay_the_average_is_the_last_weights():
    network = torch.nn.Linear(3, 3)
    average = averaged(network, decay=0.0)
    with torch.no_grad():
        network.weight.normal_()
    average.update_parameters(network)
    assert torch.equal(average.module.weight, network.weight)
