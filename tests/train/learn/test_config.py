import inspect
from dataclasses import MISSING, fields

import cli
from train.learn.config import TrainConfig


def test_the_commands_defaults_are_the_records():
    """The command repeats them, because importing `train` for its help would load it for every command."""
    options = inspect.signature(cli.train).parameters
    defaults = {field.name: field.default for field in fields(TrainConfig) if field.default is not MISSING}
    shared = {name for name in options if name in defaults and name != "start"}
    assert len(shared) >= 9
    assert {name: options[name].default for name in shared} == {name: defaults[name] for name in shared}


def test_settings_hold_no_path_of_the_machine(tmp_path):
    config = TrainConfig(
        tmp_path / "labels", tmp_path / "occluders", tmp_path / "run", start=tmp_path / "w.safetensors"
    )
    assert str(tmp_path) in str(config.to_json())
    assert str(tmp_path) not in str(config.settings())
