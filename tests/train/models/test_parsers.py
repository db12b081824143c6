"""BiSeNet, EAGRNet and the compact parser against their published architectures, counted here by formula."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from engines.spec import PART_LABELS  # noqa: E402
from train import models  # noqa: E402
from train.models.eagrnet import EAGRNet  # noqa: E402
from train.models.edge_graph import GraphConvolution, GraphReasoning  # noqa: E402
from train.models.resnet import resnet18, resnet101  # noqa: E402

LABELS = len(PART_LABELS)


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


def conv(inputs, outputs, kernel):
    """A convolution without bias, then a BatchNorm."""
    return inputs * outputs * kernel**2 + 2 * outputs


def resnet_18():
    """He et al., table 1: a 7x7 stem and four stages of two blocks of two 3x3; 1x1 where a stage widens."""
    count = conv(3, 64, 7)
    for inputs, outputs in ((64, 64), (64, 128), (128, 256), (256, 512)):
        count += conv(inputs, outputs, 3) + 3 * conv(outputs, outputs, 3)
        count += conv(inputs, outputs, 1) if inputs != outputs else 0
    return count


def resnet_101():
    """He et al., table 1 (3, 4, 23 and 3 bottlenecks), with PSPNet's stem of three 3x3."""
    count, inputs = conv(3, 64, 3) + conv(64, 64, 3) + conv(64, 128, 3), 128
    for width, blocks in ((64, 3), (128, 4), (256, 23), (512, 3)):
        count += conv(inputs, 4 * width, 1)
        for _ in range(blocks):
            count += conv(inputs, width, 1) + conv(width, width, 3) + conv(width, 4 * width, 1)
            inputs = 4 * width
    return count


def bisenet(labels):
    """Yu et al., figure 2, on ResNet-18 with 128 channels in the context path and 256 after fusion."""
    refinement = sum(conv(inputs, 128, 3) + conv(128, 128, 1) for inputs in (256, 512))
    path = conv(512, 128, 1) + 2 * conv(128, 128, 3) + refinement
    fusion = conv(256, 256, 1) + 2 * 256 * 64
    heads = conv(256, 256, 3) + 256 * labels + 2 * (conv(128, 64, 3) + 64 * labels)
    return resnet_18() + path + fusion + heads


def graph_reasoning(inputs, state):
    return 2 * (inputs * state + state) + (16 * 16 + 16) + state * state + conv(state, inputs, 1)


def eagrnet(labels):
    """Te et al., figure 2, with the widths of PSPNet (512) and CE2P (256 and 48), 128 states and 16 vertices."""
    pyramid = 4 * conv(2048, 512, 1) + conv(2048 + 4 * 512, 512, 3)
    edges = sum(conv(inputs, 256, 1) for inputs in (256, 512, 1024)) + (256 * 2 * 9 + 2) + 6 * 2 + 2
    graph = graph_reasoning(512, 128) + graph_reasoning(256, 64)
    decoder = conv(512, 256, 1) + conv(256, 48, 1) + conv(304, 256, 1) + conv(256, 256, 1) + 256 * labels + labels
    return resnet_101() + pyramid + edges + graph + decoder


def test_resnet_18_has_the_published_parameters_less_its_classifier():
    assert parameters(resnet18()) == resnet_18() == 11_689_512 - (512 * 1000 + 1000)


def test_resnet_101_has_the_published_parameters_but_for_stem_and_classifier():
    published = 44_549_160 - (2048 * 1000 + 1000)
    stem = conv(3, 64, 3) + conv(64, 64, 3) + conv(64, 128, 3) - conv(3, 64, 7)
    wider = 64 * 64 + 64 * 256  # the first stage reads 128 channels, twice
    assert parameters(resnet101()) == resnet_101() == published + stem + wider


@pytest.mark.parametrize("labels", [LABELS, 19])
def test_bisenet_has_its_parameters(labels):
    assert parameters(models.create_model("bisenet", labels=labels)) == bisenet(labels)


@pytest.mark.parametrize("labels", [LABELS, 11])
def test_eagrnet_has_its_parameters(labels):
    with torch.device("meta"):
        assert parameters(EAGRNet(labels)) == eagrnet(labels) == 66_723_037 + 257 * (labels - LABELS)


def test_narrower_networks_do_not_pass_for_the_papers():
    assert parameters(models.create_model("bisenet", width=32)) != bisenet(LABELS)
    assert parameters(models.create_model("eagrnet", width=8)) != eagrnet(LABELS)


def shapes(network, size_px, *names):
    """The output shape, less the batch, of some of a network's modules."""
    found, by_name = {}, dict(network.named_modules())
    for name in names:
        by_name[name].register_forward_hook(lambda _, __, output, name=name: found.update({name: output.shape[1:]}))
    network.heads(torch.zeros(2, 3, size_px, size_px))
    return [tuple(found[name]) for name in names]


def test_bisenet_has_the_papers_shapes():
    with torch.device("meta"):
        names = [f"context.backbone.stages.{stage}" for stage in range(4)]
        names += ["context.smooth_16", "context.smooth_8", "fusion", "head"]
        found = shapes(models.create_model("bisenet"), 512, *names)
    assert found == [
        (64, 128, 128), (128, 64, 64), (256, 32, 32), (512, 16, 16),
        (128, 32, 32), (128, 64, 64), (256, 64, 64), (LABELS, 64, 64),
    ]  # fmt: skip


def test_eagrnet_has_the_papers_shapes():
    with torch.device("meta"):
        names = [f"backbone.stages.{stage}" for stage in range(4)] + ["pyramid", "edges"]
        names += ["deep_graph", "fine_graph", "decoder"]
        found = shapes(models.create_model("eagrnet"), 480, *names)
    assert found == [
        (256, 120, 120), (512, 60, 60), (1024, 60, 60), (2048, 60, 60),
        (512, 60, 60), (2, 120, 120), (512, 60, 60), (256, 120, 120), (LABELS, 120, 120),
    ]  # fmt: skip


@pytest.mark.parametrize(("stage", "blocks", "dilation"), [(2, 23, 2), (3, 3, 4)])
def test_dilated_stages_see_as_far_as_strided_ones(stage, blocks, dilation):
    modules = resnet101(4).stages[stage].modules()
    dilations = [module.dilation for module in modules if isinstance(module, nn.Conv2d)]
    assert dilations.count((dilation, dilation)) == blocks  # the 3x3 of each bottleneck


def test_parsing_loss_does_not_move_the_edge_branch():
    network = models.create_model("eagrnet", width=4)
    network.heads(torch.randn(2, 3, 64, 64)).logits.square().mean().backward()
    assert all(weight.grad is None for weight in network.edges.parameters())
    for graph in (network.deep_graph, network.fine_graph):
        assert any(weight.grad is not None for weight in graph.parameters())


def test_graph_looks_at_boundaries():
    torch.manual_seed(0)
    graph, x = GraphReasoning(16, 8).eval(), torch.randn(1, 16, 12, 12)
    nowhere, somewhere = torch.zeros(1, 2, 24, 24), torch.zeros(1, 2, 24, 24)
    somewhere[:, 1, 8:16] = 6
    with torch.inference_mode():
        assert not torch.allclose(graph(x, nowhere), graph(x, somewhere), atol=1e-4)


def test_graph_is_blind_to_the_rim():
    """A vertex stands for a cell inside the ring of outer cells, so what lies on the rim chooses no vertex."""
    graph = GraphReasoning(16, 8)
    assert graph.reason.adjacency.in_channels == 16
    assert graph.cells.output_size == 6


def test_graph_convolution_is_the_formula():
    torch.manual_seed(0)
    layer, x = GraphConvolution(5, 3), torch.randn(2, 3, 5)
    adjacency, weight = layer.adjacency.weight[:, :, 0], layer.weight.weight[:, :, 0]
    bias = layer.adjacency.bias[:, None]
    expected = [torch.relu(((one.T - adjacency @ one.T - bias) @ weight.T).T) for one in x]
    assert torch.allclose(layer(x), torch.stack(expected), atol=1e-6)


def test_compact_parser_sees_the_whole_crop():
    """The whole head distinguishes left from right."""
    torch.manual_seed(0)
    network = models.create_model("parts", width=4).eval()
    picture = torch.randn(1, 3, 160, 160, requires_grad=True)
    network(picture)[0, :, 80, 80].sum().backward()
    touched = picture.grad[0].abs().sum(dim=(0, 1)).nonzero()
    assert (int(touched.min()), int(touched.max())) == (0, 159)


def test_colour_and_depth_have_the_same_compact_parser():
    colour, depth = (models.create_model(name, width=4) for name in ("parts", "parts-depth"))
    depth.load_state_dict(colour.state_dict())
    assert models.spec("parts").size_px == models.spec("parts-depth").size_px
