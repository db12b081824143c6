"""Equation 4, term by term, on drawn heads."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from tests.fakes.parts import write_parts  # noqa: E402
from train.learn.distributed import Ranks  # noqa: E402
from train.learn.loop import silent  # noqa: E402
from train.learn.state import State  # noqa: E402
from train.mutual import networks, steps  # noqa: E402
from train.mutual.batches import Batch, step_items  # noqa: E402
from train.mutual.config import MutualConfig, Run  # noqa: E402
from train.mutual.steps import joint_step, part  # noqa: E402
from train.mutual.training import PartsData  # noqa: E402

ALONE = Ranks(0, 1, torch.device("cpu"))
TERMS = {"discriminator", "rgb", "depth", "gan", "l1", "end_to_end", "mutual", "total"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_parts(tmp_path_factory.mktemp("data") / "parts")


@pytest.fixture
def config(data, tmp_path):
    return MutualConfig(
        (data,), tmp_path / "run", width=4, translator_width=4, size_px=32, depth_share=0.5, batch_size=4, workers=0,
        bf16=False,
    )  # fmt: skip


def fresh(config, monkeypatch):
    """The joint training as if the stages before had been trained, and a batch: what `joint_step` takes."""
    monkeypatch.setattr(networks, "start_from", lambda *_: None)
    training = PartsData.load(config, ALONE).training(Run(config, "joint"), ALONE)
    return training.run, State(training.run, ALONE, training.learners(silent)), next(training.batches(0))


def gradients(state, role):
    found = [parameter.grad for parameter in state.network(role).parameters() if parameter.grad is not None]
    return torch.cat([gradient.flatten() for gradient in found]) if found else torch.zeros(1)


def test_total_is_the_weighted_sum_of_the_named_terms(config, monkeypatch):
    weighed = dataclasses.replace(
        config,
        mutual_weight=2.0,
        end_to_end_weight=3.0,
        rgb_weight=0.25,
        depth_weight=0.75,
        translation_weight=1.5,
        l1_weight=10.0,
    )
    terms = {name: float(term.detach()) for name, term in joint_step(*fresh(weighed, monkeypatch)).items()}
    assert set(terms) == TERMS
    expected = 2 * terms["mutual"] + 3 * terms["end_to_end"] + 0.25 * terms["rgb"] + 0.75 * terms["depth"]
    expected += 1.5 * (terms["gan"] + 10 * terms["l1"])
    assert terms["total"] == pytest.approx(expected, rel=1e-5)


def test_switches_leave_their_terms_out(config, monkeypatch):
    for switch in ("mutual", "end_to_end"):
        off = dataclasses.replace(config, **{f"{switch}_weight": 0.0})
        assert set(joint_step(*fresh(off, monkeypatch))) == TERMS - {switch}


def count_inputs(state, monkeypatch):
    """How many pictures go through each network: filled in as they do."""
    sizes = {}
    for role, method in (("rgb", "heads"), ("depth", "heads"), ("translator", "forward")):
        own = getattr(state.network(role), method)
        counted = lambda x, role=role, own=own: sizes.update({role: len(x)}) or own(x)  # noqa: E731
        monkeypatch.setattr(state.network(role), method, counted)
    return sizes


def test_half_of_the_depth_parser_s_batch_is_generated(config, monkeypatch):
    for end_to_end, measured in ((1.0, 2), (0.0, 4)):
        run, state, batch = fresh(dataclasses.replace(config, end_to_end_weight=end_to_end), monkeypatch)
        sizes = count_inputs(state, monkeypatch)
        joint_step(run, state, batch)
        # All faces through the RGB parser, the pairs too for mutual learning; the depth parser has a batch of its own.
        assert sizes == {"rgb": 4 + measured, "depth": 4, "translator": 4}


def end_to_end_alone(config):
    return dataclasses.replace(config, mutual_weight=0.0, translation_weight=0.0, rgb_weight=1e-9, depth_weight=1e-9)


def test_end_to_end_loss_teaches_the_translator_through_the_depth_parser(config, monkeypatch):
    run, state, batch = fresh(end_to_end_alone(config), monkeypatch)
    joint_step(run, state, batch)
    assert gradients(state, "translator").norm() > 1e-6
    assert gradients(state, "rgb").norm() < 1e-6


def test_without_it_the_translator_learns_from_no_parse(config, monkeypatch):
    run, state, batch = fresh(dataclasses.replace(end_to_end_alone(config), end_to_end_weight=0.0), monkeypatch)
    joint_step(run, state, batch)
    assert gradients(state, "translator").norm() == 0


@pytest.mark.parametrize("changed", [{"depth_weight": 50.0}, {"mutual_weight": 50.0}])
def test_losses_on_measured_depth_do_not_reach_the_translator_through_shared_statistics(changed, config, monkeypatch):
    found = []
    for own in ({}, changed):
        run, state, batch = fresh(dataclasses.replace(config, **own), monkeypatch)
        joint_step(run, state, batch)
        found.append(gradients(state, "translator"))
    assert found[0].norm() > 1e-6
    assert torch.allclose(found[0], found[1], rtol=1e-4, atol=1e-7)


def test_parsers_learn_the_same_whether_the_translator_does(config, monkeypatch):
    """Cutting the way to the translator changes no gradient of the parsers: it is that of the whole equation 4."""
    run, state, batch = fresh(config, monkeypatch)
    cut = joint_step(run, state, batch)
    own = [gradients(state, role) for role in ("rgb", "depth")]
    run, state, batch = fresh(config, monkeypatch)
    monkeypatch.setattr(steps, "_to_translator", lambda loss, made, cut: loss.new_zeros(()))
    whole = joint_step(run, state, batch)
    assert float(cut["total"].detach()) == pytest.approx(float(whole["total"].detach()))
    for mine, other in zip(own, (gradients(state, role) for role in ("rgb", "depth")), strict=True):
        assert torch.allclose(mine, other)


def test_activations_agree_on_generated_depth_only_where_it_is_asked_for(config, monkeypatch):
    asked = dataclasses.replace(config, mutual_generated=True)
    assert set(joint_step(*fresh(asked, monkeypatch))) == TERMS | {"mutual_generated"}
    for weight, reaches in ((2.0, True), (0.0, False)):
        alone = dataclasses.replace(end_to_end_alone(asked), end_to_end_weight=1e-9, mutual_weight=weight)
        run, state, batch = fresh(alone, monkeypatch)
        joint_step(run, state, batch)
        assert (gradients(state, "translator").norm() > 1e-6) == reaches


def test_mutual_learning_teaches_both_parsers(config, monkeypatch):
    alone = dataclasses.replace(
        config, end_to_end_weight=0.0, translation_weight=0.0, rgb_weight=1e-9, depth_weight=1e-9
    )
    for mutual, taught in ((1.0, True), (0.0, False)):
        run, state, batch = fresh(dataclasses.replace(alone, mutual_weight=mutual), monkeypatch)
        joint_step(run, state, batch)
        assert (gradients(state, "rgb").norm() > 1e-6) == taught
        assert (gradients(state, "depth").norm() > 1e-6) == taught


def test_mutual_learning_compares_the_same_faces(config, monkeypatch):
    """With both parsers fed the same and equal, the activations agree; with the pairs in another order they do not."""
    run, state, batch = fresh(config, monkeypatch)
    state.network("depth").load_state_dict(state.network("rgb").state_dict())
    for role in ("rgb", "depth"):
        state.network(role).eval()  # BatchNorm would see other batches
        state.learners[role].optimizer.step = lambda: None
    same = Batch(batch.seen, batch.parts, batch.depth, batch.seen)
    monkeypatch.setattr(state.network("translator"), "forward", lambda x: x[:, :1])
    assert float(joint_step(run, state, same)["mutual"].detach()) < 1e-10
    turned = dataclasses.replace(same, rgb=torch.cat([same.rgb[:4], same.rgb[4:].flip(0)]))
    assert float(joint_step(run, state, turned)["mutual"].detach()) > 1e-6


def test_discriminator_learns_from_its_own_loss_alone(config, monkeypatch):
    run, state, batch = fresh(config, monkeypatch)
    before = [parameter.clone() for parameter in state.network("discriminator").parameters()]
    updated = []
    monkeypatch.setattr(
        state, "learn", lambda loss, *roles, own=state.learn: (updated.append(roles), own(loss, *roles))
    )
    joint_step(run, state, batch)
    assert updated == [("discriminator",), ("rgb", "depth", "translator")]
    assert any(not torch.equal(a, b) for a, b in zip(before, state.network("discriminator").parameters(), strict=True))


@pytest.mark.parametrize("network", ["bisenet", "eagrnet"])
def test_every_network_of_the_paper_is_trained_jointly_in_bfloat16(network, config, monkeypatch):
    of_paper = dataclasses.replace(config, network=network, optimiser="sgd-poly", bf16=True, size_px=64)
    terms = joint_step(*fresh(of_paper, monkeypatch))
    assert set(terms) == TERMS
    assert all(torch.isfinite(term) for term in terms.values())


def test_part_of_the_heads_is_that_of_each(config, monkeypatch):
    _, state, batch = fresh(dataclasses.replace(config, network="eagrnet", size_px=64), monkeypatch)
    heads = state.network("rgb").heads(batch.rgb)
    some = part(heads, slice(4, None))
    assert len(some.logits) == len(some.features) == len(some.edge) == 2
    assert torch.equal(some.logits, heads.logits[4:])


def test_ranks_share_a_step_s_samples(config):
    for stage in ("rgb", "depth", "translator", "joint"):
        run = Run(dataclasses.replace(config, translator_batch_size=4), stage)
        whole = step_items(run, ALONE, 5)
        shares = [step_items(run, Ranks(rank, 2, ALONE.device), 5) for rank in (0, 1)]
        assert sorted(whole) == sorted(shares[0] + shares[1])
        assert len(shares[0]) == len(shares[1])


def test_stages_take_their_samples_from_the_right_faces(config):
    streams = {
        stage: [stream for stream, _ in step_items(Run(config, stage), ALONE, 0)]
        for stage in ("rgb", "depth", "translator", "joint")
    }
    assert streams["rgb"] == ["all"] * 4
    assert streams["depth"] == ["measured"] * 4
    assert set(streams["translator"]) == {"measured"}
    assert streams["joint"] == ["all"] * 4 + ["measured"] * 2
