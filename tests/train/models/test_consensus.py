"""The network of Structure via Consensus against the paper's table 5."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from engines.errors import DataError, UsageError  # noqa: E402
from train import models  # noqa: E402
from train.learn.checkpoint import save_weights  # noqa: E402

# Table 5 (appendix A): layer, output (channels, height, width), parameters; the batch is left out.
TABLE_5 = [
    ("ReflectionPad2d", (3, 130, 130), 0),
    ("Conv2d", (64, 128, 128), 1_792),
    ("ELU", (64, 128, 128), 0),
    ("ReflectionPad2d", (64, 130, 130), 0),
    ("Conv2d", (128, 64, 64), 73_856),
    ("ELU", (128, 64, 64), 0),
    ("BatchNorm2d", (128, 64, 64), 256),
    ("ReflectionPad2d", (128, 66, 66), 0),
    ("Conv2d", (128, 64, 64), 147_584),
    ("ELU", (128, 64, 64), 0),
    ("BatchNorm2d", (128, 64, 64), 256),
    ("ReflectionPad2d", (128, 66, 66), 0),
    ("Conv2d", (128, 64, 64), 147_584),
    ("ELU", (128, 64, 64), 0),
    ("BatchNorm2d", (128, 64, 64), 256),
    ("ReflectionPad2d", (128, 66, 66), 0),
    ("Conv2d", (256, 32, 32), 295_168),
    ("ELU", (256, 32, 32), 0),
    ("BatchNorm2d", (256, 32, 32), 512),
    ("ReflectionPad2d", (256, 40, 40), 0),
    ("Conv2d", (256, 32, 32), 590_080),
    ("ELU", (256, 32, 32), 0),
    ("BatchNorm2d", (256, 32, 32), 512),
    ("ReflectionPad2d", (256, 38, 38), 0),
    ("Conv2d", (256, 32, 32), 590_080),
    ("ELU", (256, 32, 32), 0),
    ("BatchNorm2d", (256, 32, 32), 512),
    ("ReflectionPad2d", (512, 34, 34), 0),
    ("Conv2d", (512, 32, 32), 2_359_808),
    ("ELU", (512, 32, 32), 0),
    ("BatchNorm2d", (512, 32, 32), 1_024),
    ("PixelShuffle", (128, 64, 64), 0),
    ("ReflectionPad2d", (128, 66, 66), 0),
    ("Conv2d", (128, 64, 64), 147_584),
    ("ELU", (128, 64, 64), 0),
    ("BatchNorm2d", (128, 64, 64), 256),
    ("ReflectionPad2d", (128, 66, 66), 0),
    ("Conv2d", (128, 64, 64), 147_584),
    ("ELU", (128, 64, 64), 0),
    ("BatchNorm2d", (128, 64, 64), 256),
    ("PixelShuffle", (32, 128, 128), 0),
    ("ReflectionPad2d", (32, 130, 130), 0),
    ("Conv2d", (32, 128, 128), 9_248),
    ("ELU", (32, 128, 128), 0),
    ("ReflectionPad2d", (32, 130, 130), 0),
    ("Conv2d", (32, 128, 128), 9_248),
    ("ELU", (32, 128, 128), 0),
    ("Conv2d", (3, 128, 128), 867),
]


def rows_of(network):
    """(layer, output shape, parameters) of each layer in the order in which a forward pass meets them."""
    rows, handles = [], []

    def note(module, _, output):
        count = sum(weight.numel() for weight in module.parameters())
        rows.append((type(module).__name__, tuple(output.shape[1:]), count))

    for module in network.modules():
        if not list(module.children()) and not isinstance(module, nn.Dropout):
            handles.append(module.register_forward_hook(note))
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, 128, 128))
    for handle in handles:
        handle.remove()
    return rows


def with_lived_in_norms(network):
    """BatchNorms as after training: with statistics and weights that are not 0 and 1."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.3, 3)
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias)
    return network.eval()


def norms_of(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_every_row_of_table_5_has_its_layer_shape_and_parameters():
    assert rows_of(models.create_model("consensus")) == TABLE_5


def test_narrower_network_does_not_pass_for_the_papers():
    assert rows_of(models.create_model("consensus", width=32)) != TABLE_5


def test_parameters_are_those_of_the_paper():
    assert sum(weight.numel() for weight in models.create_model("consensus").parameters()) == 4_524_323


def test_receptive_field_is_the_papers_121_when_sub_pixel_steps_are_left_out_of_account():
    sees, step = 1, 1
    for layer in (m for m in models.create_model("consensus", width=8).modules() if isinstance(m, nn.Conv2d)):
        sees += (layer.kernel_size[0] - 1) * layer.dilation[0] * step
        step *= layer.stride[0]
    assert sees == 121  # section 3.2; PixelShuffle halves the step, which this count ignores


def test_a_pixel_of_the_output_really_depends_on_93_columns():
    network = models.create_model("consensus", width=8).double()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1e-2)
    picture = torch.zeros(1, 3, 256, 256, dtype=torch.float64, requires_grad=True)
    network.eval()(picture)[0, 0, 128, 128].backward()
    columns = picture.grad[0].abs().sum(dim=(0, 1)).nonzero()
    assert int(columns.max() - columns.min()) + 1 == 93


def test_folded_network_gives_the_same_logits():
    torch.manual_seed(0)
    network = with_lived_in_norms(models.create_model("consensus", width=16)).double()
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.inference_mode():
        assert torch.allclose(network(x), network.for_inference()(x), rtol=1e-9, atol=1e-9)


def test_folding_removes_the_seven_norms_that_can_go_and_leaves_the_network_as_it_was():
    network = models.create_model("consensus", width=8)
    folded = models.for_inference(network)
    assert (norms_of(network), norms_of(folded)) == (9, 2)


def test_fold_that_forgets_the_shift_is_noticed():
    torch.manual_seed(0)
    network = with_lived_in_norms(models.create_model("consensus", width=8)).double()
    folded = network.for_inference()
    with torch.no_grad():
        folded.decoder[0].convolution.bias -= 0.01
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.inference_mode():
        assert not torch.allclose(network(x), folded(x), rtol=1e-9, atol=1e-9)


def test_regularised_variant_drops_out_in_training_only():
    torch.manual_seed(0)
    network, x = models.create_model("consensus", width=8, regularised=True), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.0
        assert not torch.equal(network.train()(x), network(x))
        assert torch.equal(network.eval()(x), network(x))


def test_plain_variant_drops_nothing():
    network, x = models.create_model("consensus", width=8).train(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network(x), network(x))


@pytest.mark.parametrize("width", [2, 30, -8])
def test_width_that_does_not_shuffle_is_refused(width):
    with pytest.raises(UsageError, match="multiple of 4"):
        models.create_model("consensus", width=width)


def test_checkpoint_brings_its_width_and_labels_back(tmp_path):
    network = models.create_model("consensus", width=8, labels=5)
    names = ["background", "a", "b", "c", "d"]
    path = tmp_path / "five.safetensors"
    save_weights(path, network.state_dict(), {"model": "consensus", "width": 8, "labels": names})
    restored, spec = models.restore(path)
    assert spec.labels == tuple(names)
    with torch.inference_mode():
        assert restored(torch.zeros(1, 3, 64, 64)).shape == (1, 5, 64, 64)


def test_checkpoint_of_another_width_is_refused(tmp_path):
    path = tmp_path / "wrong.safetensors"
    save_weights(path, models.create_model("consensus", width=8).state_dict(), {"model": "consensus", "width": 16})
    with pytest.raises(DataError, match="does not fit"):
        models.restore(path)
