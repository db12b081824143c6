"""The papers' own data sets, in their published layouts: trained on and evaluated by a reader's commands."""

import json

import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from cli import app  # noqa: E402
from tests.fakes.datasets import (  # noqa: E402
    write_celebamask_hq,
    write_cofw,
    write_depth,
    write_helen,
    write_lapa,
    write_part_labels,
)

WRITE = {
    "cofw": write_cofw,
    "part-labels": write_part_labels,
    "celebamask-hq-d": lambda folder: write_depth(write_celebamask_hq(folder)),
    "lapa-d": lambda folder: write_depth(write_lapa(folder)),
    "helen-d": lambda folder: write_depth(write_helen(folder)),
}


def unveil(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("kind", ["cofw", "part-labels"])
def test_the_first_papers_sets_are_trained_on_and_evaluated(kind, tmp_path):
    data, run = f"{kind}:{WRITE[kind](tmp_path / kind)}", tmp_path / "run"
    small = ("width=8", "batch_size=2", "accumulate=2", "evaluate_every=8", "samples=16", "size_px=64", "workers=0")
    settings = [word for value in small for word in ("--set", value)]
    unveil("train", kind, "--data", data, "--output", run, *settings)
    unveil("evaluate", run / "weights.safetensors", "--data", data, "--json", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["data"] == kind and scores["rows"]


@pytest.mark.parametrize("kind", ["celebamask-hq-d", "lapa-d", "helen-d"])
def test_the_second_papers_sets_are_trained_on_in_all_stages_and_evaluated(kind, tmp_path):
    data, run = f"{kind}:{WRITE[kind](tmp_path / kind)}", tmp_path / "run"
    small = ("width=4", "translator_width=4", "batch_size=2", "size_px=64", "workers=0")
    settings = [word for value in small for word in ("--set", value)]
    unveil("train", kind, "--data", data, "--output", run, "--samples", 2, *settings)
    for stage, network in (("rgb", "rgb"), ("depth", "depth"), ("translator", "translator"), ("joint", "depth")):
        assert (run / stage / f"{network}.safetensors").is_file()
    rgb, depth, translator = (run / "joint" / f"{role}.safetensors" for role in ("rgb", "depth", "translator"))
    for weights, more in ((rgb, []), (depth, ["--translator", translator]), (translator, [])):
        unveil("evaluate", weights, "--data", data, *more, "--json", tmp_path / "scores.json")
        scores = json.loads((tmp_path / "scores.json").read_text())
        assert scores["data"] == kind
        assert len(scores["rows"]) == (2 if more else 1)
