"""Two processes on this machine, as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from engines.errors import UsageError  # noqa: E402
from tests.fakes.training import write_labels, write_occluders  # noqa: E402
from train.learn.checkpoint import load_state  # noqa: E402
from train.learn.config import TrainConfig  # noqa: E402
from train.learn.consensus import train_consensus  # noqa: E402
from train.learn.distributed import Ranks, joined  # noqa: E402

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")


def test_alone_without_torchrun():
    with joined() as ranks:
        assert (ranks.rank, ranks.count, ranks.first) == (0, 1, True)
        assert ranks.from_first(7.25) == 7.25


def test_shares_of_a_batch_make_the_batch():
    shares = [Ranks(rank, 4, CPU).share(range(32, 64)) for rank in range(4)]
    assert [len(share) for share in shares] == [8] * 4
    assert sorted(index for share in shares for index in share) == list(range(32, 64))


def test_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(UsageError, match="batch 32 on 3 processes"):
        Ranks(0, 3, CPU).share(range(32))


def gradient_of(run):
    """Adam's first moment after one step is a tenth of the gradient."""
    moments = load_state(run / "state.pt")["learners"]["network"]["optimizer"]["state"]
    return torch.cat([moment["exp_avg"].flatten() for moment in moments.values()])


def test_two_processes_take_the_step_of_one(tmp_path):
    labels, occluders = write_labels(tmp_path / "labels"), write_occluders(tmp_path / "occluders")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "cli", "train",
        "--labels", labels, "--occluders", occluders, "--output", tmp_path / "two",
        *(word for setting in ("width=8", "samples=8", "batch_size=8", "workers=0") for word in ("--set", setting)),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("validation") == 1, "only the first process prints"
    assert (tmp_path / "two" / "weights.safetensors").is_file()
    # Each rank normalises its own half of the batch: the same as one process that accumulates two halves.
    one = TrainConfig(labels, occluders, tmp_path / "one", width=8, samples=8, batch_size=4, accumulate=2, workers=0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as each of the two: in bfloat16 the order of a sum shows
    train_consensus(one, say=lambda _: None)
    torch.set_num_threads(threads)
    expected = gradient_of(tmp_path / "one")
    assert torch.allclose(gradient_of(tmp_path / "two"), expected, atol=1e-5 * float(expected.abs().max()))
