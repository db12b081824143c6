"""`parts` and `parts-depth`: a compact parser of 13 parts for 160x160 crops, from colour or from depth (as gray).

An encoder-decoder in plain 3x3 convolutions with BatchNorm and ReLU, which fold and quantise well. Left and right need
the whole head, so the encoder goes down to a 32nd of the resolution, where context is nearly free; eyes and lips are a
few pixels thin, so half of the work is at a half and a quarter, and a sub-pixel head (Structure via Consensus, section
3.2) decides every pixel without a convolution at full resolution.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from engines.errors import UsageError
from engines.spec import PART_LABELS, ModelSpec, Thresholds
from train.models.blocks import ConvNorm, ConvNormReLU, initialise
from train.models.consensus_lite import Residual, Up
from train.models.heads import Heads, Parser
from train.models.registry import register

_DROPOUT = 0.2


# The confidences of a printed skull (0.76 in the median) and of half-covered faces (0.81) overlap, so some faces are
# lost for a few frames.
@register(
    ModelSpec("parts", PART_LABELS, 160, crop_scale=2.0, thresholds=Thresholds(0.80)),
    ModelSpec(
        "parts-depth", PART_LABELS, 160, crop_scale=2.0, modality="depth", thresholds=Thresholds(estimated_depth=0.80)
    ),
)
class Parts(Parser):
    """(N, 3, S, S) float32 in -1..1 -> logits (N, labels, S, S); S a multiple of 32. 0.98 GMAC at width 32 and 160 px.

    Args:
        labels: classes.
        width: channels at half the resolution. Everything else follows from it.
        regularised: dropout before the decoder in training.
        size_px: side of the crops.

    Raises:
        UsageError: such crops cannot be halved five times.
    """

    def __init__(self, labels: int, width: int = 32, regularised: bool = False, size_px: int = 160) -> None:
        super().__init__()
        if size_px % 32:
            raise UsageError(
                f"a network of parts halves its crops five times: expected a multiple of 32 px, got {size_px}"
            )
        w2, w3, w6 = 2 * width, 3 * width, 6 * width
        self.at_2 = _stage(3, width, residuals=1)
        self.at_4 = _stage(width, w2, residuals=2)
        self.at_8 = _stage(w2, w3, residuals=3)
        self.at_16 = _stage(w3, w6, residuals=3)
        self.at_32 = _stage(w6, w6, residuals=2)
        self.dropout = nn.Dropout(_DROPOUT if regularised else 0.0)
        self.context = ConvNorm(w6, w6, kernel=1)
        self.up_8, self.up_4, self.up_2 = Up(w6, w3), Up(w3, w2), Up(w2, width)
        # Each pixel here is four of the crop, so the decision gets twice the channels; as it then looks at no
        # neighbours, it takes as long as a 3x3 decision on half of them.
        self.refine = nn.Sequential(Residual(width), ConvNormReLU(width, w2))
        self.classify = nn.Conv2d(w2, 4 * labels, 1)
        initialise(self)

    def heads(self, x: Tensor) -> Heads:
        logits = self.decode(self.encode(x))
        return Heads(logits, features=logits)

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """The features of every resolution, deepest last."""
        at_2 = self.at_2(x)
        at_4 = self.at_4(at_2)
        at_8 = self.at_8(at_4)
        at_16 = self.at_16(at_8)
        return at_2, at_4, at_8, at_16, self.at_32(at_16)

    def decode(self, features: tuple[Tensor, ...]) -> Tensor:
        """Logits from what `encode` returned."""
        at_2, at_4, at_8, at_16, at_32 = features
        context = self.context(self.dropout(at_32))
        y = at_16 + F.interpolate(context, scale_factor=2.0, mode="nearest")
        y = self.up_2(self.up_4(self.up_8(y, at_8), at_4), at_2)
        return F.pixel_shuffle(self.classify(self.refine(y)), 2)


def _stage(inputs: int, outputs: int, residuals: int) -> nn.Sequential:
    """Half the resolution, then residual blocks."""
    return nn.Sequential(ConvNormReLU(inputs, outputs, stride=2), *(Residual(outputs) for _ in range(residuals)))
