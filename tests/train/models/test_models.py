"""One suite over every registered model. Large ones are narrow here; full widths are in their own tests."""

import pytest

torch = pytest.importorskip("torch")

from engines.errors import DataError, UnknownModel, UsageError  # noqa: E402
from engines.spec import ModelSpec  # noqa: E402
from train import models  # noqa: E402
from train.learn.checkpoint import save_weights  # noqa: E402
from train.models.heads import Parser  # noqa: E402

PARSERS = ("bisenet", "eagrnet", "parts", "parts-depth")
WIDTH = {"eagrnet": 4}  # others: 8


@pytest.fixture(params=sorted(models.SPECS))
def name(request):
    return request.param


def narrow(name, **options):
    torch.manual_seed(0)
    return models.create_model(name, width=WIDTH.get(name, 8), **options)


def outputs_squared(network, x):
    """The sum of all that a loss can see of a network."""
    if not isinstance(network, Parser):
        return network(x).square().mean()
    heads = network.heads(x)
    seen = [heads.logits, *heads.auxiliary, *([] if heads.edge is None else [heads.edge])]
    return sum(one.square().mean() for one in seen)


def test_logits_have_the_specs_shape(name):
    spec = models.spec(name)
    with torch.device("meta"):  # shapes of the full networks, without computing them
        network = models.for_inference(models.create_model(name)).eval()
        logits = network(torch.zeros(2, 3, spec.size_px, spec.size_px))
    assert logits.shape == (2, len(spec.labels), spec.size_px, spec.size_px)


def test_network_is_fully_convolutional(name):
    network = narrow(name).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 96)).shape[2:] == (64, 96)


def test_every_weight_gets_a_gradient(name):
    network = narrow(name)
    outputs_squared(network, torch.randn(2, 3, 96, 96)).backward()
    missing = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert missing == []


def test_one_batch_can_be_overfitted(name):
    network, spec = models.for_inference(narrow(name)), models.spec(name)
    x = torch.nn.functional.interpolate(torch.randn(2, 3, 8, 8), 64, mode="bilinear")
    y = (x.mean(dim=1) * 2 + 1).clamp(0, min(3, len(spec.labels)) - 1).long()
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_checkpoint_brings_its_size_back(name, tmp_path):
    network, path = narrow(name, size_px=64), tmp_path / "weights.safetensors"
    save_weights(path, network.state_dict(), {"model": name, "width": WIDTH.get(name, 8), "size_px": 64})
    restored, spec = models.restore(path)
    assert spec.size_px == 64
    assert not restored.training


def test_generator_of_another_size_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path, narrow("rgb-to-depth", size_px=64).state_dict(), {"model": "rgb-to-depth", "width": 8})
    with pytest.raises(DataError, match="does not fit"):
        models.restore(path)


class Toy(torch.nn.Conv2d):
    """One convolution."""

    def __init__(self, labels: int, width: int = 3) -> None:
        super().__init__(width, labels, 3, padding=1)


def test_a_registered_network_is_built_by_its_name_and_comes_back_from_its_checkpoint(tmp_path):
    models.register(ModelSpec("toy", ("background", "face"), 32))(Toy)
    try:
        network, path = models.create_model("toy"), tmp_path / "weights.safetensors"
        save_weights(path, network.state_dict(), {"model": "toy", "size_px": 64})
        restored, spec = models.restore(path)
        assert (spec.name, spec.labels, spec.size_px) == ("toy", ("background", "face"), 64)
        assert torch.allclose(restored.weight, network.weight, atol=1e-3)
        with pytest.raises(UsageError, match="no regularised variant"):
            models.create_model("toy", regularised=True)
        with pytest.raises(UsageError, match="two networks are named 'toy'"):
            models.register(ModelSpec("toy", ("a", "b")))(Toy)
    finally:
        models.unregister("toy")
    with pytest.raises(UnknownModel, match="no model 'toy'"):
        models.create_model("toy")


def test_a_parser_is_registered_for_depth_as_well_or_serves_both():
    assert sorted(models.parsers()) == ["bisenet", "eagrnet", "parts"]
    assert [models.for_depth(name) for name in ("parts", "bisenet")] == ["parts-depth", "bisenet"]


def test_unknown_model_is_refused_with_the_known_names():
    with pytest.raises(UnknownModel, match="consensus-lite"):
        models.create_model("consensus-heavy")


@pytest.mark.parametrize("name", ["bisenet", "eagrnet", "rgb-to-depth"])
def test_regularised_variant_that_does_not_exist_is_refused(name):
    with pytest.raises(UsageError, match="consensus-lite"):
        models.create_model(name, regularised=True)


def test_size_that_the_compact_parser_cannot_halve_is_refused():
    with pytest.raises(UsageError, match="multiple of 32"):
        models.create_model("parts", width=4, size_px=144)


@pytest.mark.parametrize("name", PARSERS)
def test_heads_are_logits_at_the_size_of_the_picture_and_the_last_layers_activations(name):
    x = torch.randn(2, 3, 64, 64)
    heads = narrow(name).heads(x)
    full = (2, 13, 64, 64)
    assert heads.logits.shape == full
    assert heads.features.shape[:2] == full[:2]
    assert [one.shape for one in heads.auxiliary] == [full] * (2 if name == "bisenet" else 0)
    assert (heads.edge is None) == (name != "eagrnet")


@pytest.mark.parametrize("name", PARSERS)
def test_forward_gives_the_logits_of_the_heads(name):
    network, x = narrow(name).eval(), torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(network(x), network.heads(x).logits)


@pytest.mark.parametrize("name", PARSERS)
def test_logits_are_the_features_enlarged_and_nothing_else(name):
    network, x = narrow(name).eval(), torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        heads = network.heads(x)
        again = torch.nn.functional.interpolate(heads.features, (64, 64), mode="bilinear", align_corners=True)
    assert torch.allclose(heads.logits, again, atol=1e-5)
