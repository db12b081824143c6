"""One step of each stage: a network by itself (section 3.2: "separately pre-train"), and all three together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from train.learn.state import State
from train.losses.mutual import MUTUAL_LOSSES, discriminator_loss, generator_loss, l1_loss
from train.losses.parsing import parsing_loss
from train.models.heads import Heads
from train.mutual.batches import Batch
from train.mutual.config import Run, Stage


def rgb_step(run: Run, state: State, batch: Batch) -> dict[str, Tensor]:
    """One step of the RGB parser. Returns the named terms of its loss."""
    return _parser_step(run, state, "rgb", batch.rgb, batch.parts)


def depth_step(run: Run, state: State, batch: Batch) -> dict[str, Tensor]:
    """One step of the depth parser. Returns the named terms of its loss."""
    return _parser_step(run, state, "depth", batch.seen, batch.parts)


def translator_step(run: Run, state: State, batch: Batch) -> dict[str, Tensor]:
    """One step of the discriminator and one of the translator: equation 1. Returns the named terms."""
    discriminator = state.network("discriminator")
    with mixed_precision(run, batch.rgb.device):
        made = state.network("translator")(batch.rgb)
        of_true, of_made = discriminator(batch.rgb, batch.depth), discriminator(batch.rgb, made.detach())
    terms = {"discriminator": discriminator_loss(of_true, of_made)}
    state.learn(terms["discriminator"], "discriminator")
    with mixed_precision(run, batch.rgb.device):
        of_made = discriminator(batch.rgb, made)
    terms |= {"gan": generator_loss(of_made), "l1": l1_loss(made, batch.depth)}
    terms["total"] = terms["gan"] + run.config.l1_weight * terms["l1"]
    state.learn(terms["total"], "translator")
    return terms


def joint_step(run: Run, state: State, batch: Batch) -> dict[str, Tensor]:
    """One step of all networks: equation 4 (section 3.2, figure 3).

    Measured and generated depth share the depth parser's batch (section 4.2), and so the statistics of its BatchNorm.
    The translator still learns from generated depth alone, as equation 4 has it.

    Args:
        batch: faces whose depth isn't used, then pairs of colour and measured depth.

    Returns:
        The terms of equation 4, unweighted, their weighted `total`, and the discriminator's loss.
    """
    config = run.config
    translator, discriminator = state.network("translator"), state.network("discriminator")
    faces, pairs = batch.split(len(batch) * run.batch_size // (run.batch_size + run.pairs))
    made_count = len(pairs) if config.end_to_end_weight else 0  # half of the depth parser's batch, or nothing

    with mixed_precision(run, batch.rgb.device):
        made, translated = translator(torch.cat([faces.rgb[:made_count], pairs.rgb])).split([made_count, len(pairs)])
        of_rgb = state.network("rgb").heads(batch.rgb if config.mutual_weight else faces.rgb)
        cut = made.detach().requires_grad_()
        of_depth = state.network("depth").heads(torch.cat([pairs.seen, cut.expand(-1, 3, -1, -1)]))
        of_true, of_made = discriminator(pairs.rgb, pairs.depth), discriminator(pairs.rgb, translated.detach())
    terms = {"discriminator": discriminator_loss(of_true, of_made)}
    state.learn(terms["discriminator"], "discriminator")

    with mixed_precision(run, batch.rgb.device):
        of_made = discriminator(pairs.rgb, translated)
    terms["rgb"] = parsing_loss(part(of_rgb, slice(len(faces))), faces.parts, config.ohem, config.dice)["total"]
    terms["depth"] = parsing_loss(part(of_depth, slice(len(pairs))), pairs.parts, config.ohem, config.dice)["total"]
    terms["gan"] = generator_loss(of_made)
    terms["l1"] = l1_loss(translated, pairs.depth)
    total = config.rgb_weight * terms["rgb"] + config.depth_weight * terms["depth"]
    total = total + config.translation_weight * (terms["gan"] + config.l1_weight * terms["l1"])
    on_generated = total.new_zeros(())
    if config.end_to_end_weight:
        generated = part(of_depth, slice(len(pairs), None))
        terms["end_to_end"] = parsing_loss(generated, faces.parts[:made_count], config.ohem, config.dice)["total"]
        on_generated = on_generated + config.end_to_end_weight * terms["end_to_end"]
    if config.mutual_weight:
        distance = MUTUAL_LOSSES[config.mutual_on]
        also_generated = config.mutual_generated and made_count > 0
        weight = config.mutual_weight / (1 + also_generated)
        terms["mutual"] = distance(of_rgb.features[len(faces) :], of_depth.features[: len(pairs)])
        total = total + weight * terms["mutual"]
        if also_generated:
            terms["mutual_generated"] = distance(of_rgb.features[:made_count], of_depth.features[len(pairs) :])
            on_generated = on_generated + weight * terms["mutual_generated"]
    total = total + on_generated
    state.learn(total + _to_translator(on_generated, made, cut), "rgb", "depth", "translator")
    return terms | {"total": total}


STEPS: dict[Stage, Callable[[Run, State, Batch], dict[str, Tensor]]] = {
    "rgb": rgb_step,
    "depth": depth_step,
    "translator": translator_step,
    "joint": joint_step,
}


def part(heads: Heads, which: slice) -> Heads:
    """The outputs for some samples of a batch."""
    return replace(
        heads,
        logits=heads.logits[which],
        features=heads.features[which],
        auxiliary=tuple(logits[which] for logits in heads.auxiliary),
        edge=None if heads.edge is None else heads.edge[which],
    )


def mixed_precision(run: Run, device: torch.device) -> torch.autocast:
    """bfloat16 where the run wants it and the device has it, else float32. (float16 would need its losses scaled, and
    the two losses of a GAN differently.)"""
    has_bfloat16 = device.type == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16, enabled=run.config.bf16 and has_bfloat16)


def _to_translator(loss: Tensor, made: Tensor, cut: Tensor) -> Tensor:
    """A term of value 0 with the gradient of a loss on generated depth, by that depth.

    Args:
        loss: of generated depth alone.
        made: generated depth, from the translator.
        cut: the same without its graph, as the depth parser saw it.
    """
    if not loss.requires_grad:
        return loss
    (gradient,) = torch.autograd.grad(loss, cut, retain_graph=True)
    term = (made * gradient).sum()
    return term - term.detach()


def _parser_step(run: Run, state: State, role: str, x: Tensor, parts: Tensor) -> dict[str, Tensor]:
    with mixed_precision(run, x.device):
        heads = state.network(role).heads(x)
    terms = parsing_loss(heads, parts, run.config.ohem, run.config.dice)
    state.learn(terms["total"], role)
    return terms
