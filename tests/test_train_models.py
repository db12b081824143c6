"""One suite over every registered model."""

import pytest

torch = pytest.importorskip("torch")

from engines.errors import UnknownModel  # noqa: E402
from train import models  # noqa: E402


@pytest.fixture(params=sorted(models.SPECS))
def name(request):
    return request.param


def test_logits_have_the_specs_shape(name):
    spec = models.spec(name)
    network = models.create(name).eval()
    with torch.inference_mode():
        logits = network(torch.zeros(2, 3, spec.size_px, spec.size_px))
    assert logits.shape == (2, len(spec.labels), spec.size_px, spec.size_px)


def test_network_is_fully_convolutional(name):
    network = models.create(name).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 96)).shape[2:] == (64, 96)


def test_every_weight_gets_a_gradient(name):
    network = models.create(name)
    size = models.spec(name).size_px
    network(torch.randn(2, 3, size, size)).square().mean().backward()
    missing = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert missing == []


def test_one_batch_can_be_learned_by_heart(name):
    torch.manual_seed(0)
    network, size = models.create(name), models.spec(name).size_px
    x = torch.randn(2, 3, size, size)
    y = (x.mean(dim=1) > 0).long()
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_unknown_model_is_refused_with_the_known_names():
    with pytest.raises(UnknownModel, match="consensus-lite"):
        models.create("consensus-heavy")
