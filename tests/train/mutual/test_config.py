import dataclasses
import inspect
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

import cli
from engines.errors import UsageError
from train.mutual.config import MutualConfig, Run


def config(**settings):
    return MutualConfig((Path("parts"),), Path("run"), **settings)


def test_the_commands_defaults_are_the_records():
    """The command repeats them, because importing `train` for its help would load it for every command."""
    options = inspect.signature(cli.train_parts).parameters
    defaults = {field.name: field.default for field in fields(MutualConfig) if field.default is not MISSING}
    shared = {name for name in options if name in defaults}
    assert {"mutual", "end_to_end", "depth_share", "joint_samples"} <= shared
    assert {name: options[name].default for name in shared} == {name: defaults[name] for name in shared}


def test_defaults_are_the_paper_s_weights_and_share():
    own = config()
    assert (own.mutual, own.end_to_end, own.of_rgb, own.of_depth, own.translation) == (1, 1, 0.5, 0.5, 1)
    assert (own.l1, own.depth_share) == (100, 0.1)


def test_joint_training_has_a_tenth_of_each_rate():
    for network, rate in (("bisenet", 1e-2), ("eagrnet", 1e-3)):
        own = config(network=network, optimiser="sgd-poly")
        assert own.rate_of("rgb", "rgb") == own.rate_of("depth", "depth") == rate
        assert own.rate_of("rgb", "joint") == own.rate_of("depth", "joint") == pytest.approx(rate / 10)
    assert config().rate_of("translator", "translator") == 1e-3
    assert config().rate_of("discriminator", "joint") == pytest.approx(1e-4)


def test_half_of_a_depth_batch_is_measured_unless_nothing_is_generated():
    assert Run(config(batch=8), "joint").pairs == 4
    assert Run(config(batch=8, end_to_end=0.0), "joint").pairs == 8


def test_wrong_settings_are_refused():
    for settings, message in (
        ({"network": "unet"}, "bisenet"),
        ({"optimiser": "adam"}, "sgd-poly"),
        ({"augment": "much"}, "flips"),
        ({"depth_share": 0.0}, "depth_share 0.0"),
        ({"synthetic_share": 1.5}, "synthetic_share 1.5"),
        ({"ohem": 1.0}, "below 1"),
        ({"mutual": -1.0}, "0 or more"),
        ({"of_depth": 0.0}, "of_depth"),
        ({"batch": 7}, "even number"),
        ({"joint_samples": 8}, "8 samples of joint"),
    ):
        with pytest.raises(UsageError, match=message):
            config(**settings)
    with pytest.raises(UsageError, match="no training data"):
        MutualConfig((), Path("run"))


def test_an_option_of_the_joint_training_makes_no_other_run_of_the_stages_before_it():
    one, two = config(), config(mutual=0.0, joint_samples=64)
    for stage in ("rgb", "depth", "translator"):
        assert one.to_json(stage) == two.to_json(stage)
    assert one.to_json("joint") != two.to_json("joint")
    assert one.to_json("rgb") == config(depth_share=0.5).to_json("rgb")
    assert one.to_json("depth") != config(depth_share=0.5).to_json("depth")
    other = dataclasses.replace(one, l1=10.0, output=Path("elsewhere"))
    assert one.to_json("rgb") == other.to_json("rgb")
    assert one.to_json("translator") != other.to_json("translator")


def test_settings_hold_no_path_of_the_machine():
    own = config(occluders=Path("secret"), pretrained=Path("secret"))
    assert "secret" in str(own.to_json("joint"))
    assert "secret" not in str(own.settings("joint"))
