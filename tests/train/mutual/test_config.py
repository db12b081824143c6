import dataclasses
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from engines.errors import UsageError  # noqa: E402
from train.mutual.config import MutualConfig, Run  # noqa: E402
from train.mutual.networks import rate_of  # noqa: E402


def config(**settings):
    return MutualConfig((Path("parts"),), Path("run"), **settings)


def test_defaults_are_the_paper_s_weights_and_share():
    own = config()
    assert (own.mutual_weight, own.end_to_end_weight, own.rgb_weight, own.depth_weight, own.translation_weight) == (
        1,
        1,
        0.5,
        0.5,
        1,
    )
    assert (own.l1_weight, own.depth_share) == (100, 0.1)


def test_joint_training_has_a_tenth_of_each_rate():
    for network, rate in (("bisenet", 1e-2), ("eagrnet", 1e-3)):
        own = config(network=network, optimiser="sgd-poly")
        assert rate_of(Run(own, "rgb"), "rgb") == rate_of(Run(own, "depth"), "depth") == rate
        assert rate_of(Run(own, "joint"), "rgb") == rate_of(Run(own, "joint"), "depth") == pytest.approx(rate / 10)
    assert rate_of(Run(config(), "translator"), "translator") == 1e-3
    assert rate_of(Run(config(), "joint"), "discriminator") == pytest.approx(1e-4)


def test_half_of_a_depth_batch_is_measured_unless_nothing_is_generated():
    assert Run(config(batch_size=8), "joint").pairs == 4
    assert Run(config(batch_size=8, end_to_end_weight=0.0), "joint").pairs == 8


def test_wrong_settings_are_refused():
    for settings, message in (
        ({"network": "unet"}, "bisenet"),
        ({"optimiser": "adam"}, "sgd-poly"),
        ({"augment": "much"}, "flips"),
        ({"depth_share": 0.0}, "depth_share 0.0"),
        ({"synthetic_share": 1.5}, "synthetic_share 1.5"),
        ({"ohem": 1.0}, "below 1"),
        ({"mutual_weight": -1.0}, "0 or more"),
        ({"depth_weight": 0.0}, "depth_weight"),
        ({"batch_size": 7}, "even number"),
        ({"joint_samples": 8}, "8 samples of joint"),
    ):
        with pytest.raises(UsageError, match=message):
            config(**settings)
    with pytest.raises(UsageError, match="training data: expected folders"):
        MutualConfig((), Path("run"))


def test_an_option_of_the_joint_training_makes_no_other_run_of_the_stages_before_it():
    one, two = config(), config(mutual_weight=0.0, joint_samples=64)
    for stage in ("rgb", "depth", "translator"):
        assert one.record(stage) == two.record(stage)
    assert one.record("joint") != two.record("joint")
    assert one.record("rgb") == config(depth_share=0.5).record("rgb")
    assert one.record("depth") != config(depth_share=0.5).record("depth")
    other = dataclasses.replace(one, l1_weight=10.0, output=Path("elsewhere"))
    assert one.record("rgb") == other.record("rgb")
    assert one.record("translator") != other.record("translator")


def test_settings_hold_no_path_of_the_machine():
    own = config(occluders=Path("secret"), pretrained=Path("secret"))
    assert "secret" in str(own.record("joint"))
    assert "secret" not in str(own.settings("joint"))
