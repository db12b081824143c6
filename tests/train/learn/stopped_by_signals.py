"""Trainings that a signal stops. Not collected: `test_stopping.py` runs these tests in a process of their own."""

import dataclasses
import os
import signal

import pytest
import torch

from train.learn import consensus, loop
from train.learn.checkpoint import load_weights
from train.learn.interruption import TrainingStopped, stop_on_signals


def weights_of(config):
    return load_weights(config.output / "weights.safetensors")[0]


@pytest.fixture
def signals():
    """Signals as in a terminal, however the tests were started."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before:
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_training_saves_says_so_and_resumes_to_the_same_weights(number, config, tmp_path, monkeypatch, signals):
    whole, stopped = (dataclasses.replace(config, output=tmp_path / name) for name in ("whole", "stopped"))
    consensus.train_consensus(whole, say=lambda _: None)
    step = loop.train_step

    def interrupted_at_third(training, state, batch):
        if state.step == 2:
            os.kill(os.getpid(), number)
        return step(training, state, batch)

    before = signal.getsignal(number)
    with monkeypatch.context() as patched, pytest.raises(TrainingStopped, match="stopped at step 3 of 6") as error:
        patched.setattr(loop, "train_step", interrupted_at_third)
        consensus.train_consensus(stopped, say=lambda _: None)
    assert str(stopped.output) in str(error.value)
    assert "run the same command again" in str(error.value)
    assert error.value.exit_status == 128 + number
    assert signal.getsignal(number) is before
    said = []
    consensus.train_consensus(stopped, say=said.append)
    assert said[0] == "resuming at step 3 of 6"
    one, two = (weights_of(run) for run in (whole, stopped))
    assert all(torch.equal(value, two[name]) for name, value in one.items())


def test_second_signal_stops_at_once(signals):
    with pytest.raises(KeyboardInterrupt) as error, stop_on_signals() as request:
        os.kill(os.getpid(), signal.SIGINT)
        assert request
        os.kill(os.getpid(), signal.SIGINT)
    assert not isinstance(error.value, TrainingStopped)


def test_ignored_signal_stays_ignored(signals):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stop_on_signals() as request:
        os.kill(os.getpid(), signal.SIGINT)
    assert not request
