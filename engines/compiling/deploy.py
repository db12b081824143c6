"""The network as it is compiled: pixels in, labels and probabilities out, with nothing left to do outside the graph.

Needs torch: only builders and the torch backend import this module.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from engines.spec import Batch, ModelSpec, Precision

_DTYPES: dict[Precision, torch.dtype] = {"fp16": torch.float16, "fp8": torch.float16, "bf16": torch.bfloat16}


class Deploy(nn.Module):
    """A network between its normalisation and its softmax and argmax. In evaluation mode, without gradients.

    Args:
        network: `(N, 3, S, S) float32` normalised RGB -> logits `(N, K, S, S)`, or a pair of them and the `(N, 3)` of
            `ModelSpec.presence`. Copied, so the caller's stays as it is.
        spec: what the network takes and returns.
        precision: what the network itself computes in; normalisation, softmax and argmax stay in float32.
    """

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self, network: nn.Module, spec: ModelSpec, precision: Precision = "fp32") -> None:
        super().__init__()
        self.dtype = _DTYPES.get(precision, torch.float32)  # int8 is made of a float32 network, fp8 of half
        self.network = copy.deepcopy(network).cpu().to(self.dtype)
        mean, std = torch.tensor(spec.mean).view(1, 3, 1, 1), torch.tensor(spec.std).view(1, 3, 1, 1)
        # (rgb / 255 - mean) / std, as one multiplication and one addition.
        self.register_buffer("scale", 1 / (255 * std))
        self.register_buffer("shift", -mean / std)
        self.spec = spec
        self.eval().requires_grad_(False)

    def at(self, precision: Precision) -> Deploy:
        """The same network at another precision."""
        return Deploy(self.network, self.spec, precision)

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(N, S, S, 3) uint8 RGB -> labels (N, S, S) uint8, probabilities x 255 (N, S, S, K) uint8, and presence (N, 3)
        float32 if the spec has it: probability, cosine, sine."""
        # Bytes are cast first and last: TensorRT has them as inputs and outputs only.
        rgb = crops.float().permute(0, 3, 1, 2) * self.scale + self.shift
        outputs = self.network(rgb.to(self.dtype))
        logits, found = outputs if self.spec.presence else (outputs, None)
        logits = logits.float()
        probabilities = torch.softmax(logits, dim=1) * 255
        always = likeliest(logits), probabilities.round().permute(0, 2, 3, 1).to(torch.uint8)
        if found is None:
            return always
        return *always, torch.cat([torch.sigmoid(found[:, :1].float()), found[:, 1:].float()], dim=1)


def program(deploy: Deploy, batch: Batch) -> torch.export.ExportedProgram:
    """The network's graph, with a batch of one size or of a range.

    The example has the best size: builders that read the program take that for the size to be fastest at.
    """
    size_px = deploy.spec.size_px
    count = batch.opt if batch.static else max(2, batch.opt)  # a batch of 1 would be taken for a constant
    example = torch.zeros((count, size_px, size_px, 3), dtype=torch.uint8)
    if batch.static:
        return torch.export.export(deploy, (example,))
    varies = {"crops": {0: torch.export.Dim("batch", min=batch.min, max=batch.max)}}
    return torch.export.export(deploy, (example,), dynamic_shapes=varies)


def likeliest(logits: torch.Tensor) -> torch.Tensor:
    """`logits.argmax(1)` as uint8, the lowest id where several are equal: (N, K, H, W) -> (N, H, W).

    Written as comparisons, because OpenVINO turns an argmax over channels into a sort of every pixel.
    """
    best = logits[:, 0]
    label = torch.zeros_like(best)
    for k in range(1, logits.shape[1]):
        candidate = logits[:, k]
        label = torch.where(candidate > best, float(k), label)
        best = torch.maximum(best, candidate)
    return label.to(torch.uint8)
