"""The vectorised consensus loss against a slow, direct transcription of the paper's equations."""

import math

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from train.losses.consensus import (  # noqa: E402 (torch first)
    ConsensusLoss,
    blob_balanced_cross_entropy,
    consensus_terms,
    dense_blob_ids,
)


def example(seed: int = 0, images: int = 3, size: int = 12):
    """Logits, labels and blobs: two occlusion blobs in each image, background and face around them."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, 3, size, size, generator=generator)
    labels = torch.zeros(images, size, size, dtype=torch.int64)
    labels[:, 2:10, 2:10] = 1
    blobs = labels.clone()
    labels[:, 3:5, 3:6], blobs[:, 3:5, 3:6] = 2, 2
    labels[:, 7:9, 6:9], blobs[:, 7:9, 6:9] = 2, 5
    return logits, labels, blobs


def slow_consensus(logits, labels, blobs, alpha, beta):
    """Equations 6-8, blob by blob and pixel by pixel."""
    total, count = 0.0, 0
    for n in range(logits.shape[0]):
        p = logits[n].double().softmax(dim=0)
        for blob in blobs[n].unique():
            inside = blobs[n] == blob
            pixels = p[:, inside]
            mean = pixels.mean(dim=1)
            label = int(labels[n][inside][0])
            first = -math.log(mean[label])
            second = sum(
                sum(float(mean[k]) * math.log(float(mean[k]) / float(pixels[k, s])) for k in range(p.shape[0]))
                for s in range(pixels.shape[1])
            )
            total += alpha * first + beta * second / pixels.shape[1]
            count += 1
    return total / count


@pytest.mark.parametrize("blob_kind", ["class", "component"])
@pytest.mark.parametrize(("alpha", "beta"), [(10.0, 5.0), (1.0, 0.0), (0.0, 1.0)])
def test_consensus_loss_equals_direct_transcription(blob_kind, alpha, beta):
    logits, labels, components = example()
    blobs = labels if blob_kind == "class" else components
    fast = ConsensusLoss(alpha, beta)(logits, labels, blobs)["total"]
    assert float(fast) == pytest.approx(slow_consensus(logits, labels, blobs, alpha, beta), rel=1e-5)


def test_class_and_component_blobs_differ():
    logits, labels, components = example()
    loss = ConsensusLoss()
    assert float(loss(logits, labels, labels)["total"]) != pytest.approx(
        float(loss(logits, labels, components)["total"])
    )


def test_every_pixel_its_own_blob_equals_cross_entropy():
    logits, labels, _ = example()
    blobs = torch.arange(labels[0].numel()).view(1, *labels.shape[1:]).expand_as(labels)
    label, deviation = consensus_terms(logits, labels, blobs)
    assert float(label) == pytest.approx(float(F.cross_entropy(logits, labels)), rel=1e-5)
    assert float(deviation) == pytest.approx(0.0, abs=1e-5)


def slow_equation_5(logits, labels, blobs):
    """1/|F| sum_F l(s) + 1/|B| sum_B l(s) + 1/|O| sum_O (1/|O| sum_s l(s)), image by image."""
    total = 0.0
    for n in range(logits.shape[0]):
        losses = -logits[n].double().log_softmax(dim=0).gather(0, labels[n][None])[0]
        for kind in labels[n].unique():
            ids = blobs[n][labels[n] == kind].unique()
            total += sum(float(losses[(blobs[n] == blob) & (labels[n] == kind)].mean()) for blob in ids) / len(ids)
    return total / logits.shape[0]


@pytest.mark.parametrize("blob_kind", ["class", "component"])
def test_blob_balanced_cross_entropy_equals_equation_5(blob_kind):
    logits, labels, components = example()
    blobs = labels if blob_kind == "class" else components
    expected = pytest.approx(slow_equation_5(logits, labels, blobs), rel=1e-5)
    assert float(blob_balanced_cross_entropy(logits, labels, blobs)) == expected


def test_equation_5_weighs_a_small_blob_like_a_large_one_and_equation_3_does_not():
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    labels[:, :1, :1] = 2
    wrong = F.one_hot(torch.zeros_like(labels), 3).permute(0, 3, 1, 2).float() * 10  # only that pixel is wrong
    assert float(blob_balanced_cross_entropy(wrong, labels, labels)) > 9
    assert float(F.cross_entropy(wrong, labels)) < 0.2


@pytest.mark.parametrize("blob_kind", ["class", "component"])
@pytest.mark.parametrize("loss", [lambda *a: ConsensusLoss()(*a)["total"], blob_balanced_cross_entropy])
def test_gradient_agrees_with_finite_differences(loss, blob_kind):
    logits, labels, components = example(images=1, size=10)
    blobs = labels if blob_kind == "class" else components
    x = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, labels, blobs), (x,), eps=1e-6, atol=1e-5)


def test_half_precision_logits_give_the_loss_of_their_values():
    logits, labels, blobs = example()
    half = logits.bfloat16()
    loss = ConsensusLoss()(half, labels, blobs)["total"]
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(ConsensusLoss()(half.float(), labels, blobs)["total"]), rel=1e-6)


def test_channels_last_logits_give_the_same_loss():
    logits, labels, blobs = example()
    last = logits.contiguous(memory_format=torch.channels_last)
    assert torch.equal(ConsensusLoss()(last, labels, blobs)["total"], ConsensusLoss()(logits, labels, blobs)["total"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [1e2, 1e4, 1e30])
def test_saturated_logits_give_finite_loss_and_gradient(scale, dtype):
    logits, labels, blobs = example()
    x = (logits.sign() * scale).to(dtype).requires_grad_()
    loss = ConsensusLoss()(x, labels, blobs)["total"] + blob_balanced_cross_entropy(x, labels, blobs)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(x.grad).all()


def test_blob_that_is_wrong_with_full_confidence_still_has_a_gradient():
    labels = torch.ones(1, 8, 8, dtype=torch.int64)
    x = torch.zeros(1, 3, 8, 8)
    x[:, 0] = 200.0  # softmax underflows to exactly 0 for the true class
    x.requires_grad_()
    ConsensusLoss()(x, labels, labels)["total"].backward()
    assert float(x.grad[:, 1].sum()) < 0


def test_perfect_prediction_costs_nothing_and_a_wrong_one_does():
    _, labels, blobs = example()
    perfect = F.one_hot(labels, 3).permute(0, 3, 1, 2).float() * 60
    assert float(ConsensusLoss()(perfect, labels, blobs)["total"]) == pytest.approx(0.0, abs=1e-4)
    assert float(ConsensusLoss()(-perfect, labels, blobs)["total"]) > 1


def test_dense_ids_are_unique_across_images():
    blobs = torch.tensor([[[0, 7], [7, 7]], [[0, 0], [7, 9]]])
    ids, count = dense_blob_ids(blobs)
    assert count == 5
    assert ids.tolist() == [0, 1, 1, 1, 2, 2, 3, 4]
