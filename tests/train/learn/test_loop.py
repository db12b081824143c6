import dataclasses
import json

import pytest

torch = pytest.importorskip("torch")

from engines.errors import DataError, UsageError  # noqa: E402
from train import models  # noqa: E402
from train.learn import consensus, learner, loop  # noqa: E402
from train.learn.checkpoint import load_state, load_weights, save_state  # noqa: E402


def weights_of(config):
    return load_weights(config.output / "weights.safetensors")[0]


def test_training_writes_weights_log_and_record(config):
    result = consensus.train_consensus(config, say=lambda _: None)
    assert 0 <= result["pasted"]["face_iou"] <= 100
    _, metadata = load_weights(config.output / "weights.safetensors")
    assert metadata["model"] == "consensus-lite"
    assert metadata["step"] == 6
    assert "validation" in json.loads((config.output / "log.jsonl").read_text().splitlines()[-1])


class Killed(Exception):
    pass


WHOLE_RECIPE = {
    "regularised": True,  # dropout
    "accumulate": 2,
    "optimiser": "adam-plateau",
    "patience": 0,
    "evaluate_every": 8,  # the rate can fall at every step
    "samples": 48,
    "distinct": 10,
    "flips": True,
    "augment": True,
}


@pytest.mark.parametrize("recipe", [{}, WHOLE_RECIPE], ids=["defaults", "all options"])
def test_killed_training_resumes_to_the_same_weights(recipe, config, tmp_path, monkeypatch):
    config = dataclasses.replace(config, **recipe)
    whole = dataclasses.replace(config, output=tmp_path / "whole")
    consensus.train_consensus(whole, say=lambda _: None)

    halved = dataclasses.replace(config, output=tmp_path / "halved", checkpoint_minutes=0.0)
    steps = iter(range(100))
    step = loop.train_step

    def killed_at_fourth(*args):
        if next(steps) == 3:
            raise Killed
        return step(*args)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(loop, "train_step", killed_at_fourth)
        consensus.train_consensus(halved, say=lambda _: None)
    said = []
    consensus.train_consensus(halved, say=said.append)
    assert said[0] == "resuming at step 3 of 6"
    one, two = (load_state(run.output / "state.pt") for run in (whole, halved))
    one, two = (state["learners"]["network"] for state in (one, two))
    assert one["schedule"] == two["schedule"]
    for part in ("network", "average"):
        for key, value in one[part].items():
            assert torch.equal(value, two[part][key]), (part, key)


def test_state_of_the_former_format_is_refused_with_a_way_to_continue(config):
    consensus.train_consensus(config, say=lambda _: None)
    save_state(config.output / "state.pt", {"step": 3, "network": {}, "average": {}, "optimizer": {}})
    with pytest.raises(DataError, match=r"another version of unveil.*--start"):
        consensus.train_consensus(config, say=lambda _: None)


def test_other_seed_gives_other_weights(config, tmp_path):
    other = dataclasses.replace(config, seed=1, output=tmp_path / "other")
    consensus.train_consensus(config, say=lambda _: None)
    consensus.train_consensus(other, say=lambda _: None)
    assert not torch.equal(weights_of(config)["head.0.weight"], weights_of(other)["head.0.weight"])


def test_folder_of_another_run_is_refused_with_each_difference(config):
    consensus.train_consensus(config, say=lambda _: None)
    with pytest.raises(DataError, match=r"beta: 5.0 before, 1.0 now"):
        consensus.train_consensus(dataclasses.replace(config, beta=1.0), say=lambda _: None)


def test_damaged_state_is_named(config):
    consensus.train_consensus(config, say=lambda _: None)
    (config.output / "state.pt").write_bytes(b"PK not a state")
    with pytest.raises(DataError, match=r"state\.pt"):
        consensus.train_consensus(config, say=lambda _: None)


def test_missing_labels_are_named(config, tmp_path):
    with pytest.raises(DataError, match=r"faces\.jsonl"):
        consensus.train_consensus(dataclasses.replace(config, labels=tmp_path), say=lambda _: None)


def test_wrong_settings_are_refused(config):
    with pytest.raises(UsageError, match="whole batch"):
        dataclasses.replace(config, samples=2)
    with pytest.raises(UsageError, match="component"):
        dataclasses.replace(config, blobs="pixels")
    with pytest.raises(UsageError, match="above 0"):
        dataclasses.replace(config, cross_entropy=0.0, consensus=0.0)
    with pytest.raises(UsageError, match="adam-plateau"):
        dataclasses.replace(config, optimiser="sgd")
    with pytest.raises(UsageError, match="labels and occluders, or data"):
        dataclasses.replace(config, labels=None)
    with pytest.raises(UsageError, match="vary as they are"):
        dataclasses.replace(config, flips=True)
    with pytest.raises(UsageError, match="at least one crop"):
        dataclasses.replace(config, distinct=0)
    with pytest.raises(UsageError, match="whole batch of each step"):
        dataclasses.replace(config, accumulate=7)


def test_accumulated_batches_make_one_step_of_their_sum(config, tmp_path):
    # Both batches hold the same four crops in another order, so the mean of their gradients is that of one.
    one = dataclasses.replace(config, samples=4, distinct=4, bf16=False)
    two = dataclasses.replace(one, samples=8, accumulate=2, output=tmp_path / "two")
    gradients = []
    for run in (one, two):
        consensus.train_consensus(run, say=lambda _: None)
        moments = load_state(run.output / "state.pt")["learners"]["network"]["optimizer"]["state"]
        gradients.append(torch.cat([moment["exp_avg"].flatten() for moment in moments.values()]))
    # Rounding decides on which side of a ReLU some values fall: 1 % was seen. A sum, or a batch left out, is far off.
    assert (gradients[0] - gradients[1]).norm() < 0.03 * gradients[0].norm()


def test_every_term_of_the_loss_is_returned_and_weighted(config):
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    labels[:, 2:4, 2:4] = 2
    logits = torch.randn(1, 3, 8, 8)
    every = dataclasses.replace(config, cross_entropy=0.5, balanced=2.0, consensus=0.1)
    terms = consensus.loss_terms(every, logits, labels, labels)
    expected = (
        0.5 * terms["cross_entropy"] + 2 * terms["balanced"] + 0.1 * (10 * terms["label"] + 5 * terms["deviation"])
    )
    assert float(terms["total"]) == pytest.approx(float(expected))
    alone = consensus.loss_terms(dataclasses.replace(every, balanced=0.0, consensus=0.0), logits, labels, labels)
    assert set(alone) == {"total", "cross_entropy"}


def test_plateau_run_stops_by_itself_and_stays_stopped(config, monkeypatch):
    monkeypatch.setattr(learner, "_LEAST_PROGRESS", 1000.0)  # nothing counts as progress
    stopping = dataclasses.replace(
        config, optimiser="adam-plateau", learning_rate=1e-4, patience=0, stop=True, evaluate_every=4, samples=400
    )
    said = []
    consensus.train_consensus(stopping, say=said.append)
    assert load_weights(config.output / "weights.safetensors")[1]["step"] == 3  # 1e-4, 1e-5, and no further
    again = []
    result = consensus.train_consensus(stopping, say=again.append)
    assert again == ["resuming at step 3 of 100"]
    assert result["mean_recall"] == json.loads(said[-1].partition("validation ")[2])["mean_recall"]


def test_fine_tuning_stops_by_itself_where_the_training_loss_is_saturated(config, monkeypatch):
    monkeypatch.setattr(learner, "_LEAST_FALL", 0.99)  # hardly anything counts as a fall
    stopping = dataclasses.replace(
        config, optimiser="adam-flat", learning_rate=1e-5, patience=1, stop=True, evaluate_every=4, samples=400
    )
    consensus.train_consensus(stopping, say=lambda _: None)
    assert load_weights(config.output / "weights.safetensors")[1]["step"] == 3


def test_gradients_are_clipped_unless_the_paper_does_not(config, monkeypatch):
    lengths = []
    monkeypatch.setattr(learner.nn.utils, "clip_grad_norm_", lambda _, length: lengths.append(length))
    for longest in (5.0, None):
        run = dataclasses.replace(config, samples=4, longest_gradient=longest, output=config.output / str(longest))
        consensus.train_consensus(run, say=lambda _: None)
    assert lengths == [5.0]


def test_weights_describe_their_network(config):
    consensus.train_consensus(dataclasses.replace(config, samples=4, width=16, regularised=True), say=lambda _: None)
    weights, metadata = load_weights(config.output / "weights.safetensors")
    assert (metadata["width"], metadata["regularised"], len(metadata["labels"])) == (16, True, 3)
    models.create_model(metadata["model"], width=metadata["width"]).load_state_dict(weights)


def test_fine_tuning_starts_from_the_weights_and_stays_near(config, tmp_path):
    consensus.train_consensus(config, say=lambda _: None)
    start = config.output / "weights.safetensors"
    tuned = dataclasses.replace(config, samples=8, start=start, optimiser="adam-flat", output=tmp_path / "tuned")
    consensus.train_consensus(tuned, say=lambda _: None)
    before, after = load_weights(start)[0], load_weights(tuned.output / "weights.safetensors")[0]
    assert not torch.equal(before["head.0.weight"], after["head.0.weight"])
    assert torch.allclose(before["head.0.weight"], after["head.0.weight"], atol=1e-4)


def test_weights_of_another_width_are_refused(config, tmp_path):
    consensus.train_consensus(dataclasses.replace(config, samples=4, width=16), say=lambda _: None)
    other = dataclasses.replace(config, start=config.output / "weights.safetensors", output=tmp_path / "other")
    with pytest.raises(DataError, match="width 16"):
        consensus.train_consensus(other, say=lambda _: None)


def test_small_crops_first_then_full_size_from_those_weights(config):
    small = dataclasses.replace(config, size_px=64)
    consensus.train_consensus(small, say=lambda _: None)
    full = dataclasses.replace(
        config, output=config.output.with_name("full"), start=small.output / "weights.safetensors"
    )
    consensus.train_consensus(full, say=lambda _: None)
    assert consensus.spec_of(small).size_px == 64
    assert consensus.spec_of(full).size_px == models.spec("consensus-lite").size_px


def test_size_that_does_not_halve_four_times_is_refused(config):
    with pytest.raises(UsageError, match="multiple of 16"):
        dataclasses.replace(config, size_px=72)
