"""Pix2Pix against its paper's appendix 6.1, counted here by formula, and its engine form against its depth."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from train import models  # noqa: E402
from train.models.pix2pix import DepthLabels, PixelDiscriminator, UNet, levels_for  # noqa: E402

ENCODER = (64, 128, 256, 512, 512, 512, 512, 512)  # C64-C128-C256-C512-C512-C512-C512-C512
DECODER = (512, 512, 512, 512, 256, 128, 64)  # CD512-CD512-CD512-C512-C256-C128-C64, of the U-Net without its skips


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


def generator():
    """4x4 convolutions; a bias where no BatchNorm follows (the first, the bottleneck, the output)."""
    count, inputs = 0, 3
    for level, outputs in enumerate(ENCODER):
        count += 16 * inputs * outputs + (outputs if level in (0, len(ENCODER) - 1) else 2 * outputs)
        inputs = outputs
    for level, outputs in enumerate(DECODER):
        count += 16 * inputs * outputs + 2 * outputs
        inputs = outputs + ENCODER[-2 - level]  # the skip
    return count + 16 * inputs * 1 + 1


def full(size_px=256):
    with torch.device("meta"):
        return models.create_model("rgb-to-depth", size_px=size_px)


@pytest.mark.parametrize("size_px", [256, 480, 512])
def test_generator_has_the_papers_parameters(size_px):
    """Also at the sizes of the parsers: 480 for EAGRNet, 512 for BiSeNet."""
    assert parameters(full(size_px)) == generator() == 54_410_433


def test_shorter_generator_does_not_pass_for_the_papers():
    with torch.device("meta"):
        assert parameters(models.create_model("rgb-to-depth", width=64, size_px=128)) != generator()


def test_discriminator_has_the_papers_parameters():
    """C64-C128 and the decision, all 1x1, on RGB and depth together."""
    assert parameters(PixelDiscriminator()) == (4 * 64 + 64) + (64 * 128 + 2 * 128) + (128 + 1)


def test_encoder_and_decoder_have_the_papers_shapes():
    network, found = full(), []
    for module in (*network.encoder, *network.decoder):
        module.register_forward_hook(lambda _, __, output: found.append(tuple(output.shape[1:3])))
    with torch.device("meta"):
        assert network(torch.zeros(2, 3, 256, 256)).shape == (2, 1, 256, 256)
    assert found[:8] == [(width, 2 ** (7 - level)) for level, width in enumerate(ENCODER)]
    assert found[8:] == [(width, 2 ** (level + 1)) for level, width in enumerate(DECODER)]


def test_noise_is_dropout_in_the_first_three_layers_of_the_decoder():
    noisy = [any(isinstance(layer, nn.Dropout) for layer in up) for up in full().decoder]
    assert noisy == [True, True, True, False, False, False, False]


@pytest.mark.parametrize(("levels", "noisy"), [(4, 1), (5, 1), (7, 2)])
def test_shorter_generator_keeps_its_noise(levels, noisy):
    assert sum(isinstance(layer, nn.Dropout) for layer in UNet(4, levels).modules()) == noisy


@pytest.mark.parametrize(("size_px", "levels"), [(256, 8), (512, 8), (480, 8), (128, 7), (160, 5), (48, 4)])
def test_levels_are_the_papers_or_go_down_to_an_odd_size(size_px, levels):
    assert levels_for(size_px) == levels


def test_a_size_that_cannot_be_halved_so_often_is_padded():
    torch.manual_seed(0)
    network, x = UNet(8, 4).eval(), torch.randn(1, 3, 24, 24)
    padded = nn.functional.pad(x, (0, 8, 0, 8), mode="replicate")
    with torch.inference_mode():
        assert torch.equal(network(x), network(padded)[..., :24, :24])


def test_noise_moves_the_depth_in_training_only():
    torch.manual_seed(0)
    network, x = UNet(8, 4), torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert not torch.equal(network(x), network(x))
        network.eval()
        assert torch.equal(network(x), network(x))


def test_probability_of_near_is_the_depth_as_gray():
    torch.manual_seed(0)
    network, x = UNet(8, 4).eval(), torch.randn(2, 3, 32, 32)
    nn.init.normal_(network.output[1].weight)  # depths of all sizes
    with torch.inference_mode():
        depth, near = network(x), torch.softmax(DepthLabels(network)(x), dim=1)[:, 1:]
    assert depth.abs().max() > 0.5
    assert torch.allclose(near, (depth + 1) / 2, atol=1e-6)


def test_inference_form_of_a_generator_has_the_specs_labels():
    network = models.for_inference(models.create_model("rgb-to-depth", width=4))
    assert isinstance(network, DepthLabels)
    assert len(models.spec("rgb-to-depth").labels) == 2


def test_discriminator_judges_each_pixel_alone():
    torch.manual_seed(0)
    judge = PixelDiscriminator(8).eval()
    rgb, depth = torch.randn(1, 3, 8, 8), torch.randn(1, 1, 8, 8)
    changed = depth.clone()
    changed[..., 3, 5] += 1
    with torch.inference_mode():
        moved = (judge(rgb, changed) != judge(rgb, depth))[0, 0].nonzero().tolist()
    assert moved == [[3, 5]]


def test_discriminator_learns_to_tell_real_from_made_depth():
    torch.manual_seed(0)
    judge, rgb = PixelDiscriminator(8), torch.randn(4, 3, 16, 16)
    real, made = rgb.mean(dim=1, keepdim=True), torch.randn(4, 1, 16, 16)
    pairs, truth = (torch.cat([rgb, rgb]), torch.cat([real, made])), torch.arange(8).ge(4).logical_not().float()
    optimizer = torch.optim.Adam(judge.parameters(), 1e-2)
    for _ in range(40):
        logits = judge(*pairs)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, truth.view(8, 1, 1, 1).expand_as(logits))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.6


def test_depth_of_one_batch_can_be_learned_by_heart():
    torch.manual_seed(0)
    network, x = UNet(8, 4), torch.nn.functional.interpolate(torch.randn(2, 3, 4, 4), 32)
    target = x.mean(dim=1, keepdim=True).tanh()
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for _ in range(40):
        loss = (network(x) - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
