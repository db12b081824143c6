"""The precision in which activations are computed."""

from __future__ import annotations

import torch

from train.mutual.config import Run


def mixed(run: Run, device: torch.device) -> torch.autocast:
    """bfloat16 where it is wanted and the device has it, else float32. (float16 would need its losses scaled, and the
    two losses of a GAN differently.)"""
    has_it = device.type == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16, enabled=run.config.bf16 and has_it)
