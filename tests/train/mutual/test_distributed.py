"""Two processes on this machine, as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.fakes.parts import write_parts  # noqa: E402
from train import recipes  # noqa: E402
from train.learn import learner  # noqa: E402
from train.learn.checkpoint import load_state  # noqa: E402
from train.learn.distributed import Ranks  # noqa: E402
from train.learn.loop import silent, train_step  # noqa: E402
from train.learn.state import State  # noqa: E402
from train.mutual.config import Run  # noqa: E402
from train.mutual.training import PartsData  # noqa: E402
from train.recipes.run import Inputs, configure  # noqa: E402

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")


def gradient_of_rank(rank, config):
    """What one of two processes contributes to the first joint step of the parsers."""
    ranks = Ranks(rank, 2, CPU)
    training = PartsData.load(config, ranks).training(Run(config, "joint"), ranks)
    state = State(training.run, ranks, training.learners(silent))
    train_step(training, state, next(training.batches(0)))
    return {role: momentum(state.learners[role].optimizer.state_dict()) for role in ("rgb", "depth")}


def momentum(state):
    """After the first step of SGD: the gradient, plus the weight decay."""
    return torch.cat([state["state"][index]["momentum_buffer"].flatten() for index in sorted(state["state"])])


def test_two_processes_take_the_mean_of_their_gradients(tmp_path, monkeypatch):
    data = write_parts(tmp_path / "parts", photographs=6, synthetic=0)
    settings = [
        "width=4", "translator_width=4", "size_px=32", "depth_share=1", "batch_size=4", "translator_batch_size=4",
        "optimiser=sgd-poly", "workers=0", "longest_gradient=none",
    ]  # fmt: skip
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "cli",
        "train", "parts-depth", "--labels", data, "--output", tmp_path / "two", "--samples", "4",
    ]  # fmt: skip
    command += [word for setting in settings for word in ("--set", setting)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("validation") == 4, "only the first process prints, once for each stage"

    recipe = recipes.read("parts-depth").with_samples(4).with_settings([*settings, f"pretrained={tmp_path / 'two'}"])
    config = configure(recipe, Inputs(tmp_path / "one", [data]))["joint"]
    # Gradients of a process are not averaged here, so that their mean can be compared.
    monkeypatch.setattr(learner, "average_gradients", lambda *_: None)
    shares = [gradient_of_rank(rank, config) for rank in (0, 1)]
    state = load_state(tmp_path / "two" / "joint" / "state.pt")
    for role in ("rgb", "depth"):
        expected = (shares[0][role] + shares[1][role]) / 2
        together = momentum(state["learners"][role]["optimizer"])
        cosine = float(together @ expected / together.norm() / expected.norm())
        assert cosine > 0.999, role
        assert not torch.allclose(shares[0][role], shares[1][role], atol=1e-5 * float(expected.abs().max()))
