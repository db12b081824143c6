import dataclasses
import json

import pytest

torch = pytest.importorskip("torch")

from engines.errors import DataError, UsageError  # noqa: E402
from engines.spec import PART_LABELS  # noqa: E402
from tests.fakes.parts import write_parts  # noqa: E402
from tests.fakes.training import write_occluders  # noqa: E402
from train import models  # noqa: E402
from train.learn import loop  # noqa: E402
from train.learn.checkpoint import load_state, load_weights  # noqa: E402
from train.mutual.config import MutualConfig, chosen_stages  # noqa: E402
from train.mutual.training import train_parts  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return write_parts(folder / "parts", photographs=6, synthetic=4), write_occluders(folder / "occluders")


@pytest.fixture(scope="module")
def config(data, tmp_path_factory):
    """All four stages, a few steps each; a run of them lies in its output."""
    parts, occluders = data
    return MutualConfig(
        (parts,), tmp_path_factory.mktemp("whole") / "run", occluders, width=4, translator_width=4, size_px=32,
        depth_share=0.5, samples=8, translator_samples=8, joint_samples=16, batch_size=4, translator_batch_size=4,
        workers=0, bf16=False, evaluate_every=1000,
    )  # fmt: skip


@pytest.fixture(scope="module")
def results(config):
    return train_parts(config, say=lambda _: None)


def test_all_stages_leave_weights_that_restore(config, results):
    assert list(results) == ["rgb", "depth", "translator", "joint"]
    for stage, role, model in (
        ("rgb", "rgb", "parts"), ("depth", "depth", "parts-depth"), ("translator", "translator", "rgb-to-depth"),
        ("joint", "rgb", "parts"), ("joint", "depth", "parts-depth"), ("joint", "translator", "rgb-to-depth"),
    ):  # fmt: skip
        _, spec = models.restore(config.output / stage / f"{role}.safetensors")
        assert (spec.name, spec.size_px) == (model, 32)


def test_evaluations_hold_f1_of_both_kinds_of_heads_and_l1(results):
    joint = results["joint"]
    assert 0 <= joint["rgb_mean_f1"] <= 100
    assert 0 <= joint["depth_mean_f1"] <= 100
    assert 0 < joint["l1"] < 2
    assert joint["photographs"]["faces"] == 3
    assert joint["synthetic"]["faces"] == 2
    assert set(joint["synthetic"]["depth"]["f1"]) < set(PART_LABELS)
    assert PART_LABELS[0] not in joint["synthetic"]["depth"]["f1"]
    assert "depth" not in results["rgb"]["photographs"]
    assert 0 <= joint["synthetic"]["generated"]["mean_f1"] <= 100
    assert "generated" not in results["depth"]["photographs"], "there is no translator"


def test_joint_training_starts_from_the_stages_before_it(config, results):
    steps = load_weights(config.output / "joint" / "rgb.safetensors")[1]["step"]
    alone, joint = (load_weights(config.output / stage / "rgb.safetensors")[0] for stage in ("rgb", "joint"))
    name = "classify.weight"
    assert steps == 4
    assert not torch.equal(alone[name], joint[name])
    assert (alone[name] - joint[name]).abs().max() < 5e-3


def test_depth_parser_starts_from_the_colour_parser_s_weights_where_asked(config, results, tmp_path):
    """A learning rate near zero keeps what it started from; without `start` it is another network."""
    learned = load_weights(config.output / "rgb" / "rgb.safetensors")[0]["classify.weight"]
    still = dataclasses.replace(config, learning_rate=1e-9, samples=4)
    for start, same in ((config.output / "rgb" / "rgb.safetensors", True), (None, False)):
        run = dataclasses.replace(still, output=tmp_path / str(same), start=start)
        train_parts(run, ["depth"], say=lambda _: None)
        now = load_weights(run.output / "depth" / "depth.safetensors")[0]["classify.weight"]
        assert torch.allclose(now, learned, atol=1e-3) == same


def test_start_of_another_network_is_refused(config, results, tmp_path):
    other = dataclasses.replace(config, output=tmp_path, start=config.output / "translator" / "translator.safetensors")
    with pytest.raises(DataError, match="expected the network that is trained"):
        train_parts(other, ["rgb"], say=lambda _: None)


def test_finished_run_is_only_evaluated_again(config, results):
    said = []
    again = train_parts(config, say=said.append)
    assert [line.split(":")[0] for line in said] == list(results)
    assert again == results


def test_joint_training_without_the_stages_before_it_says_what_is_missing(config, tmp_path):
    with pytest.raises(DataError, match=r"rgb\.safetensors"):
        train_parts(dataclasses.replace(config, output=tmp_path / "run"), ["joint"], say=lambda _: None)


def test_joint_training_can_start_from_another_run(config, results, tmp_path):
    other = dataclasses.replace(config, output=tmp_path / "ablation", pretrained=config.output, mutual_weight=0.0)
    assert "rgb_mean_f1" in train_parts(other, ["joint"], say=lambda _: None)["joint"]
    assert sorted(path.name for path in other.output.iterdir()) == ["joint"]


def test_folder_of_another_run_is_refused_with_each_difference(config, results):
    with pytest.raises(DataError, match=r"end_to_end_weight: 1\.0 before, 0\.0 now"):
        train_parts(dataclasses.replace(config, end_to_end_weight=0.0), ["joint"], say=lambda _: None)


def test_log_names_each_term(config, results, tmp_path, monkeypatch):
    monkeypatch.setattr("train.learn.log._EVERY", 1)
    logged = dataclasses.replace(config, output=tmp_path / "run", pretrained=config.output)
    train_parts(logged, ["joint"], say=lambda _: None)
    row = json.loads((logged.output / "joint" / "log.jsonl").read_text().splitlines()[0])
    assert {"discriminator", "rgb", "depth", "gan", "l1", "end_to_end", "mutual", "total"} <= set(row)
    # The warm-up's first step has half of a tenth of the peak.
    assert row["learning_rate"] <= 2e-4


class Killed(Exception):
    pass


@pytest.mark.parametrize("recipe", [{}, {"optimiser": "sgd-poly", "bf16": True}], ids=["adamw", "sgd in bfloat16"])
@pytest.mark.parametrize("stage", ["translator", "joint"])
def test_killed_stage_resumes_to_the_same_weights(stage, recipe, config, results, tmp_path, monkeypatch):
    config = dataclasses.replace(config, pretrained=config.output, translator_samples=16, **recipe)
    whole = dataclasses.replace(config, output=tmp_path / "whole")
    train_parts(whole, [stage], say=lambda _: None)

    halved = dataclasses.replace(config, output=tmp_path / "halved", checkpoint_minutes=0.0)
    step = loop.train_step

    def killed_at_third(training, state, batch):
        if state.step == 2:
            raise Killed
        return step(training, state, batch)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(loop, "train_step", killed_at_third)
        train_parts(halved, [stage], say=lambda _: None)
    said = []
    train_parts(halved, [stage], say=said.append)
    assert said[0] == f"{stage}: resuming at step 2 of 4"
    one, two = (load_state(run.output / stage / "state.pt") for run in (whole, halved))
    one, two = one["learners"], two["learners"]
    assert one.keys() == two.keys()
    for role in one:
        for part in ("network", "average"):
            for key, value in one[role][part].items():
                assert torch.equal(value, two[role][part][key]), (role, part, key)


def test_other_seed_gives_other_weights(config, results, tmp_path):
    other = dataclasses.replace(config, seed=1, output=tmp_path / "other")
    train_parts(other, ["rgb"], say=lambda _: None)
    one, two = (load_weights(run.output / "rgb" / "rgb.safetensors")[0] for run in (config, other))
    assert not torch.equal(one["classify.weight"], two["classify.weight"])


def test_a_parser_alone_learns_flat_heads(data, tmp_path):
    config = MutualConfig(
        (data[0],), tmp_path / "run", width=8, size_px=32, samples=600, batch_size=12, workers=0, bf16=False,
        augment="flips", average_decay=0.8, learning_rate=5e-3, evaluate_every=10_000,
    )  # fmt: skip
    f1 = train_parts(config, ["rgb"], say=lambda _: None)["rgb"]["photographs"]["rgb"]["f1"]
    assert min(f1["skin"], f1["hair"]) > 50


def test_stages_are_chosen_by_name_in_their_order():
    assert chosen_stages(["joint", "rgb"]) == ("rgb", "joint")
    assert len(chosen_stages(None)) == 4
    with pytest.raises(UsageError, match="translator, joint"):
        chosen_stages(["all"])
