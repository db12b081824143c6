"""One step of a network on its own; the joint training starts from these (section 3.2: "separately pre-train")."""

from __future__ import annotations

from torch import Tensor

from train.losses.mutual import discriminator_loss, generator_loss, l1_loss
from train.losses.parsing import parsing_loss
from train.mutual.autocast import mixed
from train.mutual.batches import Batch
from train.mutual.learner import Learners


def rgb_step(learners: Learners, batch: Batch) -> dict[str, Tensor]:
    """One step of the RGB parser. Returns the named terms of its loss."""
    return _parser_step(learners, "rgb", batch.rgb, batch.parts)


def depth_step(learners: Learners, batch: Batch) -> dict[str, Tensor]:
    """One step of the depth parser. Returns the named terms of its loss."""
    return _parser_step(learners, "depth", batch.seen, batch.parts)


def translator_step(learners: Learners, batch: Batch) -> dict[str, Tensor]:
    """One step of the discriminator and one of the translator: equation 1. Returns the named terms."""
    run, discriminator = learners.run, learners.network("discriminator")
    with mixed(run, batch.rgb.device):
        made = learners.network("translator")(batch.rgb)
        of_true, of_made = discriminator(batch.rgb, batch.depth), discriminator(batch.rgb, made.detach())
    terms = {"discriminator": discriminator_loss(of_true, of_made)}
    learners.learn(terms["discriminator"], "discriminator")
    with mixed(run, batch.rgb.device):
        of_made = discriminator(batch.rgb, made)
    terms |= {"gan": generator_loss(of_made), "l1": l1_loss(made, batch.depth)}
    terms["total"] = terms["gan"] + run.config.l1 * terms["l1"]
    learners.learn(terms["total"], "translator")
    return terms


def _parser_step(learners: Learners, role: str, x: Tensor, parts: Tensor) -> dict[str, Tensor]:
    with mixed(learners.run, x.device):
        heads = learners.network(role).heads(x)
    terms = parsing_loss(heads, parts, learners.run.config.ohem, learners.run.config.dice)
    learners.learn(terms["total"], role)
    return terms
